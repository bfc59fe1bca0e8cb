// What DPF wants to know when it is compiled. Name and ids come from the file of weights, at run time (`vst3.cpp`).
#define DISTRHO_PLUGIN_BRAND "latentmix"
#define DISTRHO_PLUGIN_NAME "latentmix melody"
#define DISTRHO_PLUGIN_URI "urn:latentmix:org.latentmix.melody"
#define DISTRHO_PLUGIN_BRAND_ID Lmix
#define DISTRHO_PLUGIN_UNIQUE_ID LmMe
#define DISTRHO_PLUGIN_HAS_UI 0
#define DISTRHO_PLUGIN_IS_RT_SAFE 1
#define DISTRHO_PLUGIN_NUM_INPUTS 0
#define DISTRHO_PLUGIN_WANT_MIDI_INPUT 1
#define DISTRHO_PLUGIN_WANT_MIDI_OUTPUT 1
#define DISTRHO_PLUGIN_WANT_TIMEPOS 1
#define DISTRHO_PLUGIN_WANT_STATE 1
#define DISTRHO_PLUGIN_WANT_FULL_STATE 1
#if LATENTMIX_SYNTH
#define DISTRHO_PLUGIN_IS_SYNTH 1
#define DISTRHO_PLUGIN_NUM_OUTPUTS 2
#define DISTRHO_PLUGIN_VST3_CATEGORIES "Instrument|Synth"
#else
#define DISTRHO_PLUGIN_NUM_OUTPUTS 0
#define DISTRHO_PLUGIN_VST3_CATEGORIES "Fx|Instrument"
#endif
