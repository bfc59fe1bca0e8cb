// A standard MIDI file -> its notes by parts, in quarter notes; every length is bounded, whatever the file says.
#pragma once
#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "../engine/melody.hpp"

namespace latentmix {

constexpr std::size_t MAX_MIDI_BYTES = 16u << 20, MAX_MIDI_NOTES = 200000, MAX_MIDI_PATH = 4096;
constexpr int MAX_MIDI_CHUNKS = 65535; // as many tracks as a header can say

struct MidiNote {
    double start, end; // quarter notes from the start of the file
    int pitch, velocity;
};

// What one channel of one track plays, by start and then from high to low.
struct MidiPart {
    int track = 0, channel = 0, program = 0; // from 0; the program of its first note
    std::string name;                        // of its track
    std::vector<MidiNote> notes;
};

struct MidiTune {
    struct Metre {
        double at;
        int numerator, denominator;
    };
    struct Tempo {
        double at;
        float tempo; // quarter notes a minute
    };
    std::vector<MidiPart> parts; // that have notes
    std::vector<Metre> metres;   // by their times
    std::vector<Tempo> tempi;
    double length = 0.0; // to the last event
    int tracks = 0;      // that have notes

    float tempo_at(double beat) const; // 120 where none was said
};

// Damaged files are read as far as they go. False, with one line in `problem`, where there is nothing to read.
bool parse_midi(const std::vector<unsigned char> &file, MidiTune &out, std::string &problem);
bool read_midi(const std::string &path, MidiTune &out, std::string &problem);

std::string stem_of(const std::string &path); // the file's name without its folder and its ending

// Where the bar lines are, in sixteenths: a change of metre begins a bar.
struct BarLine {
    long long step; // where the bar begins
    int numerator, denominator;
};
BarLine bar_at(const MidiTune &tune, long long step);

// The bar in which a passage begins, and its metre and tempo for what is made of it (`Melody`, `Groove`). False, with one
// line in `problem`, where such a bar does not fit a window.
template <class Passage> bool begin_at(const MidiTune &tune, long long step, BarLine &bar, Passage &out, std::string &problem) {
    bar = bar_at(tune, step);
    if (!fits_a_window(bar.numerator, bar.denominator)) {
        problem = "expected bars of at most 32 sixteenths, found " + std::to_string(bar.numerator) + "/" + std::to_string(bar.denominator);
        return false;
    }
    out.numerator = bar.numerator;
    out.denominator = bar.denominator;
    out.tempo = std::min(std::max(tune.tempo_at(static_cast<double>(bar.step) / 4), 1.0f), 9999.0f);
    return true;
}

} // namespace latentmix
