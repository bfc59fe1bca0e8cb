// LV2: with a model of melodies two plugins in one binary, the note effect and the synth; with one of drums the note effect. What hosts read about them is written by
// `realtime/plugins/lv2.py`; the order of ports here and there is one.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>

#include <lv2/atom/forge.h>
#include <lv2/atom/util.h>
#include <lv2/core/lv2.h>
#include <lv2/midi/midi.h>
#include <lv2/patch/patch.h>
#include <lv2/state/state.h>
#include <lv2/time/time.h>
#include <lv2/urid/urid.h>

#include "../device/device.hpp"
#include "../device/identity.hpp"
#include "../engine/weights.hpp"
#include "lv2_ports.hpp"

using namespace latentmix;

namespace {

constexpr int MAX_NOTES = 256; // that come in, in one block
constexpr double MOST_OF_A_METRE = 128.0; // above or below the line

// What the host calls the names that we speak of.
struct Urids {
    explicit Urids(const LV2_URID_Map &map) : map_(map) {
        for (int slot = 0; slot < SLOTS; slot++) files[slot] = id(file_uri(slot).c_str());
    }

  private:
    const LV2_URID_Map map_;
    LV2_URID id(const char *uri) const { return map_.map(map_.handle, uri); }

  public: // after what they are made by
    const LV2_URID object = id(LV2_ATOM__Object), blank = id(LV2_ATOM__Blank), string = id(LV2_ATOM__String);
    const LV2_URID path = id(LV2_ATOM__Path), urid = id(LV2_ATOM__URID), midi = id(LV2_MIDI__MidiEvent);
    const LV2_URID position = id(LV2_TIME__Position), frame = id(LV2_TIME__frame), speed = id(LV2_TIME__speed), bar = id(LV2_TIME__bar);
    const LV2_URID bar_beat = id(LV2_TIME__barBeat), beat_unit = id(LV2_TIME__beatUnit), beats_per_bar = id(LV2_TIME__beatsPerBar);
    const LV2_URID tempo = id(LV2_TIME__beatsPerMinute);
    const LV2_URID set = id(LV2_PATCH__Set), property = id(LV2_PATCH__property), value = id(LV2_PATCH__value);
    const LV2_URID state = id("urn:latentmix:state"), state_changed = id(LV2_STATE__StateChanged);
    LV2_URID files[SLOTS];
};

class Instance final : public NoteSink {
  public:
    Instance(double rate, const LV2_URID_Map &map, bool is_synth, const Model &model)
        : rate_(rate), is_synth_(is_synth), urids_(map), device_(Device::make(model, *kernels())), table_(device_->table()) {
        lv2_atom_forge_init(&forge_, const_cast<LV2_URID_Map *>(&map));
    }

    void connect(uint32_t port, void *data) {
        if (port < sizeof ports_ / sizeof *ports_) ports_[port] = data;
    }
    void activate() {
        read_controls();
        device_->activate(rate_);
        transport_ = {};
        since_ = 0;
    }

    void run(uint32_t frames) {
        read_controls();
        auto *out = static_cast<LV2_Atom_Sequence *>(ports_[EVENTS_OUT]);
        if (!out || out->atom.size < sizeof(LV2_Atom_Sequence)) return; // nowhere to say anything
        lv2_atom_forge_set_buffer(&forge_, reinterpret_cast<uint8_t *>(out), out->atom.size);
        lv2_atom_forge_sequence_head(&forge_, &sequence_, 0);
        auto *in = static_cast<const LV2_Atom_Sequence *>(ports_[EVENTS_IN]);
        start_ = 0;
        count_ = 0;
        LV2_ATOM_SEQUENCE_FOREACH (in, event) {
            const auto at = static_cast<int>(event->time.frames < frames ? event->time.frames : frames);
            const auto *bytes = reinterpret_cast<const uint8_t *>(event + 1);
            if (event->body.type == urids_.object || event->body.type == urids_.blank) {
                const auto *object = reinterpret_cast<const LV2_Atom_Object *>(&event->body);
                if (object->body.otype == urids_.set) read_file(object);
                if (object->body.otype != urids_.position) continue;
                part(at); // what came before goes by the position of before
                read_position(object);
            } else if (event->body.type == urids_.midi && event->body.size >= 3) {
                const int kind = bytes[0] & 0xf0;
                if ((kind == 0x80 || kind == 0x90) && count_ < MAX_NOTES)
                    notes_[count_++] = {at - start_, kind == 0x90 && bytes[2], bytes[1] & 127, bytes[2] & 127};
            }
        }
        part(static_cast<int>(frames));
        tell_changes(frames);
        lv2_atom_forge_pop(&forge_, &sequence_);
    }

    void note(int frame, bool is_on, int pitch, int velocity, int channel) override {
        const uint8_t bytes[] = {static_cast<uint8_t>((is_on ? 0x90 : 0x80) | channel), static_cast<uint8_t>(pitch),
                                 static_cast<uint8_t>(velocity)};
        if (!has_room(sizeof bytes)) return;
        lv2_atom_forge_frame_time(&forge_, start_ + frame);
        lv2_atom_forge_atom(&forge_, sizeof bytes, urids_.midi);
        lv2_atom_forge_write(&forge_, bytes, sizeof bytes);
    }

