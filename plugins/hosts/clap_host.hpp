// A small headless CLAP host for tests: one plugin instance, blocks of any size, a transport that goes where it is told.
#pragma once
#if defined(_WIN32)
#include <fcntl.h>
#include <io.h>
#include <windows.h>
#else
#include <dlfcn.h>
#endif

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "clap/entry.h"
#include "clap/events.h"
#include "clap/ext/audio-ports.h"
#include "clap/ext/latency.h"
#include "clap/ext/note-ports.h"
#include "clap/ext/params.h"
#include "clap/ext/state.h"
#include "clap/ext/timer-support.h"
#include "clap/plugin-factory.h"
#include "clap/plugin.h"

struct Note {
    long frame;
    bool is_on;
    int key, velocity;
    bool operator==(const Note &o) const {
        return frame == o.frame && is_on == o.is_on && key == o.key && velocity == o.velocity;
    }
};

#if defined(_WIN32)
constexpr int RTLD_NOW = 0, RTLD_LOCAL = 0;
inline void *dlopen(const char *path, int) { return LoadLibraryA(path); }
inline void *dlsym(void *handle, const char *name) {
    return reinterpret_cast<void *>(GetProcAddress(static_cast<HMODULE>(handle), name));
}
inline void dlclose(void *handle) { FreeLibrary(static_cast<HMODULE>(handle)); }
inline const char *dlerror() { return "the binary cannot be loaded"; }
#endif

// A binary, loaded for as long as this lives.
class Library {
  public:
    explicit Library(const std::string &path) : handle_(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
        if (!handle_) throw std::runtime_error(dlerror());
        entry_ = static_cast<const clap_plugin_entry_t *>(dlsym(handle_, "clap_entry"));
        if (!entry_ || !clap_version_is_compatible(entry_->clap_version) || !entry_->init(path.c_str()))
            throw std::runtime_error("no clap_entry that starts");
        factory = static_cast<const clap_plugin_factory_t *>(entry_->get_factory(CLAP_PLUGIN_FACTORY_ID));
        if (!factory) throw std::runtime_error("no factory of plugins");
    }
    ~Library() {
        entry_->deinit();
        dlclose(handle_);
    }
    Library(const Library &) = delete;
    const clap_plugin_factory_t *factory;

  private:
    void *handle_;
    const clap_plugin_entry_t *entry_;
};

struct Song { // where the host is; beats are quarter notes
    double beat = 0.0, tempo = 120.0;
    bool is_playing = true;
    double ticks = 0.0; // of a beat, in which the host counts; 0: exactly
};

class Host {
  public:
    Host(const Library &library, const std::string &id, bool is_midi_only = false, const clap_host_timer_support_t *timers = nullptr)
        : timers_(timers), is_midi_only_(is_midi_only) {
        host_ = {CLAP_VERSION_INIT, this, "latentmix test host", "latentmix", "", "1", get_extension, nothing, nothing, [](const clap_host_t *h) {
                     static_cast<Host *>(h->host_data)->is_asked_back = true;
                 }};
        plugin = library.factory->create_plugin(library.factory, &host_, id.c_str());
        if (!plugin || !plugin->init(plugin)) throw std::runtime_error("no plugin " + id);
        params = extension<clap_plugin_params_t>(CLAP_EXT_PARAMS);
        state = extension<clap_plugin_state_t>(CLAP_EXT_STATE);
        audio = extension<clap_plugin_audio_ports_t>(CLAP_EXT_AUDIO_PORTS);
    }
    ~Host() { plugin->destroy(plugin); }
    Host(const Host &) = delete;

    template <typename T> const T *extension(const char *id) const {
        return static_cast<const T *>(plugin->get_extension(plugin, id));
    }

    void go_offline(bool is_offline = true) { // ext/render.h, which DPF's headers lack
        struct Render {
            bool (*is_realtime_only)(const clap_plugin_t *);
            bool (*set)(const clap_plugin_t *, int32_t);
        };
        const auto *render = extension<Render>("clap.render");
        if (!render || render->is_realtime_only(plugin) || !render->set(plugin, is_offline)) throw std::runtime_error("no offline");
    }
    void activate(double sample_rate = 48000.0) {
        rate = sample_rate;
        if (!plugin->activate(plugin, rate, 1, 8192)) throw std::runtime_error("activate");
        plugin->start_processing(plugin);
    }
    void deactivate() {
        plugin->stop_processing(plugin);
        plugin->deactivate(plugin);
    }

