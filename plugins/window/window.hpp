// The window of a plugin, a library of its own beside the plugin's, so that a plugin loads where there is no X11 and no OpenGL.
//
// All of it is for the thread in which the host runs its windows. The two libraries are built and installed together.
#pragma once
#include <cstdint>

#include "../device/picture.hpp"

namespace latentmix {

// Units at a scale of 1: pixels.
constexpr int WINDOW_WIDTH = 640, WINDOW_HEIGHT = 440;

// What a window asks of its plugin and tells it; functions take `plugin`.
struct WindowClient {
    void *plugin;
    const char *name;
    int kind; // of model (`engine/weights.hpp`)
    const char *attributes[MAX_ATTRIBUTES]; // null: that is not there
    double (*get)(void *plugin, int parameter);
    void (*touch)(void *plugin, int parameter, bool begins); // a hand takes hold of it, or lets it go
    void (*set)(void *plugin, int parameter, double value);
    bool (*look)(void *plugin, Picture *to); // false: the plugin itself is out of reach
    void (*load)(void *plugin, int slot, const char *path); // a MIDI file; null: files cannot be chosen here
};

struct Window;

struct WindowLibrary {
    // Inside the host's window `parent` (X11's Window, Windows' HWND), or for 0 a window for itself; `scale` 0: that of the
    // screen. Null, with a line on standard error, where there can be none. `client` must outlive it.
    Window *(*open)(const WindowClient *client, std::uintptr_t parent, double scale);
    void (*close)(Window *);
    void (*idle)(Window *); // handles what came in and draws; to be called 20 to 60 times a second
    std::uintptr_t (*native)(Window *);
    void (*size)(Window *, unsigned *width, unsigned *height); // in pixels
    bool (*is_closed)(Window *); // by whoever looks at it
};

} // namespace latentmix

// What the library exports: `latentmix_window()`.
constexpr const char *WINDOW_SYMBOL = "latentmix_window";
