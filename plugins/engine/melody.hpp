// Melodies as tokens on a grid of sixteenths, and the model's windows of 32 of them: `melody` and `windows` in Python.
#pragma once
#include <string>
#include <vector>

namespace latentmix {

constexpr int HOLD = 0, OFF = 1, ONSET = 2; // the onset of MIDI pitch p is ONSET + p
constexpr int VOCABULARY = ONSET + 128, WINDOW_STEPS = 32, HALF_WINDOW = 16;

struct Melody {
    std::vector<int> tokens; // of each sixteenth; whole bars
    int numerator = 4, denominator = 4;
    float tempo = 120.0f; // quarter notes a minute
    int program = 0;      // General MIDI
    std::string name;

    int steps_per_bar() const; // 0 where a bar is not a whole number of sixteenths
    bool is_valid() const;     // tokens 0 .. 129, whole bars, a metre that there is
    bool has_notes() const;
};

int steps_per_bar(int numerator, int denominator);

bool fits_a_window(int numerator, int denominator); // whether a bar does

// Takes note offs away where nothing sounds, and a hold in the first step stays a hold.
void tidy(std::vector<int> &tokens);

// Where the bars of a metre stand in a window: the window step of each step; empty where a bar is longer than a window.
struct WindowLayout {
    int bars = 0;
    std::vector<int> places;
};
WindowLayout window_layout(int numerator, int denominator);

// (W, 32) tokens, the last window filled up with silence; and back, `steps` of them.
std::vector<int> to_windows(const Melody &melody);
std::vector<int> from_windows(const int *windows, int count, const WindowLayout &layout, int steps);

// A melody in another metre and length, as a partner in a mix.
Melody rebar(const Melody &melody, int numerator, int denominator, int steps);

// The melodies in the metre of the first and the length of the longest; empty where that cannot be.
std::vector<Melody> partners(const std::vector<Melody> &melodies);

// Onsets outside `pitches` pitches from `lowest` on, moved into them by octaves.
int fold_pitch(int token, int lowest, int pitches);

} // namespace latentmix
