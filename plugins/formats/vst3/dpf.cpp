// DPF's VST3 with what it lacks or has too much of (`own_answers.hpp`). DPF 1.6 has no switches for these, so the names that
// it knows its interfaces by are others by the time its source is read.
#include "src/DistrhoPlugin.cpp"

#include "src/DistrhoPluginVST.hpp"
#include "src/travesty/audio_processor.h"
#include "src/travesty/edit_controller.h"

#include "own_answers.hpp"

#if DPF_VST3_USES_SEPARATE_CONTROLLER || DISTRHO_PLUGIN_WANT_LATENCY || DISTRHO_PLUGIN_WANT_PROGRAMS
#error "parameters of DPF's own would be counted wrongly"
#endif

#undef DPF_VST3_HAS_INTERNAL_PARAMETERS
#undef DPF_VST3_PURE_MIDI_INTERNAL_PARAMETERS
#define DPF_VST3_HAS_INTERNAL_PARAMETERS 0
#define DPF_VST3_PURE_MIDI_INTERNAL_PARAMETERS 0
#define kVst3InternalParameterCount kVst3InternalParameterBaseCount
#define kVst3InternalParameterMidiCC_start 0x7fffffff
#define kVst3InternalParameterMidiCC_end 0x7fffffff
#define v3_midi_mapping_cpp NoControllers
#define v3_edit_controller_cpp TellingController
#define v3_audio_processor_cpp ListeningProcessor

#include "src/DistrhoPluginVST3.cpp"

#define DISTRHO_IS_STANDALONE 0
#include "src/DistrhoUtils.cpp"

namespace {

// DPF keeps its instance of the plugin to itself; templates may name what is private.
template <PluginExporter PluginVst3::*Kept> struct Opened {
    friend const PluginExporter &plugin_of(const PluginVst3 &vst3) { return vst3.*Kept; }
};
const PluginExporter &plugin_of(const PluginVst3 &vst3);
template struct Opened<&PluginVst3::fPlugin>;

void TellingController::tell() {
    const auto &controller = static_cast<const dpf_edit_controller &>(*this);
    if (const PluginVst3 *vst3 = controller.vst3) tell_vst3(plugin_of(*vst3).getInstancePointer(), controller.handler);
}

void ListeningProcessor::listen(const v3_process_data &data) {
    const auto &processor = static_cast<const dpf_audio_processor &>(*this);
    if (const PluginVst3 *vst3 = processor.vst3) hear_vst3(plugin_of(*vst3).getInstancePointer(), data);
}

} // namespace
