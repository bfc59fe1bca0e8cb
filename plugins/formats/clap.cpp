// CLAP: with a model of melodies two plugins in one binary, the note effect and the synth; with one of drums the note effect.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>

#include "clap/entry.h"
#include "clap/events.h"
#include "clap/ext/audio-ports.h"
#include "clap/ext/latency.h"
#include "clap/ext/note-ports.h"
#include "clap/ext/params.h"
#include "clap/ext/state.h"
#include "clap/plugin-factory.h"
#include "clap/plugin.h"

#include "../device/device.hpp"
#include "../device/identity.hpp"
#include "../device/state.hpp"
#include "../engine/weights.hpp"
#include "clap_window.hpp"

using namespace latentmix;

namespace {

constexpr int MAX_NOTES = 256;

// ext/render.h, of which only this much is needed
struct Render {
    bool(CLAP_ABI *has_hard_realtime_requirement)(const clap_plugin_t *);
    bool(CLAP_ABI *set)(const clap_plugin_t *, int32_t mode); // 0 in real time, 1 offline
};

void copy(char *to, std::size_t size, const std::string &text) { std::snprintf(to, size, "%s", text.c_str()); }

class Instance final : public NoteSink {
  public:
    Instance(const clap_host_t *host, bool is_synth, const Model &model)
        : host_(host), is_synth_(is_synth), device_(Device::make(model, *kernels())), window_(host, *device_, is_synth) {}

    void init() {
        const auto *ports = static_cast<const clap_host_note_ports_t *>(host_->get_extension(host_, CLAP_EXT_NOTE_PORTS));
        window_.init();
        is_midi_ = ports && ports->supported_dialects && !(ports->supported_dialects(host_) & CLAP_NOTE_DIALECT_CLAP);
    }

    clap_process_status process(const clap_process_t &p) {
        const int frames = static_cast<int>(p.frames_count);
        out_ = p.out_events;
        left_ = right_ = nullptr;
        if (is_synth_) {
            if (!p.audio_outputs_count || !p.audio_outputs->data32 || p.audio_outputs->channel_count < 2)
                return CLAP_PROCESS_ERROR;
            left_ = p.audio_outputs->data32[0];
            right_ = p.audio_outputs->data32[1];
            p.audio_outputs->constant_mask = 0;
        }
        start_ = count_ = 0;
        window_.tell(p.out_events);
        read_transport(p.transport);
        const uint32_t events = p.in_events->size(p.in_events);
        for (uint32_t i = 0; i < events; i++) {
            const clap_event_header_t *event = p.in_events->get(p.in_events, i);
            const int at = static_cast<int>(event->time) < frames ? static_cast<int>(event->time) : frames;
            take(*event, at);
        }
        part(frames);
        if (device_->changes() != asked_) {
            asked_ = device_->changes();
            host_->request_callback(host_);
        }
        return CLAP_PROCESS_CONTINUE;
    }

    void flush(const clap_input_events_t *in, const clap_output_events_t *out) {
        window_.tell(out);
        for (uint32_t i = 0; i < in->size(in); i++) {
            const clap_event_header_t *event = in->get(in, i);
            if (event->space_id == CLAP_CORE_EVENT_SPACE_ID && event->type == CLAP_EVENT_PARAM_VALUE) set(*event);
        }
    }

    void note(int frame, bool is_on, int pitch, int velocity, int channel) override {
        const auto time = static_cast<uint32_t>(start_ + frame);
        if (is_midi_) {
            clap_event_midi_t midi = {};
            midi.header = {sizeof midi, time, CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_MIDI, 0};
            midi.data[0] = static_cast<uint8_t>((is_on ? 0x90 : 0x80) | channel);
            midi.data[1] = static_cast<uint8_t>(pitch);
            midi.data[2] = static_cast<uint8_t>(velocity);
            out_->try_push(out_, &midi.header);
            return;
        }
        clap_event_note_t note = {};
        const uint16_t type = is_on ? CLAP_EVENT_NOTE_ON : CLAP_EVENT_NOTE_OFF;
        note.header = {sizeof note, time, CLAP_CORE_EVENT_SPACE_ID, type, 0};
        note.note_id = -1;
        note.channel = static_cast<int16_t>(channel);
        note.key = static_cast<int16_t>(pitch);
        note.velocity = velocity / 127.0;
        out_->try_push(out_, &note.header);
    }

