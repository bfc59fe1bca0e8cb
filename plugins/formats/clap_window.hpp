// CLAP's `gui` extension: the window of an instance, and the way of what a hand does in it to the host.
#pragma once
#include <atomic>
#include <cstring>
#include <memory>

#include "clap/ext/gui.h"
#include "clap/ext/params.h"
#include "clap/ext/state.h"
#include "clap/ext/timer-support.h"

#include "../device/device.hpp"
#include "own_window.hpp"

namespace latentmix {

class ClapWindow {
  public:
    ClapWindow(const clap_host_t *host, Device &device, bool is_synth);

    void init(); // main thread: asks the host what it can do
    bool is_possible() const { return timers_ && has_window(); } // X11 and OpenGL need somebody who calls
    const void *extension(const char *id) const; // null: not one of a window's

    // The audio thread or `flush`, whichever the host has running: what a hand did goes to the host. Wait-free.
    void tell(const clap_output_events_t *out);

  private:
    friend struct ClapWindowTables;
    enum Kind : unsigned char { BEGIN, VALUE, END };
    struct Edit {
        int parameter;
        Kind kind;
        double value;
    };
    static constexpr unsigned MAX_EDITS = 512;

    void push(int parameter, Kind kind, double value);
    bool open(std::uintptr_t parent);
    void close();

    const clap_host_t *host_;
    Device &device_;
    const clap_host_timer_support_t *timers_ = nullptr;
    const clap_host_params_t *params_ = nullptr;
    OwnWindow window_;
    double scale_ = 1.0;
    clap_id timer_ = CLAP_INVALID_ID;
    Edit edits_[MAX_EDITS];
    std::atomic<unsigned> pushed_{0}, told_{0}; // count up; one thread each
};

ClapWindow &window_of(const clap_plugin_t *plugin); // of the instance

} // namespace latentmix