    LV2_State_Status save(LV2_State_Store_Function store, LV2_State_Handle handle) const {
        const std::string text = device_->save();
        return store(handle, urids_.state, text.c_str(), text.size() + 1, urids_.string,
                     LV2_STATE_IS_POD | LV2_STATE_IS_PORTABLE);
    }
    LV2_State_Status restore(LV2_State_Retrieve_Function retrieve, LV2_State_Handle handle) {
        size_t size = 0;
        uint32_t type = 0, flags = 0;
        const void *data = retrieve(handle, urids_.state, &size, &type, &flags);
        if (!data || !size) return LV2_STATE_SUCCESS; // a preset of controls alone
        if (type != urids_.string) return LV2_STATE_ERR_BAD_TYPE;
        const auto *text = static_cast<const char *>(data);
        std::string problem; // the parameters are control ports, which the host keeps itself
        if (device_->restore({text, strnlen(text, size)}, problem, false)) return LV2_STATE_SUCCESS;
        std::fprintf(stderr, "latentmix: %s\n", problem.c_str());
        return LV2_STATE_ERR_UNKNOWN;
    }

    Device &device() { return *device_; }

  private:
    // For one more event; half of one would spoil all that the host reads.
    bool has_room(std::size_t bytes) const { return forge_.size - forge_.offset >= sizeof(LV2_Atom_Event) + lv2_atom_pad_size(static_cast<uint32_t>(bytes)); }

    float control(int port, float otherwise) const {
        return ports_[port] ? *static_cast<const float *>(ports_[port]) : otherwise;
    }
    void read_controls() {
        for (std::size_t i = 0; i < table_.size(); i++) {
            const int port = FIRST_PARAMETER + static_cast<int>(i);
            if (table_[i].id != BYPASS && ports_[port]) device_->set(table_[i].id, control(port, 0.0f));
        }
        device_->set(BYPASS, control(ENABLED, 1.0f) < 0.5f);
    }

    // That the project has something to keep: a melody of a file, or a recording.
    void tell_changes(uint32_t frames) {
        if (device_->changes() == told_ || !has_room(sizeof(LV2_Atom_Object_Body))) return;
        told_ = device_->changes();
        LV2_Atom_Forge_Frame frame;
        lv2_atom_forge_frame_time(&forge_, frames ? frames - 1 : 0);
        lv2_atom_forge_object(&forge_, &frame, 0, urids_.state_changed);
        lv2_atom_forge_pop(&forge_, &frame);
    }

    // From the end of the part before to a frame of this block.
    void part(int until) {
        const int frames = until - start_;
        if (frames <= 0) return;
        float *left = nullptr, *right = nullptr;
        if (is_synth_) {
            left = static_cast<float *>(ports_[FIRST_PARAMETER + table_.size()]) + start_;
            right = static_cast<float *>(ports_[FIRST_PARAMETER + table_.size() + 1]) + start_;
        }
        Transport now = transport_;
        now.beat += beats_since();
        device_->process(now, notes_, count_, frames, *this, left, right, control(FREEWHEEL, 0.0f) > 0.5f);
        if (now.is_playing) since_ += frames; // counted from where the host said it was: nothing adds up
        start_ = until;
        count_ = 0;
    }

    void read_position(const LV2_Atom_Object *object) {
        const LV2_Atom *speed = nullptr, *bar = nullptr, *beat = nullptr, *unit = nullptr, *per_bar = nullptr;
        const LV2_Atom *tempo = nullptr, *frame = nullptr;
        lv2_atom_object_get(object, urids_.speed, &speed, urids_.bar, &bar, urids_.bar_beat, &beat, urids_.beat_unit,
                            &unit, urids_.beats_per_bar, &per_bar, urids_.tempo, &tempo, urids_.frame, &frame, 0);
        // what a message does not say stays as it was, and moves on to the frame of the message
        transport_.beat += beats_since();
        since_ = 0;
        const double denominator = number(unit, unit_), numerator = number(per_bar, per_bar_);
        unit_ = denominator >= 1.0 && denominator <= MOST_OF_A_METRE ? denominator : 4.0;
        per_bar_ = numerator > 0.0 && numerator <= MOST_OF_A_METRE ? numerator : 4.0;
        transport_.numerator = static_cast<int>(per_bar_);
        transport_.denominator = static_cast<int>(unit_);
        speed_ = number(speed, speed_);
        transport_.is_playing = speed_ > 0.0;
        // time:beatsPerMinute counts beats of the metre's unit in the vocabulary, quarters in the hosts that there are
        transport_.tempo = number(tempo, transport_.tempo);
        if (bar && beat) {
            transport_.beat = (number(bar, 0.0) * per_bar_ + number(beat, 0.0)) * 4.0 / unit_;
            transport_.has_position = true;
        } else if (frame) { // a host without bars: the tempo is the parameter's
            transport_.beat = number(frame, 0.0) / rate_ * tempo_now() / 60.0;
            transport_.has_position = true;
        }
    }

