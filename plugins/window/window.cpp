#include "window.hpp"

#include <cstdio>
#include <memory>

#include "pugl/pugl.h" // before its back end
#include "pugl/gl.h"

#include "canvas.hpp"
#include "face.hpp"
#include "file_dialog.hpp"

namespace latentmix {

constexpr double AGAIN_SECONDS = 0.3, REACH = 4.0; // a double click

struct Window {
    explicit Window(const WindowClient &c) : client(c), face(c) {}

    const WindowClient &client;

    Face face;
    FileDialog dialog;
    PuglWorld *world = nullptr;
    PuglView *view = nullptr;
    NVGcontext *canvas = nullptr;
    double scale = 1.0;
    double pressed_at = -1.0;
    float pressed_x = 0, pressed_y = 0;
    bool is_closed = false;

    void press(const PuglButtonEvent &e) {
        const float x = static_cast<float>(e.x / scale), y = static_cast<float>(e.y / scale);
        const bool is_near = x > pressed_x - REACH && x < pressed_x + REACH && y > pressed_y - REACH && y < pressed_y + REACH;
        const bool is_again = pressed_at >= 0 && e.time - pressed_at < AGAIN_SECONDS && is_near;
        pressed_at = is_again ? -1.0 : e.time;
        pressed_x = x;
        pressed_y = y;
        face.press(x, y, is_again);
    }
    void draw() {
        if (!canvas) return;
        const PuglRect frame = puglGetFrame(view);
        begin_frame(canvas, static_cast<unsigned>(frame.width), static_cast<unsigned>(frame.height), scale);
        face.draw(canvas);
        end_frame(canvas);
    }
};

namespace {

PuglStatus on_event(PuglView *view, const PuglEvent *event) {
    Window &w = *static_cast<Window *>(puglGetHandle(view));
    switch (event->type) {
    case PUGL_CREATE:
        w.canvas = open_canvas();
        break;
    case PUGL_DESTROY:
        if (w.canvas) close_canvas(w.canvas);
        w.canvas = nullptr;
        break;
    case PUGL_EXPOSE:
        w.draw();
        break;
    case PUGL_CLOSE:
        w.is_closed = true;
        break;
    case PUGL_BUTTON_PRESS:
        if (event->button.button == 0) w.press(event->button);
        break;
    case PUGL_BUTTON_RELEASE:
        if (event->button.button == 0) w.face.release();
        break;
    case PUGL_MOTION:
        w.face.drag(static_cast<float>(event->motion.x / w.scale), static_cast<float>(event->motion.y / w.scale));
        break;
    case PUGL_SCROLL:
        w.face.scroll(static_cast<float>(event->scroll.x / w.scale), static_cast<float>(event->scroll.y / w.scale), event->scroll.dy);
        break;
    default:
        break;
    }
    return PUGL_SUCCESS;
}

void close(Window *w) {
    w->face.release();
    if (w->view) puglFreeView(w->view);
    if (w->world) puglFreeWorld(w->world);
    delete w;
}

Window *open(const WindowClient *client, std::uintptr_t parent, double scale) {
    std::unique_ptr<Window, void (*)(Window *)> w(new Window(*client), close);
    w->world = puglNewWorld(PUGL_MODULE, 0);
    if (w->world) {
        puglSetClassName(w->world, "latentmix");
        w->view = puglNewView(w->world);
    }
    if (!w->view) {
        std::fprintf(stderr, "latentmix: expected a screen for the plugin's window, found none\n");
        return nullptr;
    }
    w->scale = scale > 0.0 ? scale : puglGetScaleFactor(w->view);
    if (!(w->scale >= 0.5 && w->scale <= 8.0)) w->scale = 1.0;
    const auto width = static_cast<PuglSpan>(WINDOW_WIDTH * w->scale), height = static_cast<PuglSpan>(WINDOW_HEIGHT * w->scale);
    puglSetHandle(w->view, w.get());
    puglSetEventFunc(w->view, on_event);
    puglSetBackend(w->view, puglGlBackend());
    puglSetViewHint(w->view, PUGL_USE_COMPAT_PROFILE, PUGL_TRUE);
    puglSetViewHint(w->view, PUGL_CONTEXT_VERSION_MAJOR, 2);
    puglSetViewHint(w->view, PUGL_CONTEXT_VERSION_MINOR, 0);
    puglSetViewHint(w->view, PUGL_STENCIL_BITS, 8);
    puglSetViewHint(w->view, PUGL_DOUBLE_BUFFER, PUGL_TRUE);
    puglSetViewHint(w->view, PUGL_SWAP_INTERVAL, 0); // the host's thread does not wait for a screen
    puglSetViewHint(w->view, PUGL_RESIZABLE, PUGL_FALSE);
    puglSetWindowTitle(w->view, client->name);
    puglSetSizeHint(w->view, PUGL_DEFAULT_SIZE, width, height);
    if (parent) {
        puglSetParentWindow(w->view, parent);
        puglSetFrame(w->view, {0, 0, width, height});
    }
    const PuglStatus status = puglRealize(w->view);
    if (status || !w->canvas) {
        std::fprintf(stderr, "latentmix: expected OpenGL 2 for the plugin's window, found none (%s)\n", puglStrerror(status));
        return nullptr;
    }
    puglShow(w->view);
    return w.release();
}

void idle(Window *w) {
    if (const int slot = w->face.takes_file(); slot >= 0)
        w->dialog.open(slot, static_cast<std::uintptr_t>(puglGetNativeView(w->view)), w->scale);
    int slot;
    std::string path;
    if (w->dialog.idle(slot, path)) w->client.load(w->client.plugin, slot, path.c_str());
    puglPostRedisplay(w->view);
    puglUpdate(w->world, 0.0);
}

void size(Window *w, unsigned *width, unsigned *height) {
    *width = static_cast<unsigned>(WINDOW_WIDTH * w->scale);
    *height = static_cast<unsigned>(WINDOW_HEIGHT * w->scale);
}

const WindowLibrary LIBRARY = {open, close, idle, [](Window *w) { return static_cast<std::uintptr_t>(puglGetNativeView(w->view)); },
                               size, [](Window *w) { return w->is_closed; }};

} // namespace
} // namespace latentmix

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif
extern "C" EXPORT const latentmix::WindowLibrary *latentmix_window() { return &latentmix::LIBRARY; }
