// Metre events of a file -> where its bars lie. The rules are those of `midi_vae/music/bars.py`.
#pragma once
#include <string>
#include <vector>

namespace latentmix {

constexpr int STEPS_A_BEAT = 4; // a beat is a quarter note, a step a sixteenth

struct Metre {
    double at; // quarter notes from the start of the file
    int numerator, denominator;

    double beats() const { return 4.0 * numerator / denominator; } // of a bar
};

struct Section { // bars of one metre
    double beat;    // where its first bar starts; below 0 where the file starts with an upbeat
    long long step; // the same on the grid, counted from the first bar of all
    long long bar;  // number of its first bar, from 0
    Metre metre;
};

std::vector<Section> bar_sections(const std::vector<Metre> &metres); // of metres by their times; at least one

struct BarLine {
    long long step; // where the bar begins, counted from the first bar of all
    int numerator, denominator;
};
BarLine bar_of_step(const std::vector<Section> &sections, long long step);

} // namespace latentmix
