// DPF's VST3 without its parameters for MIDI controllers: one for each of 130 controllers of 16 channels, of which this
// plugin reads none, and which take hosts made with JUCE most of a minute to list. DPF 1.6 has no switch for it where
// notes come in, so the names that it counts them by are others by the time its source is read.
#include "src/DistrhoPlugin.cpp"

#include "src/DistrhoPluginVST.hpp"
#include "src/travesty/edit_controller.h"

#if DPF_VST3_USES_SEPARATE_CONTROLLER || DISTRHO_PLUGIN_WANT_LATENCY || DISTRHO_PLUGIN_WANT_PROGRAMS
#error "parameters of DPF's own would be counted wrongly"
#endif

namespace {

// What says which parameter a controller is: none. (Hosts made with JUCE take a plugin that does not say so by its word that
// every controller is the first parameter, and move that.) What DPF would say instead is put where nobody looks.
struct NoControllers : v3_midi_mapping_cpp {
    struct {
        decltype(v3_midi_mapping::get_midi_controller_assignment) get_midi_controller_assignment;
    } map;
    NoControllers() {
        v3_midi_mapping_cpp::map.get_midi_controller_assignment = [](void *, int32_t, int16_t, int16_t, v3_param_id *) -> v3_result {
            return V3_FALSE;
        };
    }
};

} // namespace

#undef DPF_VST3_HAS_INTERNAL_PARAMETERS
#undef DPF_VST3_PURE_MIDI_INTERNAL_PARAMETERS
#define DPF_VST3_HAS_INTERNAL_PARAMETERS 0
#define DPF_VST3_PURE_MIDI_INTERNAL_PARAMETERS 0
#define kVst3InternalParameterCount kVst3InternalParameterBaseCount
#define kVst3InternalParameterMidiCC_start 0x7fffffff
#define kVst3InternalParameterMidiCC_end 0x7fffffff
#define v3_midi_mapping_cpp NoControllers

#include "src/DistrhoPluginVST3.cpp"

#define DISTRHO_IS_STANDALONE 0
#include "src/DistrhoUtils.cpp"
