// A small headless VST3 host for tests, on DPF's declarations of the interfaces: one instance, blocks of any size.
#pragma once
#include <dlfcn.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "travesty/audio_processor.h"
#include "travesty/base.h"
#include "travesty/component.h"
#include "travesty/edit_controller.h"
#include "travesty/factory.h"
#include "travesty/host.h"

struct Note {
    long frame;
    bool is_on;
    int key, velocity;
    bool operator==(const Note &o) const { return frame == o.frame && is_on == o.is_on && key == o.key && velocity == o.velocity; }
};

// What every object that the host lends has in front; nobody counts references to it.
template <typename Functions> struct Lent : v3_funknown {
    Functions functions = {};
    void *self = this; // what plugins hold is the address of this pointer
    Lent() {
        query_interface = [](void *, const v3_tuid, void **to) -> v3_result {
            *to = nullptr;
            return V3_NO_INTERFACE;
        };
        ref = unref = [](void *) -> uint32_t { return 1; };
    }
    Functions **lend() { return reinterpret_cast<Functions **>(&self); }
    template <typename T> static T &of(void *lent) { return **static_cast<T **>(lent); }
};

// A binary, loaded for as long as this lives.
class Library {
  public:
    explicit Library(const std::string &path) : handle_(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
        if (!handle_) throw std::runtime_error(dlerror());
        auto *enter = symbol<bool(void *)>("ModuleEntry");
        auto *get = symbol<v3_plugin_factory **()>("GetPluginFactory");
        if (!enter(handle_) || !(factory = get())) throw std::runtime_error("no factory of plugins");
    }
    ~Library() {
        v3_cpp_obj_unref(factory);
        symbol<bool()>("ModuleExit")();
        dlclose(handle_);
    }
    Library(const Library &) = delete;
    v3_plugin_factory **factory = nullptr;

  private:
    template <typename F> F *symbol(const char *name) {
        auto *found = reinterpret_cast<F *>(dlsym(handle_, name));
        if (!found) throw std::runtime_error(std::string("no ") + name);
        return found;
    }
    void *handle_;
};

struct Application : Lent<v3_host_application> {
    Application() {
        functions.get_name = [](void *, v3_str_128 name) -> v3_result {
            name[0] = 0;
            return V3_OK;
        };
        functions.create_instance = [](void *, v3_tuid, v3_tuid, void **to) -> v3_result {
            *to = nullptr;
            return V3_NOT_IMPLEMENTED;
        };
    }
};

struct Dirty : Lent<v3_component_handler2> { // what a host is told of its project
    int told = 0;
    Dirty() {
        functions.set_dirty = [](void *self, v3_bool is_dirty) -> v3_result {
            of<Dirty>(self).told += is_dirty;
            return V3_OK;
        };
    }
};

struct Handler : Lent<v3_component_handler> {
    Dirty dirty;
    bool has_dirty = true; // else a host of the first version of the interface
    int restarts = 0;
    Handler() {
        query_interface = [](void *self, const v3_tuid iid, void **to) -> v3_result {
            Handler &own = of<Handler>(self);
            *to = own.has_dirty && v3_tuid_match(iid, v3_component_handler2_iid) ? own.dirty.lend() : nullptr;
            return *to ? V3_OK : V3_NO_INTERFACE;
        };
        functions.begin_edit = functions.end_edit = [](void *, v3_param_id) -> v3_result { return V3_OK; };
        functions.perform_edit = [](void *, v3_param_id, double) -> v3_result { return V3_OK; };
        functions.restart_component = [](void *self, int32_t) -> v3_result {
            of<Handler>(self).restarts++;
            return V3_OK;
        };
    }
};

struct Events : Lent<v3_event_list> {
    std::vector<v3_event> all;
    Events() {
        functions.get_event_count = [](void *self) { return static_cast<uint32_t>(of<Events>(self).all.size()); };
        functions.get_event = [](void *self, int32_t i, v3_event *to) -> v3_result {
            *to = of<Events>(self).all.at(static_cast<std::size_t>(i));
            return V3_OK;
        };
        functions.add_event = [](void *self, v3_event *event) -> v3_result {
            of<Events>(self).all.push_back(*event);
            return V3_OK;
        };
    }
};

struct Queue : Lent<v3_param_value_queue> {
    v3_param_id id = 0;
    double value = 0.0;
    Queue() {
        functions.get_param_id = [](void *self) { return of<Queue>(self).id; };
        functions.get_point_count = [](void *) -> int32_t { return 1; };
        functions.get_point = [](void *self, int32_t, int32_t *offset, double *to) -> v3_result {
            *offset = 0;
            *to = of<Queue>(self).value;
            return V3_OK;
        };
        functions.add_point = [](void *, int32_t, double, int32_t *) -> v3_result { return V3_OK; }; // what comes out is not looked at
    }
};

