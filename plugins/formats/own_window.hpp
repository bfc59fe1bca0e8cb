// The window's library, looked for beside this binary and loaded when somebody opens a window; and a window of it.
#pragma once
#include "../window/window.hpp"

namespace latentmix {

// Whether the library is there, without loading it: hosts that scan do not wait for X11 and OpenGL.
bool has_window();

// For the thread of the host's windows.
class OwnWindow {
  public:
    // The client's name and attributes are filled in; `suffix` is added to the name.
    OwnWindow(const WindowClient &client, const char *suffix);
    ~OwnWindow() { close(); }
    OwnWindow(const OwnWindow &) = delete;

    bool open(std::uintptr_t parent, double scale); // false, with a line on standard error, where there can be none
    void close();
    void idle();
    bool is_open() const { return window_; }
    std::uintptr_t native() const;

  private:
    WindowClient client_;
    std::string name_;
    const WindowLibrary *library_ = nullptr;
    Window *window_ = nullptr;
};

} // namespace latentmix
