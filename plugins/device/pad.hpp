// The pad: the melody of every point of a line or a plane between the melodies, decoded ahead.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "../engine/network.hpp"
#include "../engine/noise.hpp"
#include "mixes.hpp"
#include "pad_points.hpp"

namespace latentmix {

constexpr int MAX_WINDOWS = 8, MAX_PAD_STEPS = MAX_WINDOWS * WINDOW_STEPS;

struct Pad : PadPoints {
    int own_key = 0; // of the first melody
    std::uint8_t tokens[MAX_POINTS][MAX_PAD_STEPS];
};

// Two to four melodies as partners with their latents, and the pads between them. For one thread at a time.
//
// A pad goes straight until all ways that it needs are there, and then goes them: so what is heard depends on what was set
// alone, and not on when.
class Bank {
  public:
    Bank(std::shared_ptr<const Weights> weights, const Kernels &kernels);

    const std::vector<Melody> &pieces() const { return melodies_; }
    const std::vector<Melody> &as_partners() const { return partners_; } // the same, in one metre and of one length
    const std::string &fingerprint() const { return network_.weights().fingerprint; }
    const std::vector<float> &latents() const { return mixes_.latents(); } // (melodies, windows, D)
    int windows() const { return windows_; }

    // Another set of melodies; false, with a line in `problem`, where they do not go together, and nothing changes.
    // Latents are those of an earlier `latents`, or empty: then they are computed, a millisecond a window.
    bool set(const std::vector<Melody> &melodies, std::string &problem, const std::vector<float> &latents = {});

    // The first way that is still to be found (`Mixes::lacks`).
    bool lacks(bool is_plane, Way &way) const { return mixes_.lacks(is_plane, way); }
    void add(const Way &way) { mixes_.add(way); }

    void decode(const PadSettings &settings, Pad &to); // up to a quarter of a second

  private:
    Network network_;
    Noise noise_;
    unsigned seed_ = 0;
    std::vector<Melody> melodies_, partners_;
    Mixes mixes_;
    std::vector<float> points_;
    std::vector<int> tokens_;
    int windows_ = 0;
};

} // namespace latentmix
