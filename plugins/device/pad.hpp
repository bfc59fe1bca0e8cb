// The pad: the melody of every point of a line or a plane between the melodies, decoded ahead.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "../engine/network.hpp"
#include "../engine/noise.hpp"
#include "bank.hpp"

namespace latentmix {

constexpr int MAX_WINDOWS = 8, MAX_PAD_STEPS = MAX_WINDOWS * WINDOW_STEPS;

struct Pad : PadPoints {
    int own_key = 0; // of the first melody
    std::uint8_t tokens[MAX_POINTS][MAX_PAD_STEPS];
};

// What `BankOf` has to know of melodies.
struct MelodyBank {
    using Piece = Melody;
    using Network = latentmix::Network;
    using Weights = latentmix::Weights;
    using Value = int;
    static constexpr int WINDOW = WINDOW_STEPS, MOST = MAX_WINDOWS, POINTS = MAX_POINTS;
    static constexpr bool HAS_CHARTS = true;
    static constexpr const char *PIECE = "melody", *PIECES = "melodies";
    static void latents(Network &network, const int *windows, int count, float *out) { network.invert(windows, count, out); }
    static std::vector<int> windows(const Melody &melody) { return to_windows(melody); }
    static int steps(const Melody &melody) { return static_cast<int>(melody.tokens.size()); }
};

// Melodies, and the pads between them.
//
// A pad goes straight until all ways that it needs are there, and then goes them: so what is heard depends on what was set
// alone, and not on when.
class Bank final : public BankOf<MelodyBank> {
  public:
    Bank(std::shared_ptr<const Weights> weights, const Kernels &kernels);

    // The first way or chart that is still to be found (`Mixes::lacks`), and what it takes to find one.
    bool lacks(Field field, Way &way) const;
    void add(const Way &way) { mixes_.add(way); }
    std::vector<float> chart_shares() const { return mixes_.chart_shares(); }

    void decode(const PadSettings &settings, Pad &to); // up to a quarter of a second

  private:
    Noise noise_;
    std::vector<int> decoded_; // tokens of all points, (windows, 32) each
};

} // namespace latentmix
