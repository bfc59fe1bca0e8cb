// Which part of a file is the melody, as `midi_vae/midi/melody_track.py` finds it.
#pragma once
#include "midi_file.hpp"

namespace latentmix {

const MidiPart *melody_part(const MidiTune &tune); // null where there are only drums

} // namespace latentmix
