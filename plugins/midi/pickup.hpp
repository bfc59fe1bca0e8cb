// An incomplete first bar that no event of a file tells, as `midi_vae/music/pickup.py` estimates it.
#pragma once
#include "grid.hpp"

namespace latentmix {

double untold_pickup(const MidiTune &tune, const MidiPart &part, const GridLine &line); // in quarters; 0 where there is none

} // namespace latentmix
