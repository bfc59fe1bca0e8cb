// Chance drawn beforehand, as `realtime.decoder` draws it: the same seed gives the same noise as in Python.
#pragma once
#include "network.hpp"

namespace latentmix {

// For melodies of so many windows, and so many pitches; allocates.
Noise draw_noise(unsigned seed, int pitches, int windows = 1);

} // namespace latentmix
