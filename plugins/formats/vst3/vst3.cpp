// VST3, by DPF (DISTRHO Plugin Framework, ISC): one flavour in a binary, LATENTMIX_SYNTH says which.
#include "DistrhoPlugin.hpp"

#include <cstdio>
#include <memory>

#include "../../device/device.hpp"
#include "../../device/identity.hpp"
#include "instance.hpp"
#include "src/travesty/audio_processor.h"
#include "src/travesty/edit_controller.h"

START_NAMESPACE_DISTRHO

namespace {

constexpr int MAX_NOTES = 256;
constexpr const char *STATE_KEY = "state";

// 32 bits of an id (FNV-1a): VST3 hosts tell plugins apart by numbers.
uint32_t hashed(const std::string &id) {
    uint32_t out = 2166136261u;
    for (const char c : id) out = (out ^ static_cast<uint8_t>(c)) * 16777619u;
    return out;
}

std::vector<latentmix::ParameterInfo> own_table() {
    return latentmix::parameter_table(latentmix::identity().kind, latentmix::identity().attributes);
}

} // namespace

class LatentmixPlugin final : public Plugin, private latentmix::NoteSink {
  public:
    LatentmixPlugin() : Plugin(static_cast<uint32_t>(own_table().size()), 0, 1), table_(own_table()) {
        name_ = latentmix::identity().name + (LATENTMIX_SYNTH ? " synth" : "");
        if (isDummyInstance()) return; // DPF makes one to read names from: it needs no weights
        std::string problem;
        if (const latentmix::Model model = latentmix::shared_model(problem))
            device_ = latentmix::Device::make(model, *latentmix::kernels());
        else
            std::fprintf(stderr, "latentmix: %s\n", problem.c_str());
    }

    latentmix::Device *device() { return device_.get(); }
    void hear(const v3_process_data &block) {
        is_offline_ = block.process_mode == V3_OFFLINE;
        transport_ = {};
        const v3_process_context *host = block.ctx;
        if (!host || !device_) return;
        const uint32_t said = host->state;
        transport_.is_playing = transport_.has_position = said & V3_PROCESS_CTX_PLAYING;
        if (said & V3_PROCESS_CTX_TEMPO_VALID) transport_.tempo = host->bpm;
        if (said & V3_PROCESS_CTX_TIME_SIG_VALID) {
            transport_.numerator = host->time_sig_numerator;
            transport_.denominator = host->time_sig_denom;
        }
        const double tempo = transport_.tempo > 0.0 ? transport_.tempo : device_->get(latentmix::TEMPO);
        const bool is_musical = said & V3_PROCESS_CTX_PROJECT_TIME_VALID; // else samples, which hosts always say
        transport_.beat = is_musical ? host->project_time_quarters : static_cast<double>(host->project_time_in_samples) / getSampleRate() * tempo / 60.0;
    }

    void meet(v3_component_handler **host) { host_ = host; }
    // By IComponentHandler2, or where the host has none by asking it to read the parameters again, which some take for it.
    void tell() {
        if (!device_ || !host_ || told_ == device_->changes()) return;
        told_ = device_->changes();
        v3_component_handler2 **dirty = nullptr;
        if (v3_cpp_obj_query_interface(host_, v3_component_handler2_iid, &dirty) != V3_OK || !dirty) {
            v3_cpp_obj(host_)->restart_component(host_, V3_RESTART_PARAM_VALUES_CHANGED);
            return;
        }
        v3_cpp_obj(dirty)->set_dirty(dirty, true);
        v3_cpp_obj_unref(dirty);
    }

  protected:
    const char *getName() const override { return name_.c_str(); }
    const char *getLabel() const override { return "latentmix_melody"; }
    const char *getMaker() const override { return "latentmix"; }
    const char *getLicense() const override { return "MIT"; }
    uint32_t getVersion() const override { return d_version(0, 1, 0); }
    int64_t getUniqueId() const override {
        return hashed(latentmix::identity().id + (LATENTMIX_SYNTH ? ".synth" : ""));
    }

