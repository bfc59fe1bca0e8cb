// Where the grid lies under some onsets: on the file's beats, late by a constant, or where the notes have it. The rules are
// those of `midi_vae/music/phase.py`.
#pragma once
#include <vector>

namespace latentmix {

struct FoundGrid {
    double lateness = 0.0;       // beats by which all onsets are late
    bool is_plain = false;       // every onset is on a step
    bool is_swung = false;       // they are at a few places of each beat, some of which no notation knows
    std::vector<double> offsets; // steps by which the grid lies after the file's at each onset; empty where it is the file's own
};

// Onsets of one voice in beats, ascending, and of other parts that may have grace notes before it.
FoundGrid find_grid(const std::vector<double> &onsets, const std::vector<double> &others);

} // namespace latentmix
