// The pad: the melody of every point of a line or a plane between the melodies, decoded ahead.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "../engine/blend.hpp"
#include "../engine/network.hpp"
#include "../engine/noise.hpp"
#include "../engine/travel.hpp"
#include "parameters.hpp"

namespace latentmix {

// 49: each of two, three or four melodies stands on a point of the line
constexpr int LINE_POINTS = 49, SIDE = 17, MAX_POINTS = SIDE * SIDE;
constexpr int MAX_WINDOWS = 8, MAX_PAD_STEPS = MAX_WINDOWS * WINDOW_STEPS, SLOTS = 4;

struct Pad {
    unsigned serial = 0; // counts up; 0: empty
    bool is_plane = false;
    int steps = 0, numerator = 4, denominator = 4;
    int own_key = 0; // of the first melody
    std::uint8_t tokens[MAX_POINTS][MAX_PAD_STEPS];

    int point(double position, double x, double y) const; // the nearest one
};

// What a pad is decoded for; the rest is done to a melody afterwards.
struct PadSettings {
    bool is_plane = false;
    float amounts[MAX_ATTRIBUTES] = {};
    float variation = 0.0f;
    unsigned seed = 0;

    bool operator==(const PadSettings &other) const;
};

// The even way between two melodies (`Travel`), and whose latents (windows, D) it goes between.
struct Way {
    std::vector<float> from, to, places; // the last (PLACES, windows, D)
};

// Two to four melodies as partners with their latents, and the pads between them. For one thread at a time.
//
// A pad goes straight until all ways that it needs are there, and then goes them: so what is heard depends on what was set
// alone, and not on when.
class Bank {
  public:
    Bank(std::shared_ptr<const Weights> weights, const Kernels &kernels);

    const std::vector<Melody> &melodies() const { return melodies_; }
    const std::vector<Melody> &as_partners() const { return partners_; } // the same, in one metre and of one length
    const Weights &weights() const { return network_.weights(); }
    const std::vector<float> &latents() const { return latents_; } // (melodies, windows, D)
    int windows() const { return windows_; }

    // Another set of melodies; false, with a line in `problem`, where they do not go together, and nothing changes.
    // Latents are those of an earlier `latents`, or empty: then they are computed, a millisecond a window.
    bool set(const std::vector<Melody> &melodies, std::string &problem, const std::vector<float> &latents = {});

    // The first way that a line or a plane still lacks, with its ends but no places; false where it lacks none.
    bool lacks(bool is_plane, Way &way) const;
    void add(const Way &way); // of no use, and forgotten, where the melodies are others by now

    void decode(const PadSettings &settings, Pad &to); // up to a quarter of a second

  private:
    using Ways = const float *[SLOTS][SLOTS]; // null: straight
    const Way *way(int from, int to) const;   // null: not there yet
    void mix(const std::vector<double> &weights, const PadSettings &settings, const Ways &ways, float *out);

    Network network_;
    Noise noise_;
    unsigned seed_ = 0;
    std::vector<Melody> melodies_, partners_;
    std::vector<float> latents_, points_;
    std::vector<Way> ways_;
    std::vector<int> tokens_;
    int windows_ = 0;
};

} // namespace latentmix
