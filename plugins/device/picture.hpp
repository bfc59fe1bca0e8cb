// What a window shows of an instance: plain data, which also crosses from one library to another.
#pragma once
#include <cstdint>

#include "../engine/groove.hpp"
#include "pad.hpp"

namespace latentmix {

constexpr int MAX_LABEL = 64, MAX_LINE = 128;

// A melody or a groove, whichever the plugin has.
struct Notes {
    std::uint8_t tokens[MAX_PAD_STEPS] = {};
    std::uint8_t hits[MAX_PAD_STEPS][DRUMS] = {}; // velocities, 0 for none
};

struct Shown : Notes {
    int steps = 0, bar = 16, beat = 4; // sixteenths
};

struct Picture {
    int kind = 0; // of model (`engine/weights.hpp`)
    int pieces = 0;
    char names[SLOTS][MAX_LABEL] = {};
    Notes slots[SLOTS]; // the pieces as partners, as long as what is shown
    bool is_even = false;    // the ways between them are found
    char said[MAX_LINE] = ""; // why the last file was not taken

    Shown shown; // what plays or, while nothing does, what would
    double at = -1.0; // sixteenths from its start; below 0: nothing plays
};

} // namespace latentmix
