// clap_window BINARY ID [PARAMETER=VALUE ...]: an instance with its window in one of ours on an X11 screen, played in real time.
//
// Reads commands, a line each, and answers each with a line:
//     set PARAMETER VALUE   as the host's automation does, in the next block
//     get PARAMETER         the value
//     edits                 what the window has told the host since: "begin|value|end PARAMETER [VALUE]", joined by ", "
//     play | stop           the song
//     melodies              their names, joined by ", "
//     reopen                closes the window and opens another
//     pixel X Y             its colour, RRGGBB
//     picture FILE          the window as a PPM file
//     quit
// The first line is the X11 window. Parameters are named as hosts show them.
#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>
#include <thread>

#include "clap/ext/gui.h"
#include "clap/ext/timer-support.h"
#include "clap_host.hpp"

namespace {

struct Timer {
    uint32_t period_ms = 0;
    clap_id id = 0;
    bool is_set = false;
} timer; // one is all that is asked for

const clap_host_timer_support_t TIMERS = {[](const clap_host_t *, uint32_t period_ms, clap_id *id) {
                                              timer = {period_ms, 7, true};
                                              *id = timer.id;
                                              return true;
                                          },
                                          [](const clap_host_t *, clap_id id) {
                                              const bool is_known = timer.is_set && id == timer.id;
                                              timer.is_set = false;
                                              return is_known;
                                          }};

std::string joined(std::vector<std::string> &lines) {
    std::string out;
    for (const std::string &line : lines) out += (out.empty() ? "" : ", ") + line;
    lines.clear();
    return out;
}

// Of a state, as `device/state.hpp` has it.
std::string melodies(const std::string &state) {
    std::vector<std::string> names;
    std::istringstream lines(state);
    for (std::string line, word, name; std::getline(lines, line);) {
        std::istringstream in(line);
        in >> word;
        if (word != "melody") continue;
        for (int i = 0; i < 4; i++) in >> word; // metre, tempo, program
        std::getline(in >> std::ws, name);
        names.push_back(name);
    }
    return joined(names);
}

class Shown {
  public:
    Shown(Host &host, Display *display) : host_(host), display_(display) {
        gui_ = host.extension<clap_plugin_gui_t>(CLAP_EXT_GUI);
        const auto *support = host.extension<clap_plugin_timer_support_t>(CLAP_EXT_TIMER_SUPPORT);
        if (!gui_ || !support) throw std::runtime_error("no window");
        on_timer_ = support->on_timer;
        uint32_t width, height;
        if (!gui_->is_api_supported(host.plugin, CLAP_WINDOW_API_X11, false) || !gui_->create(host.plugin, CLAP_WINDOW_API_X11, false) ||
            !gui_->get_size(host.plugin, &width, &height))
            throw std::runtime_error("no window for X11");
        window_ = XCreateSimpleWindow(display, DefaultRootWindow(display), 0, 0, width, height, 0, 0, 0);
        XMapWindow(display, window_);
        XSync(display, False);
        clap_window_t parent = {};
        parent.api = CLAP_WINDOW_API_X11;
        parent.x11 = window_;
        if (!gui_->set_parent(host.plugin, &parent) || !gui_->show(host.plugin)) throw std::runtime_error("the window does not open");
    }
    ~Shown() {
        gui_->destroy(host_.plugin);
        XDestroyWindow(display_, window_);
        XSync(display_, False);
    }
    void tick() const {
        if (timer.is_set) on_timer_(host_.plugin, timer.id);
    }
    ::Window window() const { return window_; }

  private:
    Host &host_;
    Display *display_;
    const clap_plugin_gui_t *gui_;
    void (*on_timer_)(const clap_plugin_t *, clap_id);
    ::Window window_;
};

// The window as it is on the screen, three bytes a pixel.
std::vector<unsigned char> picture(Display *display, ::Window window, int &width, int &height) {
    XWindowAttributes is;
    XGetWindowAttributes(display, window, &is);
    width = is.width;
    height = is.height;
    XImage *image = XGetImage(display, window, 0, 0, static_cast<unsigned>(width), static_cast<unsigned>(height), AllPlanes, ZPixmap);
    if (!image) throw std::runtime_error("no picture of the window");
    std::vector<unsigned char> out;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            const unsigned long pixel = XGetPixel(image, x, y);
            for (const int shift : {16, 8, 0}) out.push_back(static_cast<unsigned char>(pixel >> shift));
        }
    XDestroyImage(image);
    return out;
}