    // The main thread: that the project has something to keep, a melody of a file or a recording.
    void tell_changes() {
        const auto *state = static_cast<const clap_host_state_t *>(host_->get_extension(host_, CLAP_EXT_STATE));
        if (told_ != device_->changes() && state && state->mark_dirty) state->mark_dirty(host_);
        told_ = device_->changes();
    }

    const clap_host_t *host_;
    bool is_synth_, is_midi_ = false, is_offline_ = false;
    double rate_ = 48000.0;
    std::unique_ptr<Device> device_;
    ClapWindow window_;

  private:
    void take(const clap_event_header_t &event, int at) {
        if (event.space_id != CLAP_CORE_EVENT_SPACE_ID) return;
        if (event.type == CLAP_EVENT_PARAM_VALUE) {
            part(at); // what came before goes by the values of before
            set(event);
        } else if (event.type == CLAP_EVENT_TRANSPORT) {
            part(at);
            read_transport(reinterpret_cast<const clap_event_transport_t *>(&event));
        } else if (event.type == CLAP_EVENT_NOTE_ON || event.type == CLAP_EVENT_NOTE_OFF) {
            const auto &note = reinterpret_cast<const clap_event_note_t &>(event);
            if (note.key >= 0 && note.key < 128) keep(at, event.type == CLAP_EVENT_NOTE_ON, note.key, static_cast<int>(note.velocity * 127.0 + 0.5));
        } else if (event.type == CLAP_EVENT_MIDI) {
            const uint8_t *data = reinterpret_cast<const clap_event_midi_t &>(event).data;
            const int kind = data[0] & 0xf0;
            if (kind == 0x80 || kind == 0x90) keep(at, kind == 0x90 && data[2], data[1] & 127, data[2] & 127);
        }
    }
    void keep(int at, bool is_on, int pitch, int velocity) {
        if (count_ < MAX_NOTES) notes_[count_++] = {at - start_, is_on, pitch, velocity};
    }
    void set(const clap_event_header_t &event) {
        const auto &value = reinterpret_cast<const clap_event_param_value_t &>(event);
        if (value.param_id < PARAMETERS) device_->set(static_cast<int>(value.param_id), value.value);
    }

    void part(int until) {
        const int frames = until - start_;
        if (frames <= 0) return;
        Transport now = transport_;
        if (now.tempo > 0.0) now.beat += static_cast<double>(since_) * now.tempo / (60.0 * rate_);
        device_->process(now, notes_, count_, frames, *this, left_ ? left_ + start_ : nullptr,
                        right_ ? right_ + start_ : nullptr, is_offline_);
        since_ += frames;
        start_ = until;
        count_ = 0;
    }

    void read_transport(const clap_event_transport_t *t) {
        transport_ = {};
        since_ = 0;
        if (!t) return;
        transport_.is_playing = t->flags & CLAP_TRANSPORT_IS_PLAYING;
        if (t->flags & CLAP_TRANSPORT_HAS_TEMPO && std::isfinite(t->tempo) && t->tempo > 0.0) transport_.tempo = t->tempo;
        if (t->flags & CLAP_TRANSPORT_HAS_TIME_SIGNATURE) {
            transport_.numerator = t->tsig_num;
            transport_.denominator = t->tsig_denom;
        }
        if (t->flags & CLAP_TRANSPORT_HAS_BEATS_TIMELINE) {
            transport_.has_position = true;
            transport_.beat = static_cast<double>(t->song_pos_beats) / CLAP_BEATTIME_FACTOR;
        } else if (t->flags & CLAP_TRANSPORT_HAS_SECONDS_TIMELINE) {
            if (!(transport_.tempo > 0.0)) transport_.tempo = device_->get(TEMPO);
            transport_.has_position = true;
            transport_.beat = static_cast<double>(t->song_pos_seconds) / CLAP_SECTIME_FACTOR * transport_.tempo / 60.0;
        }
    }

