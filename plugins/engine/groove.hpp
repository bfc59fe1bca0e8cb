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

// (W, 32, 3, DRUMS): of each cell whether there is a hit, its velocity 0 to 1 and its offset; the last window filled up with
// silence.
std::vector<float> to_cells(const Groove &groove);

} // namespace latentmix
