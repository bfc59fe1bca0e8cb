#include "clap_window.hpp"

namespace latentmix {
namespace {

constexpr uint32_t PERIOD_MS = 33;
#if defined(_WIN32)
constexpr const char *API = CLAP_WINDOW_API_WIN32;
#else
constexpr const char *API = CLAP_WINDOW_API_X11;
#endif

} // namespace

// Functions of C with a plugin in front, for `ClapWindow` alone.
struct ClapWindowTables {
    static bool is_api_supported(const clap_plugin_t *, const char *api, bool is_floating) {
        return !is_floating && !std::strcmp(api, API);
    }
    static bool create(const clap_plugin_t *p, const char *api, bool is_floating) {
        return is_api_supported(p, api, is_floating) && window_of(p).is_possible();
    }
    static bool get_size(const clap_plugin_t *p, uint32_t *width, uint32_t *height) {
        *width = static_cast<uint32_t>(WINDOW_WIDTH * window_of(p).scale_);
        *height = static_cast<uint32_t>(WINDOW_HEIGHT * window_of(p).scale_);
        return true;
    }
    static constexpr clap_plugin_gui_t GUI = {
        is_api_supported,
        [](const clap_plugin_t *, const char **api, bool *is_floating) {
            *api = API;
            *is_floating = false;
            return true;
        },
        create,
        [](const clap_plugin_t *p) { window_of(p).close(); },
        [](const clap_plugin_t *p, double scale) {
            if (!(scale >= 0.5 && scale <= 8.0) || window_of(p).window_.is_open()) return false;
            window_of(p).scale_ = scale;
            return true;
        },
        get_size,
        [](const clap_plugin_t *) { return false; },
        [](const clap_plugin_t *, clap_gui_resize_hints_t *) { return false; },
        get_size,
        [](const clap_plugin_t *p, uint32_t width, uint32_t height) {
            uint32_t w, h;
            get_size(p, &w, &h);
            return width == w && height == h;
        },
        [](const clap_plugin_t *p, const clap_window_t *parent) {
#if defined(_WIN32)
            return window_of(p).open(reinterpret_cast<std::uintptr_t>(parent->win32));
#else
            return window_of(p).open(static_cast<std::uintptr_t>(parent->x11));
#endif
        },
        [](const clap_plugin_t *, const clap_window_t *) { return false; },
        [](const clap_plugin_t *, const char *) {},
        [](const clap_plugin_t *) { return true; },
        [](const clap_plugin_t *) { return true; }};

    static constexpr clap_plugin_timer_support_t TIMER = {[](const clap_plugin_t *p, clap_id id) {
        if (id == window_of(p).timer_) window_of(p).window_.idle();
    }};

    static WindowClient client_of(ClapWindow &w) {
        WindowClient out = {};
        out.plugin = &w;
        out.get = [](void *p, int parameter) { return static_cast<ClapWindow *>(p)->device_.get(parameter); };
        out.touch = [](void *p, int parameter, bool begins) {
            static_cast<ClapWindow *>(p)->push(parameter, begins ? ClapWindow::BEGIN : ClapWindow::END, 0.0);
        };
        out.set = [](void *p, int parameter, double value) {
            static_cast<ClapWindow *>(p)->device_.set(parameter, value);
            static_cast<ClapWindow *>(p)->push(parameter, ClapWindow::VALUE, value);
        };
        out.load = [](void *p, int slot, const char *path) {
            ClapWindow &w = *static_cast<ClapWindow *>(p);
            std::string problem; // which the window shows
            if (w.device_.load_file(slot, path, problem)) w.host_->request_callback(w.host_); // where the host is told of it
        };
        out.look = [](void *p, Picture *to) {
            static_cast<ClapWindow *>(p)->device_.look(*to);
            return true;
        };
        return out;
    }
};

ClapWindow::ClapWindow(const clap_host_t *host, Device &device, bool is_synth)
    : host_(host), device_(device), window_(ClapWindowTables::client_of(*this), is_synth ? " synth" : "") {}

void ClapWindow::init() {
    timers_ = static_cast<const clap_host_timer_support_t *>(host_->get_extension(host_, CLAP_EXT_TIMER_SUPPORT));
    params_ = static_cast<const clap_host_params_t *>(host_->get_extension(host_, CLAP_EXT_PARAMS));
}

const void *ClapWindow::extension(const char *id) const {
    if (!is_possible()) return nullptr;
    if (!std::strcmp(id, CLAP_EXT_GUI)) return &ClapWindowTables::GUI;
    if (!std::strcmp(id, CLAP_EXT_TIMER_SUPPORT)) return &ClapWindowTables::TIMER;
    return nullptr;
}

bool ClapWindow::open(std::uintptr_t parent) {
    if (!window_.open(parent, scale_)) return false;
    if (timers_->register_timer(host_, PERIOD_MS, &timer_)) return true;
    window_.close();
    return false;
}

void ClapWindow::close() {
    if (timer_ != CLAP_INVALID_ID) timers_->unregister_timer(host_, timer_);
    timer_ = CLAP_INVALID_ID;
    window_.close();
}

void ClapWindow::push(int parameter, Kind kind, double value) {
    const unsigned at = pushed_.load(std::memory_order_relaxed);
    if (at - told_.load(std::memory_order_acquire) == MAX_EDITS) return; // a host that does not listen
    edits_[at % MAX_EDITS] = {parameter, kind, value};
    pushed_.store(at + 1, std::memory_order_release);
    if (params_ && params_->request_flush) params_->request_flush(host_);
}

void ClapWindow::tell(const clap_output_events_t *out) {
    const unsigned end = pushed_.load(std::memory_order_acquire);
    unsigned at = told_.load(std::memory_order_relaxed);
    for (; at != end; at++) {
        const Edit &edit = edits_[at % MAX_EDITS];
        if (edit.kind == VALUE) {
            clap_event_param_value_t e = {};
            e.header = {sizeof e, 0, CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_VALUE, 0};
            e.param_id = static_cast<clap_id>(edit.parameter);
            e.note_id = -1;
            e.port_index = e.channel = e.key = -1;
            e.value = edit.value;
            out->try_push(out, &e.header);
        } else {
            clap_event_param_gesture_t e = {};
            const uint16_t type = edit.kind == BEGIN ? CLAP_EVENT_PARAM_GESTURE_BEGIN : CLAP_EVENT_PARAM_GESTURE_END;
            e.header = {sizeof e, 0, CLAP_CORE_EVENT_SPACE_ID, type, 0};
            e.param_id = static_cast<clap_id>(edit.parameter);
            out->try_push(out, &e.header);
        }
    }
    told_.store(at, std::memory_order_release);
}

} // namespace latentmix
