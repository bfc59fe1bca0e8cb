// Drums on a grid of sixteenths, and the model's windows of 32 of them: `drums.groove` and `.windows` in Python.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "melody.hpp"

namespace latentmix {

// Kick, snare, closed and open hat, low, mid and high tom, crash, ride.
constexpr int DRUMS = 9, CELL = 3 * DRUMS, WINDOW_CELLS = WINDOW_STEPS * CELL, FULL = 127;

struct Hit {
    std::uint8_t velocity = 0; // 1 to 127; 0: not struck
    float offset = 0.0f;       // by how much of a sixteenth it is late, -0.5 to 0.5

    bool operator==(const Hit &other) const { return velocity == other.velocity && offset == other.offset; }
};

struct Groove {
    std::vector<Hit> hits; // (steps, DRUMS); whole bars
    int numerator = 4, denominator = 4;
    float tempo = 120.0f;
    std::string name;

    int steps() const { return static_cast<int>(hits.size()) / DRUMS; }
    int steps_per_bar() const { return latentmix::steps_per_bar(numerator, denominator); }
    bool is_valid() const;
};

// General MIDI percussion, and what Roland's kits send for rims and edges, as `drums.kit` in Python: which drum a note is, below
// 0 none, and which note is written for a drum.
int drum_of(int note);
int note_of(int drum);

// (W, 32, 3, DRUMS): of each cell whether there is a hit, its velocity 0 to 1 and its offset; the last window filled up with
// silence.
std::vector<float> to_cells(const Groove &groove);

// Cells of one step of a window -> what is struck, (DRUMS), velocities to the nearest whole number.
void to_hits(const float *cells, Hit *hits);

// Grooves in the metre of the first and the length of the longest, shorter ones repeated; empty where that cannot be.
std::vector<Groove> partners(const std::vector<Groove> &grooves);

} // namespace latentmix
