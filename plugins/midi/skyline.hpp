// Many notes at a time -> one voice: the rules of `midi_vae/music/skyline.py`.
#pragma once
#include "midi_file.hpp"

namespace latentmix {

// The tune of a part, one note at a time: without keyswitches and notes of a lower voice; a rolled chord begins as one; of
// what is left the top line.
std::vector<MidiNote> skyline(const std::vector<MidiNote> &notes);

} // namespace latentmix