    // patch:Set of a file's path for a slot; the file itself is read by the worker.
    void read_file(const LV2_Atom_Object *object) {
        const LV2_Atom *property = nullptr, *value = nullptr;
        lv2_atom_object_get(object, urids_.property, &property, urids_.value, &value, 0);
        if (!property || property->type != urids_.urid || property->size < sizeof(LV2_URID) || !value) return;
        if (value->type != urids_.path && value->type != urids_.string) return;
        const auto *text = static_cast<const char *>(LV2_ATOM_BODY_CONST(value));
        const LV2_URID asked = reinterpret_cast<const LV2_Atom_URID *>(property)->body;
        for (int slot = 0; slot < SLOTS; slot++)
            if (asked == urids_.files[slot]) device_->ask_for_file(slot, text, strnlen(text, value->size));
    }

    double tempo_now() const { return transport_.tempo > 0.0 ? transport_.tempo : device_->get(TEMPO); }
    double beats_since() const { return static_cast<double>(since_) * speed_ * tempo_now() / (60.0 * rate_); }

    double number(const LV2_Atom *atom, double otherwise) const {
        if (!atom) return otherwise;
        double value = otherwise;
        if (atom->type == forge_.Float && atom->size >= 4) value = reinterpret_cast<const LV2_Atom_Float *>(atom)->body;
        if (atom->type == forge_.Double && atom->size >= 8) value = reinterpret_cast<const LV2_Atom_Double *>(atom)->body;
        if (atom->type == forge_.Int && atom->size >= 4) value = reinterpret_cast<const LV2_Atom_Int *>(atom)->body;
        if (atom->type == forge_.Long && atom->size >= 8)
            value = static_cast<double>(reinterpret_cast<const LV2_Atom_Long *>(atom)->body);
        return std::isfinite(value) ? value : otherwise;
    }

    double rate_;
    bool is_synth_;
    Urids urids_;
    std::unique_ptr<Device> device_;
    const std::vector<ParameterInfo> &table_;
    LV2_Atom_Forge forge_;
    LV2_Atom_Forge_Frame sequence_;
    void *ports_[FIRST_PARAMETER + PARAMETERS + 2] = {};
    Transport transport_;
    double speed_ = 0.0, unit_ = 4.0, per_bar_ = 4.0;
    long long since_ = 0; // frames played since the host said where it was
    unsigned told_ = 0; // of the device's changes
    int start_ = 0, count_ = 0;
    NoteIn notes_[MAX_NOTES];
};

Instance &of(LV2_Handle handle) { return *static_cast<Instance *>(handle); }

LV2_Handle instantiate(const LV2_Descriptor *descriptor, double rate, const char *, const LV2_Feature *const *features) {
    const LV2_URID_Map *map = nullptr;
    for (; features && *features; features++)
        if (!std::strcmp((*features)->URI, LV2_URID__map)) map = static_cast<const LV2_URID_Map *>((*features)->data);
    std::string problem = "expected a host with urid:map";
    try {
        const Model model = map ? shared_model(problem) : Model();
        if (model) return new Instance(rate, *map, descriptor->URI == uri_of(true), model);
    } catch (const std::exception &error) {
        problem = error.what();
    }
    std::fprintf(stderr, "latentmix: %s\n", problem.c_str());
    return nullptr;
}

const void *extension_data(const char *uri) {
    static const LV2_State_Interface state = {
        [](LV2_Handle h, LV2_State_Store_Function store, LV2_State_Handle to, uint32_t, const LV2_Feature *const *) {
            return of(h).save(store, to);
        },
        [](LV2_Handle h, LV2_State_Retrieve_Function retrieve, LV2_State_Handle from, uint32_t,
           const LV2_Feature *const *) { return of(h).restore(retrieve, from); }};
    return std::strcmp(uri, LV2_STATE__interface) ? nullptr : &state;
}

} // namespace

Device &latentmix::device_of(void *lv2_handle) { return of(lv2_handle).device(); }

LV2_SYMBOL_EXPORT const LV2_Descriptor *lv2_descriptor(uint32_t index) {
    static const std::string uris[] = {uri_of(false), uri_of(true)};
    auto make = [](const char *uri) {
        return LV2_Descriptor{uri,
                              instantiate,
                              [](LV2_Handle h, uint32_t port, void *data) { of(h).connect(port, data); },
                              [](LV2_Handle h) { of(h).activate(); },
                              [](LV2_Handle h, uint32_t frames) { of(h).run(frames); },
                              nullptr,
                              [](LV2_Handle h) { delete &of(h); },
                              extension_data};
    };
    static const LV2_Descriptor descriptors[] = {make(uris[0].c_str()), make(uris[1].c_str())};
    const uint32_t flavours = identity().kind == DRUM_KIND ? 1 : 2;
    return index < flavours ? &descriptors[index] : nullptr;
}