    const clap_output_events_t *out_ = nullptr;
    unsigned asked_ = 0, told_ = 0; // of the device's changes: the audio thread's, the main thread's
    float *left_ = nullptr, *right_ = nullptr;
    Transport transport_;
    long long since_ = 0;
    int start_ = 0, count_ = 0;
    NoteIn notes_[MAX_NOTES];
};

Instance &of(const clap_plugin_t *plugin) { return *static_cast<Instance *>(plugin->plugin_data); }

// Extensions

const clap_plugin_note_ports_t NOTE_PORTS = {
    [](const clap_plugin_t *, bool) -> uint32_t { return 1; },
    [](const clap_plugin_t *, uint32_t index, bool is_input, clap_note_port_info_t *info) {
        if (index) return false;
        *info = {};
        info->id = is_input ? 0 : 1;
        info->supported_dialects = CLAP_NOTE_DIALECT_CLAP | CLAP_NOTE_DIALECT_MIDI;
        info->preferred_dialect = CLAP_NOTE_DIALECT_CLAP;
        copy(info->name, sizeof info->name, is_input ? "to record" : identity().kind == DRUM_KIND ? "drums" : "melody");
        return true;
    }};

const clap_plugin_audio_ports_t AUDIO_PORTS = {
    [](const clap_plugin_t *p, bool is_input) -> uint32_t { return of(p).is_synth_ && !is_input; },
    [](const clap_plugin_t *p, uint32_t index, bool is_input, clap_audio_port_info_t *info) {
        if (index || is_input || !of(p).is_synth_) return false;
        *info = {};
        copy(info->name, sizeof info->name, "out");
        info->flags = CLAP_AUDIO_PORT_IS_MAIN;
        info->channel_count = 2;
        info->port_type = CLAP_PORT_STEREO;
        info->in_place_pair = CLAP_INVALID_ID;
        return true;
    }};

// A parameter's id is that of `Parameter`; null where the plugin has none of it.
const ParameterInfo *parameter(const clap_plugin_t *p, clap_id id) {
    const std::vector<ParameterInfo> &table = of(p).device_->table();
    const int at = id < PARAMETERS ? index_of(table, static_cast<int>(id)) : -1;
    return at < 0 ? nullptr : &table[static_cast<std::size_t>(at)];
}

const clap_plugin_params_t PARAMS = {
    [](const clap_plugin_t *p) { return static_cast<uint32_t>(of(p).device_->table().size()); },
    [](const clap_plugin_t *p, uint32_t index, clap_param_info_t *info) {
        if (index >= of(p).device_->table().size()) return false;
        const ParameterInfo &parameter = of(p).device_->table()[index];
        *info = {};
        info->id = static_cast<clap_id>(parameter.id);
        info->flags = CLAP_PARAM_IS_AUTOMATABLE;
        if (parameter.is_whole) info->flags |= CLAP_PARAM_IS_STEPPED;
        if (parameter.id == BYPASS) info->flags |= CLAP_PARAM_IS_BYPASS;
        copy(info->name, sizeof info->name, parameter.name);
        info->min_value = parameter.least;
        info->max_value = parameter.most;
        info->default_value = parameter.standard;
        return true;
    },
    [](const clap_plugin_t *p, clap_id id, double *value) {
        if (!parameter(p, id)) return false;
        *value = of(p).device_->get(static_cast<int>(id));
        return true;
    },
    [](const clap_plugin_t *p, clap_id id, double value, char *text, uint32_t size) {
        if (!parameter(p, id) || !size) return false;
        copy(text, size, parameter(p, id)->text(value));
        return true;
    },
    [](const clap_plugin_t *p, clap_id id, const char *text, double *value) {
        return parameter(p, id) && parameter(p, id)->parse(text, *value);
    },
    [](const clap_plugin_t *p, const clap_input_events_t *in, const clap_output_events_t *out) {
        of(p).flush(in, out);
    }};

const clap_plugin_state_t STATE = {
    [](const clap_plugin_t *p, const clap_ostream_t *stream) {
        const std::string text = of(p).device_->save();
        for (std::size_t at = 0; at < text.size();) { // a stream takes what it likes
            const int64_t n = stream->write(stream, text.data() + at, text.size() - at);
            if (n <= 0) return false;
            at += static_cast<std::size_t>(n);
        }
        return true;
    },
    [](const clap_plugin_t *p, const clap_istream_t *stream) {
        std::string text, problem;
        char part[4096];
        for (int64_t n; (n = stream->read(stream, part, sizeof part)) != 0;) {
            if (n < 0 || text.size() > MAX_STATE_BYTES) return false;
            text.append(part, static_cast<std::size_t>(n));
        }
        if (of(p).device_->restore(text, problem)) return true;
        std::fprintf(stderr, "latentmix: %s\n", problem.c_str());
        return false;
    }};

const clap_plugin_latency_t LATENCY = {[](const clap_plugin_t *) -> uint32_t { return 0; }};

const Render RENDER = {[](const clap_plugin_t *) { return false; },
                       [](const clap_plugin_t *p, int32_t mode) {
                           of(p).is_offline_ = mode == 1;
                           return true;
                       }};

const void *extension(const clap_plugin_t *p, const char *id) {
    if (!std::strcmp(id, CLAP_EXT_NOTE_PORTS)) return &NOTE_PORTS;
    if (!std::strcmp(id, CLAP_EXT_AUDIO_PORTS)) return of(p).is_synth_ ? &AUDIO_PORTS : nullptr;
    if (!std::strcmp(id, CLAP_EXT_PARAMS)) return &PARAMS;
    if (!std::strcmp(id, CLAP_EXT_STATE)) return &STATE;
    if (!std::strcmp(id, CLAP_EXT_LATENCY)) return &LATENCY;
    if (!std::strcmp(id, "clap.render")) return &RENDER;
    return of(p).window_.extension(id);
}

// Factory and entry

int flavours() { return identity().kind == DRUM_KIND ? 1 : 2; }

const clap_plugin_descriptor_t *descriptor(bool is_synth) {
    static const std::string ids[] = {identity().id, identity().id + ".synth"};
    static const std::string names[] = {identity().name, identity().name + " synth"};
    static const char *effect[] = {CLAP_PLUGIN_FEATURE_NOTE_EFFECT, nullptr};
    static const char *synth[] = {CLAP_PLUGIN_FEATURE_INSTRUMENT, CLAP_PLUGIN_FEATURE_SYNTHESIZER,
                                  CLAP_PLUGIN_FEATURE_STEREO, nullptr};
    static const char *what = identity().kind == DRUM_KIND ? "Mixes drums in the latent space of a small model"
                                                           : "Mixes melodies in the latent space of a small model";
    auto make = [](int i, const char **features) {
        return clap_plugin_descriptor_t{CLAP_VERSION_INIT, ids[i].c_str(), names[i].c_str(), "latentmix", "", "", "",
                                        LATENTMIX_VERSION, what, features};
    };
    static const clap_plugin_descriptor_t descriptors[] = {make(0, effect), make(1, synth)};
    return &descriptors[is_synth];
}

const clap_plugin_t *create(const clap_plugin_factory_t *, const clap_host_t *host, const char *id) {
    std::string problem;
    for (const bool is_synth : {false, true}) {
        if (is_synth + 1 > flavours() || std::strcmp(id, descriptor(is_synth)->id)) continue;
        try {
            const Model model = shared_model(problem);
            if (!model) break;
            auto *plugin = new clap_plugin_t;
            *plugin = {descriptor(is_synth),
                       new Instance(host, is_synth, model),
                       [](const clap_plugin_t *p) {
                           of(p).init();
                           return true;
                       },
                       [](const clap_plugin_t *p) {
                           delete &of(p);
                           delete p;
                       },
                       [](const clap_plugin_t *p, double rate, uint32_t, uint32_t) {
                           of(p).rate_ = rate;
                           of(p).device_->activate(rate);
                           return true;
                       },
                       [](const clap_plugin_t *) {},
                       [](const clap_plugin_t *) { return true; },
                       [](const clap_plugin_t *) {},
                       [](const clap_plugin_t *p) { of(p).device_->reset(); },
                       [](const clap_plugin_t *p, const clap_process_t *process) { return of(p).process(*process); },
                       extension,
                       [](const clap_plugin_t *p) { of(p).tell_changes(); }};
            return plugin;
        } catch (const std::exception &error) {
            problem = error.what();
        }
    }
    if (!problem.empty()) std::fprintf(stderr, "latentmix: %s\n", problem.c_str());
    return nullptr;
}

const clap_plugin_factory_t FACTORY = {
    [](const clap_plugin_factory_t *) { return static_cast<uint32_t>(flavours()); },
    [](const clap_plugin_factory_t *, uint32_t index) {
        return index < static_cast<uint32_t>(flavours()) ? descriptor(index == 1) : nullptr;
    },
    create};

} // namespace

ClapWindow &latentmix::window_of(const clap_plugin_t *plugin) { return of(plugin).window_; }

extern "C" CLAP_EXPORT const clap_plugin_entry_t clap_entry;
const clap_plugin_entry_t clap_entry = {
    CLAP_VERSION_INIT, [](const char *) { return true; }, [] {},
    [](const char *id) -> const void * { return std::strcmp(id, CLAP_PLUGIN_FACTORY_ID) ? nullptr : &FACTORY; }};