    // Events for the next block.
    void parameter(clap_id id, double value, uint32_t time = 0) {
        clap_event_param_value_t e = {};
        e.header = {sizeof e, time, CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_VALUE, 0};
        e.param_id = id;
        e.note_id = e.port_index = e.channel = e.key = -1;
        e.value = value;
        push(e);
    }
    void key(bool is_on, int16_t pitch, uint32_t time) {
        clap_event_note_t e = {};
        e.header = {sizeof e, time, CLAP_CORE_EVENT_SPACE_ID, static_cast<uint16_t>(is_on ? CLAP_EVENT_NOTE_ON : CLAP_EVENT_NOTE_OFF), 0};
        e.note_id = -1;
        e.key = pitch;
        e.velocity = 0.8;
        push(e);
    }
    void jump(const Song &song, uint32_t time) { push(transport(song, time)); }
    void flush() {
        auto in = inputs();
        auto out = outputs();
        params->flush(plugin, &in, &out);
        events_.clear();
    }

    // One block; goes on in the song. Notes are kept with frames counted from the first block.
    void block(Song &song, uint32_t frames, bool has_transport = true) {
        sound.resize(2 * frames);
        float *channels[] = {sound.data(), sound.data() + frames};
        clap_audio_buffer_t buffer = {};
        buffer.data32 = channels;
        buffer.channel_count = 2;
        const clap_event_transport_t t = transport(song, 0);
        const auto in = inputs();
        const auto out = outputs();
        clap_process_t p = {};
        p.steady_time = frame;
        p.frames_count = frames;
        p.transport = has_transport ? &t : nullptr;
        p.in_events = &in;
        p.out_events = &out;
        p.audio_outputs = audio ? &buffer : nullptr;
        p.audio_outputs_count = audio ? 1 : 0;
        if (plugin->process(plugin, &p) == CLAP_PROCESS_ERROR) throw std::runtime_error("process");
        events_.clear();
        if (is_asked_back) plugin->on_main_thread(plugin);
        is_asked_back = false;
        frame += frames;
        if (song.is_playing) song.beat += frames * song.tempo / (60.0 * rate);
    }

    std::string save() const {
        std::string out;
        const clap_ostream_t stream = {&out, [](const clap_ostream_t *s, const void *data, uint64_t size) -> int64_t {
                                           const uint64_t n = size < 777 ? size : 777; // a stream may take less
                                           static_cast<std::string *>(s->ctx)->append(static_cast<const char *>(data), n);
                                           return static_cast<int64_t>(n);
                                       }};
        if (!state->save(plugin, &stream)) throw std::runtime_error("state is not saved");
        return out;
    }
    bool restore(const std::string &text) {
        std::string rest = text;
        const clap_istream_t stream = {&rest, [](const clap_istream_t *s, void *to, uint64_t size) -> int64_t {
                                           auto &left = *static_cast<std::string *>(s->ctx);
                                           uint64_t n = size < 555 ? size : 555;
                                           n = n < left.size() ? n : left.size();
                                           std::memcpy(to, left.data(), n);
                                           left.erase(0, n);
                                           return static_cast<int64_t>(n);
                                       }};
        return state->load(plugin, &stream);
    }

    const clap_plugin_t *plugin;
    const clap_plugin_params_t *params;
    const clap_plugin_state_t *state;
    const clap_plugin_audio_ports_t *audio;
    double rate = 48000.0;
    long frame = 0;
    std::vector<Note> notes;
    std::vector<float> sound; // of the last block: left, then right
    int dirty = 0;            // how often it was said that there is something to save
    bool is_asked_back = false;
    bool is_ordered = true;   // events came in the order of time, inside their block
    std::function<void(const char *what, clap_id, double)> on_edit; // by the plugin's window: begin, value, end