    void initParameter(uint32_t index, Parameter &to) override {
        const latentmix::ParameterInfo &p = table_[index];
        to.hints = kParameterIsAutomatable | (p.is_whole ? kParameterIsInteger : 0);
        to.name = p.name.c_str();
        to.symbol = p.symbol.c_str();
        to.unit = p.unit.c_str();
        to.ranges = ParameterRanges(static_cast<float>(p.standard), static_cast<float>(p.least), static_cast<float>(p.most));
        if (p.id == latentmix::BYPASS) to.initDesignation(kParameterDesignationBypass);
        if (p.choices.empty()) return;
        to.enumValues.count = static_cast<uint8_t>(p.choices.size());
        to.enumValues.restrictedMode = true;
        to.enumValues.values = new ParameterEnumerationValue[p.choices.size()];
        for (std::size_t i = 0; i < p.choices.size(); i++) {
            to.enumValues.values[i].label = p.choices[i].c_str();
            to.enumValues.values[i].value = static_cast<float>(p.least + static_cast<double>(i));
        }
    }
    void initState(uint32_t, State &to) override {
        to.key = STATE_KEY;
        to.label = "Melodies or grooves";
        to.hints = kStateIsOnlyForDSP;
    }

    float getParameterValue(uint32_t index) const override {
        return static_cast<float>(device_ ? device_->get(table_[index].id) : table_[index].standard);
    }
    void setParameterValue(uint32_t index, float value) override {
        if (device_) device_->set(table_[index].id, value);
    }
    String getState(const char *) const override { return String(device_ ? device_->save().c_str() : ""); }
    void setState(const char *key, const char *value) override {
        std::string problem;
        if (!device_ || std::strcmp(key, STATE_KEY) || !value || !*value) return;
        if (!device_->restore(value, problem, false)) std::fprintf(stderr, "latentmix: %s\n", problem.c_str());
    }

    void activate() override {
        if (device_) device_->activate(getSampleRate(), true); // a bounce is known by its blocks alone, and starts with this one
    }
    void run(const float **, float **outputs, uint32_t frames, const MidiEvent *events, uint32_t count) override {
        latentmix::NoteIn notes[MAX_NOTES];
        int kept = 0;
        for (uint32_t i = 0; i < count && kept < MAX_NOTES; i++) {
            const int kind = events[i].data[0] & 0xf0;
            if (events[i].size == 3 && (kind == 0x80 || kind == 0x90))
                notes[kept++] = {static_cast<int>(events[i].frame), kind == 0x90 && events[i].data[2], events[i].data[1] & 127,
                                 events[i].data[2] & 127};
        }
        float *left = LATENTMIX_SYNTH ? outputs[0] : nullptr, *right = LATENTMIX_SYNTH ? outputs[1] : nullptr;
        if (device_)
            device_->process(transport_, notes, kept, static_cast<int>(frames), *this, left, right, is_offline_);
        else
            for (uint32_t i = 0; left && i < frames; i++) left[i] = right[i] = 0.0f;
    }

  private:
    void note(int frame, bool is_on, int pitch, int velocity, int channel) override {
        MidiEvent event = {};
        event.frame = static_cast<uint32_t>(frame);
        event.size = 3;
        event.data[0] = static_cast<uint8_t>((is_on ? 0x90 : 0x80) | channel);
        event.data[1] = static_cast<uint8_t>(pitch);
        event.data[2] = static_cast<uint8_t>(velocity);
        writeMidiEvent(event);
    }

    std::vector<latentmix::ParameterInfo> table_;
    std::string name_;
    std::unique_ptr<latentmix::Device> device_;
    v3_component_handler **host_ = nullptr;
    unsigned told_ = 0; // of the device's changes
    latentmix::Transport transport_;
    bool is_offline_ = false;
};

Plugin *createPlugin() { return new LatentmixPlugin(); }

END_NAMESPACE_DISTRHO

namespace {

DISTRHO_NAMESPACE::LatentmixPlugin &of(void *plugin) {
    return *static_cast<DISTRHO_NAMESPACE::LatentmixPlugin *>(static_cast<DISTRHO_NAMESPACE::Plugin *>(plugin));
}

} // namespace

latentmix::Device *device_of_vst3(void *plugin) { return of(plugin).device(); }

void tell_vst3(void *plugin) { of(plugin).tell(); }

void tell_vst3(void *plugin, v3_component_handler **host) {
    of(plugin).meet(host);
    of(plugin).tell();
}

void hear_vst3(void *plugin, const v3_process_data &block) { of(plugin).hear(block); }