std::string look(Display *display, ::Window window, const std::string &what, std::istream &in) {
    int width, height;
    const std::vector<unsigned char> pixels = picture(display, window, width, height);
    if (what == "pixel") {
        int x, y;
        in >> x >> y;
        const unsigned char *p = &pixels.at(3 * static_cast<std::size_t>(y * width + x));
        char out[8];
        std::snprintf(out, sizeof out, "%02x%02x%02x", p[0], p[1], p[2]);
        return out;
    }
    std::string path;
    in >> path;
    std::ofstream file(path, std::ios::binary);
    file << "P6\n" << width << ' ' << height << "\n255\n";
    file.write(reinterpret_cast<const char *>(pixels.data()), static_cast<std::streamsize>(pixels.size()));
    return "ok";
}

bool read_line(std::string &line) { // whether one came, within a period of the timer
    static std::string heard;
    pollfd in = {0, POLLIN, 0};
    if (heard.find('\n') == std::string::npos && poll(&in, 1, timer.is_set ? static_cast<int>(timer.period_ms) : 30) > 0) {
        char part[256];
        const ssize_t n = read(0, part, sizeof part);
        heard += n > 0 ? std::string(part, static_cast<std::size_t>(n)) : "quit\n"; // whoever asked is gone
    }
    const std::size_t end = heard.find('\n');
    if (end == std::string::npos) return false;
    line = heard.substr(0, end);
    heard.erase(0, end + 1);
    return true;
}

int run(int count, char **words) {
    if (count < 3) throw std::runtime_error("usage: clap_window BINARY ID [PARAMETER=VALUE ...]");
    Display *display = XOpenDisplay(nullptr);
    if (!display) throw std::runtime_error("no X11 display");
    Library library(words[1]);
    Host host(library, words[2], false, &TIMERS);
    std::map<std::string, clap_id> ids;
    std::map<clap_id, std::string> names;
    for (uint32_t i = 0; i < host.params->count(host.plugin); i++) {
        clap_param_info_t info;
        host.params->get_info(host.plugin, i, &info);
        ids[info.name] = info.id;
        names[info.id] = info.name;
    }
    for (int i = 3; i < count; i++) {
        const std::string word = words[i];
        host.parameter(ids.at(word.substr(0, word.find('='))), std::atof(word.c_str() + word.find('=') + 1));
    }
    host.flush();
    host.activate();
    std::vector<std::string> edits;
    std::mutex mutex; // of the test host's own: the audio thread of a real one would not take it
    Song song;
    song.is_playing = false;
    std::atomic<bool> ends{false};
    host.on_edit = [&](const char *what, clap_id id, double value) {
        edits.push_back(std::string(what) + " " + names[id] + (*what == 'v' ? " " + std::to_string(value) : ""));
    };
    std::thread audio([&] {
        for (auto next = std::chrono::steady_clock::now(); !ends; std::this_thread::sleep_until(next)) {
            std::lock_guard<std::mutex> lock(mutex);
            host.block(song, 480);
            host.notes.clear();
            next += std::chrono::milliseconds(10);
        }
    });
    auto shown = std::make_unique<Shown>(host, display);
    std::printf("%lu\n", shown->window());
    std::fflush(stdout);
    for (std::string line; !ends;) {
        shown->tick();
        if (!read_line(line)) continue;
        std::istringstream in(line);
        std::string what, name, answer = "ok";
        in >> what;
        if (what == "reopen") {
            shown.reset();
            shown = std::make_unique<Shown>(host, display);
            answer = std::to_string(shown->window());
        }
        if (what == "pixel" || what == "picture") answer = look(display, shown->window(), what, in);
        std::lock_guard<std::mutex> lock(mutex);
        if (what == "quit") ends = true;
        else if (what == "play" || what == "stop") song.is_playing = what == "play";
        else if (what == "edits") answer = joined(edits);
        else if (what == "melodies") answer = melodies(host.save());
        else if (what == "set" || what == "get") {
            std::string rest;
            std::getline(in >> std::ws, rest);
            const std::size_t gap = what == "set" ? rest.rfind(' ') : rest.size();
            const clap_id id = ids.at(rest.substr(0, gap));
            double value = 0.0;
            if (what == "set") host.parameter(id, std::atof(rest.c_str() + gap));
            else host.params->get_value(host.plugin, id, &value);
            if (what == "get") answer = std::to_string(value);
        }
        std::printf("%s\n", answer.c_str());
        std::fflush(stdout);
    }
    audio.join();
    shown.reset();
    host.deactivate();
    XCloseDisplay(display);
    return 0;
}

} // namespace

int main(int count, char **words) {
    try {
        return run(count, words);
    } catch (const std::exception &error) {
        std::fprintf(stderr, "clap_window: %s\n", error.what());
        return 2;
    }
}
