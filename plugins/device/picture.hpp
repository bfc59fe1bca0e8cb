// What a window shows of an instance: plain data, which also crosses from one library to another.
#pragma once
#include <cstdint>

#include "pad.hpp"

namespace latentmix {

constexpr int MAX_LABEL = 64, MAX_LINE = 128;

struct Picture {
    int melodies = 0;
    char names[SLOTS][MAX_LABEL] = {};
    std::uint8_t slots[SLOTS][MAX_PAD_STEPS] = {}; // tokens of the melodies as partners, `steps` each
    bool is_even = false;                          // the ways between them are found
    char said[MAX_LINE] = "";                      // why the last file was not taken

    // what plays or, while nothing does, what would
    int steps = 0, bar = 16, beat = 4; // sixteenths
    std::uint8_t tokens[MAX_PAD_STEPS] = {};
    double at = -1.0; // sixteenths from the start of the melody; below 0: nothing plays
};

} // namespace latentmix
