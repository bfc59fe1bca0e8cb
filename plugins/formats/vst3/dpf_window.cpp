// DPF's side of a VST3 window, which counts parameters as `dpf.cpp` does: none for MIDI controllers.
#include "src/DistrhoPluginVST.hpp"

#define kVst3InternalParameterCount kVst3InternalParameterBaseCount

#include "src/DistrhoUI.cpp"

#include "src/DistrhoUIVST3.cpp"