  private:
    template <typename E> void push(const E &event) {
        const auto *bytes = reinterpret_cast<const unsigned char *>(&event);
        events_.emplace_back(bytes, bytes + sizeof event);
    }
    clap_event_transport_t transport(const Song &song, uint32_t time) const {
        clap_event_transport_t t = {};
        t.header = {sizeof t, time, CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_TRANSPORT, 0};
        t.flags = CLAP_TRANSPORT_HAS_TEMPO | CLAP_TRANSPORT_HAS_BEATS_TIMELINE | CLAP_TRANSPORT_HAS_TIME_SIGNATURE;
        if (song.is_playing) t.flags |= CLAP_TRANSPORT_IS_PLAYING;
        t.tempo = song.tempo;
        const double beat = song.ticks > 0.0 ? std::floor(song.beat * song.ticks + 0.5) / song.ticks : song.beat;
        t.song_pos_beats = static_cast<clap_beattime>(beat * CLAP_BEATTIME_FACTOR + (beat < 0 ? -0.5 : 0.5));
        t.tsig_num = t.tsig_denom = 4;
        return t;
    }
    clap_input_events_t inputs() {
        return {this,
                [](const clap_input_events_t *l) { return static_cast<uint32_t>(static_cast<Host *>(l->ctx)->events_.size()); },
                [](const clap_input_events_t *l, uint32_t i) {
                    return reinterpret_cast<const clap_event_header_t *>(static_cast<Host *>(l->ctx)->events_[i].data());
                }};
    }
    clap_output_events_t outputs() {
        return {this, [](const clap_output_events_t *l, const clap_event_header_t *e) {
                    static_cast<Host *>(l->ctx)->take(*e);
                    return true;
                }};
    }
    void take(const clap_event_header_t &e) {
        const long at = frame + e.time;
        is_ordered &= notes.empty() || notes.back().frame <= at;
        if (e.type == CLAP_EVENT_NOTE_ON || e.type == CLAP_EVENT_NOTE_OFF) {
            const auto &n = reinterpret_cast<const clap_event_note_t &>(e);
            notes.push_back({at, e.type == CLAP_EVENT_NOTE_ON, n.key, static_cast<int>(n.velocity * 127.0 + 0.5)});
        } else if (e.type == CLAP_EVENT_MIDI) {
            const uint8_t *d = reinterpret_cast<const clap_event_midi_t &>(e).data;
            notes.push_back({at, (d[0] & 0xf0) == 0x90, d[1], d[2]});
        } else if (on_edit && e.type == CLAP_EVENT_PARAM_VALUE) {
            const auto &v = reinterpret_cast<const clap_event_param_value_t &>(e);
            on_edit("value", v.param_id, v.value);
        } else if (on_edit && (e.type == CLAP_EVENT_PARAM_GESTURE_BEGIN || e.type == CLAP_EVENT_PARAM_GESTURE_END)) {
            const auto &g = reinterpret_cast<const clap_event_param_gesture_t &>(e);
            on_edit(e.type == CLAP_EVENT_PARAM_GESTURE_BEGIN ? "begin" : "end", g.param_id, 0.0);
        }
    }
    static void nothing(const clap_host_t *) {}
    static const void *get_extension(const clap_host_t *h, const char *id) {
        static const clap_host_note_ports_t midi_only = {
            [](const clap_host_t *) -> uint32_t { return CLAP_NOTE_DIALECT_MIDI; }, [](const clap_host_t *, uint32_t) {}};
        static const clap_host_state_t saved = {[](const clap_host_t *asked) { static_cast<Host *>(asked->host_data)->dirty++; }};
        const Host &host = *static_cast<Host *>(h->host_data);
        if (!std::strcmp(id, CLAP_EXT_STATE)) return &saved;
        if (!std::strcmp(id, CLAP_EXT_TIMER_SUPPORT)) return host.timers_;
        return host.is_midi_only_ && !std::strcmp(id, CLAP_EXT_NOTE_PORTS) ? &midi_only : nullptr;
    }

    clap_host_t host_;
    const clap_host_timer_support_t *timers_; // null: a host without windows
    bool is_midi_only_;
    std::vector<std::vector<unsigned char>> events_;
};