struct Changes : Lent<v3_param_changes> {
    std::vector<std::unique_ptr<Queue>> all;
    Changes() {
        functions.get_param_count = [](void *self) { return static_cast<int32_t>(of<Changes>(self).all.size()); };
        functions.get_param_data = [](void *self, int32_t i) { return of<Changes>(self).all.at(static_cast<std::size_t>(i))->lend(); };
        functions.add_param_data = [](void *self, v3_param_id *id, int32_t *index) {
            Changes &own = of<Changes>(self);
            *index = static_cast<int32_t>(own.all.size());
            own.all.push_back(std::make_unique<Queue>());
            own.all.back()->id = *id;
            return own.all.back()->lend();
        };
    }
};

struct Stream : Lent<v3_bstream> {
    std::string bytes;
    std::size_t at = 0;
    explicit Stream(std::string text = "") : bytes(std::move(text)) {
        functions.read = [](void *self, void *to, int32_t size, int32_t *got) -> v3_result {
            Stream &s = of<Stream>(self);
            const auto n = std::min(static_cast<std::size_t>(size), s.bytes.size() - s.at);
            std::memcpy(to, s.bytes.data() + s.at, n);
            s.at += n;
            if (got) *got = static_cast<int32_t>(n);
            return V3_OK;
        };
        functions.write = [](void *self, void *from, int32_t size, int32_t *put) -> v3_result {
            of<Stream>(self).bytes.append(static_cast<const char *>(from), static_cast<std::size_t>(size));
            if (put) *put = size;
            return V3_OK;
        };
        functions.seek = [](void *, int64_t, int32_t, int64_t *) -> v3_result { return V3_NOT_IMPLEMENTED; };
        functions.tell = [](void *, int64_t *) -> v3_result { return V3_NOT_IMPLEMENTED; };
    }
};

struct Song { // where the host is; beats are quarter notes
    double beat = 0.0, tempo = 120.0;
    int numerator = 4, denominator = 4;
    bool is_playing = true;
};

class Host {
  public:
    explicit Host(const Library &library) {
        v3_class_info info;
        v3_cpp_obj(library.factory)->get_class_info(library.factory, 0, &info);
        name = info.name;
        require(v3_cpp_obj(library.factory)->create_instance(library.factory, info.class_id, v3_component_iid, reinterpret_cast<void **>(&component_)), "component");
        require(base()->initialize(component_, reinterpret_cast<v3_funknown **>(application_.lend())), "initialize");
        require(v3_cpp_obj_query_interface(component_, v3_audio_processor_iid, &processor_), "processor");
        require(v3_cpp_obj_query_interface(component_, v3_edit_controller_iid, &controller_), "controller");
        require(v3_cpp_obj(controller_)->set_component_handler(controller_, handler.lend()), "handler");
        for (int32_t i = 0; i < v3_cpp_obj(controller_)->get_parameter_count(controller_); i++) {
            v3_param_info p;
            require(v3_cpp_obj(controller_)->get_parameter_info(controller_, i, &p), "parameter");
            std::string title;
            for (int c = 0; c < 128 && p.title[c]; c++) title += static_cast<char>(p.title[c]);
            if (!(p.flags & V3_PARAM_IS_HIDDEN)) parameters[title] = p.param_id;
        }
        const int32_t outputs = v3_cpp_obj(component_)->get_bus_count(component_, V3_AUDIO, V3_OUTPUT);
        has_sound = outputs > 0;
        for (int32_t i = 0; i < outputs; i++) v3_cpp_obj(component_)->activate_bus(component_, V3_AUDIO, V3_OUTPUT, i, true);
        for (int32_t direction : {V3_INPUT, V3_OUTPUT}) v3_cpp_obj(component_)->activate_bus(component_, V3_EVENT, direction, 0, true);
    }
    ~Host() {
        v3_cpp_obj(controller_)->set_component_handler(controller_, nullptr);
        v3_cpp_obj_unref(controller_);
        v3_cpp_obj_unref(processor_);
        base()->terminate(component_);
        v3_cpp_obj_unref(component_);
    }
    Host(const Host &) = delete;

    void activate(bool offline, double sample_rate = 48000.0) {
        rate = sample_rate;
        is_offline = offline;
        v3_process_setup setup = {is_offline ? V3_OFFLINE : V3_REALTIME, V3_SAMPLE_32, 8192, rate};
        require(v3_cpp_obj(processor_)->setup_processing(processor_, &setup), "setup");
        require(v3_cpp_obj(component_)->set_active(component_, true), "active");
        v3_cpp_obj(processor_)->set_processing(processor_, true);
    }
    void deactivate() {
        v3_cpp_obj(processor_)->set_processing(processor_, false);
        v3_cpp_obj(component_)->set_active(component_, false);
    }

