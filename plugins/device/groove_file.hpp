// The drums of a MIDI file: two bars from the bar of the first hit, with velocities and lateness; `drums.transcription` in Python.
#pragma once
#include "../engine/groove.hpp"
#include "../midi/midi_file.hpp"

namespace latentmix {

bool groove_of(const MidiTune &tune, Groove &out, std::string &problem);

} // namespace latentmix
