// The melody of a MIDI file: two bars from where it starts, on sixteenths, as `midi_vae/music/transcription.py` takes them.
#pragma once
#include "../engine/melody.hpp"
#include "midi_file.hpp"

namespace latentmix {

constexpr int FILE_BARS = 2;

bool melody_of(const MidiTune &tune, Melody &out, std::string &problem);

// Whether bars of a metre can be taken; else one line in `problem`.
bool has_fitting_bars(const BarLine &bar, std::string &problem);

} // namespace latentmix
