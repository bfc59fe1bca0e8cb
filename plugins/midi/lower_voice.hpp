// Which notes belong to a lower voice than the tune's, though they sound alone: `is_lower_voice` in `midi_vae/music/skyline.py`.
#pragma once
#include "midi_file.hpp"

namespace latentmix {

std::vector<bool> lower_voice(const std::vector<MidiNote> &notes); // by start and then from high to low

} // namespace latentmix
