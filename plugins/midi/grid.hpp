// Notes in beats -> one voice on a grid of sixteenths with bar lines. The rules are those of `midi_vae/music/grid.py`.
#pragma once
#include "bars.hpp"
#include "midi_file.hpp"

namespace latentmix {

struct PlacedNote {
    long long start, end; // steps from the start of bar 0; the end is not after the start of the next
    int pitch;
};

struct GridLine {
    std::vector<PlacedNote> notes;
    std::vector<Section> sections;
    double lateness = 0.0; // beats by which all notes were late
    bool is_free = false;  // played beside the file's beats, so that the grid follows the notes
};

GridLine place(const std::vector<MidiNote> &notes, const std::vector<Metre> &metres, const std::vector<double> &others);

// One note for the notes of each trill and mordent: `midi_vae/music/ornaments.py`.
std::vector<bool> merge_trills(std::vector<MidiNote> &line); // which of the notes that came are left

} // namespace latentmix
