// The melody of a MIDI file: two bars from where it starts, on sixteenths.
//
// Which track, by its name or by what its notes are like, and the top line of it are found as `midi-vae` finds them in most
// files; what takes more is left to it: words that are sung, chords that are rolled, lower voices, trills, and playing that
// does not keep to the file's beats.
#pragma once
#include "../engine/melody.hpp"
#include "midi_file.hpp"

namespace latentmix {

constexpr int FILE_BARS = 2, DRUM_CHANNEL = 9; // the latter from 0

bool melody_of(const MidiTune &tune, Melody &out, std::string &problem);

} // namespace latentmix