    // For the next block, as automation does.
    void parameter(const std::string &title, double plain) {
        if (!parameters.count(title)) throw std::runtime_error("no parameter " + title);
        auto queue = std::make_unique<Queue>();
        queue->id = parameters[title];
        queue->value = v3_cpp_obj(controller_)->plain_parameter_to_normalised(controller_, queue->id, plain);
        changes_.all.push_back(std::move(queue));
    }
    void key(bool is_on, int16_t pitch, int32_t at) {
        v3_event event = {};
        event.sample_offset = at;
        event.type = is_on ? V3_EVENT_NOTE_ON : V3_EVENT_NOTE_OFF;
        if (is_on) event.note_on = {0, pitch, 0.0f, 0.8f, 0, -1};
        else event.note_off = {0, pitch, 0.0f, -1, 0.0f};
        in_.all.push_back(event);
    }
    // What a host does on its main thread while automation plays.
    void follow(const std::string &title, double normalised) {
        v3_cpp_obj(controller_)->set_parameter_normalised(controller_, parameters[title], normalised);
    }

    void block(Song &song, int32_t frames, bool has_context = true) {
        std::vector<float> left(static_cast<std::size_t>(frames)), right(left);
        float *channels[] = {left.data(), right.data()};
        v3_audio_bus_buffers out = {};
        out.num_channels = 2;
        out.channel_buffers_32 = channels;
        v3_process_context context = {};
        context.state = V3_PROCESS_CTX_TEMPO_VALID | V3_PROCESS_CTX_PROJECT_TIME_VALID | V3_PROCESS_CTX_TIME_SIG_VALID;
        if (song.is_playing) context.state |= V3_PROCESS_CTX_PLAYING;
        context.sample_rate = rate;
        context.project_time_quarters = song.beat;
        const double samples = song.beat * 60.0 / song.tempo * rate;
        context.project_time_in_samples = std::abs(samples) < 1e15 ? std::llround(samples) : 0;
        context.bpm = song.tempo;
        context.time_sig_numerator = song.numerator;
        context.time_sig_denom = song.denominator;
        v3_process_data data = {};
        data.process_mode = is_offline ? V3_OFFLINE : V3_REALTIME;
        data.nframes = frames;
        data.num_output_buses = has_sound;
        data.outputs = has_sound ? &out : nullptr;
        data.input_params = changes_.lend();
        data.output_params = told_.lend();
        data.input_events = in_.lend();
        data.output_events = out_.lend();
        data.ctx = has_context ? &context : nullptr;
        require(v3_cpp_obj(processor_)->process(processor_, &data), "process");
        for (const v3_event &e : out_.all) {
            const bool is_on = e.type == V3_EVENT_NOTE_ON;
            if (!is_on && e.type != V3_EVENT_NOTE_OFF) continue;
            const float velocity = is_on ? e.note_on.velocity : e.note_off.velocity;
            notes.push_back({frame + e.sample_offset, is_on, is_on ? e.note_on.pitch : e.note_off.pitch, static_cast<int>(velocity * 127.0f + 0.5f)});
        }
        changes_.all.clear();
        told_.all.clear();
        in_.all.clear();
        out_.all.clear();
        sound.insert(sound.end(), left.begin(), left.end());
        frame += frames;
        if (song.is_playing) song.beat += frames * song.tempo / (60.0 * rate);
    }

    std::string save() {
        Stream stream;
        require(v3_cpp_obj(component_)->get_state(component_, stream.lend()), "state");
        return stream.bytes;
    }
    bool restore(const std::string &state) {
        Stream stream(state);
        return v3_cpp_obj(component_)->set_state(component_, stream.lend()) == V3_OK;
    }

    Handler handler;
    std::string name;
    std::map<std::string, v3_param_id> parameters;
    std::vector<Note> notes; // frames from the first block on
    std::vector<float> sound; // left
    bool has_sound = false, is_offline = false;
    double rate = 48000.0;
    long frame = 0;

  private:
    static void require(v3_result result, const char *what) {
        if (result != V3_OK) throw std::runtime_error(std::string("no ") + what);
    }
    v3_plugin_base *base() { return static_cast<v3_plugin_base *>(static_cast<void *>(static_cast<uint8_t *>(static_cast<void *>(*component_)) + 3 * sizeof(void *))); }

    Application application_;
    v3_component **component_ = nullptr;
    v3_audio_processor **processor_ = nullptr;
    v3_edit_controller **controller_ = nullptr;
    Events in_, out_;
    Changes changes_, told_;
};
