// The pad of drums: the hits of every point of a line or a plane between grooves, decoded ahead.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "../engine/drum_network.hpp"
#include "bank.hpp"

namespace latentmix {

constexpr int MAX_DRUM_WINDOWS = 4, MAX_DRUM_STEPS = MAX_DRUM_WINDOWS * WINDOW_STEPS;

struct DrumPad : PadPoints {
    std::uint8_t velocities[MAX_POINTS][MAX_DRUM_STEPS][DRUMS]; // 0: not struck
    float offsets[MAX_POINTS][MAX_DRUM_STEPS][DRUMS];
};

// What `BankOf` has to know of grooves.
struct GrooveBank {
    using Piece = Groove;
    using Network = DrumNetwork;
    using Weights = DrumWeights;
    using Value = float;
    static constexpr int WINDOW = WINDOW_CELLS, MOST = MAX_DRUM_WINDOWS, POINTS = 4; // that many at once
    static constexpr bool HAS_CHARTS = false;
    static constexpr const char *PIECE = "groove", *PIECES = "grooves";
    static void latents(Network &network, const float *windows, int count, float *out) { network.invert(windows, count, out); }
    static std::vector<float> windows(const Groove &groove) { return to_cells(groove); }
    static int steps(const Groove &groove) { return groove.steps(); }
};

// Grooves, and the pads between them.
//
// Even ways are those that came with the weights, between grooves that came with them; nobody looks for others here, and a
// pad that lacks one goes straight.
class DrumBank final : public BankOf<GrooveBank> {
  public:
    DrumBank(std::shared_ptr<const DrumWeights> weights, const Kernels &kernels);

    bool set(const std::vector<Groove> &grooves, std::string &problem, const std::vector<float> &latents = {});

    bool lacks(Field, Way &) const { return false; } // that somebody is to find
    void add(const Way &) {}
    std::vector<float> chart_shares() const { return {}; }

    void decode(const PadSettings &settings, DrumPad &to);

  private:
    void recall(const std::vector<Groove> &grooves, std::vector<float> &latents) const override;
    void bring_ways();
    void decode_cells(const PadSettings &settings, const DrumPad &pad);
    void put(const float *cells, DrumPad &to, int point) const; // (windows, 32, 3, DRUMS)

    std::vector<float> noise_;
    int noise_windows_ = 0;
    PadSettings decoded_for_;
    std::vector<float> cells_, felt_; // of all points of the pad, (windows, 32, 3, DRUMS) and (windows, 32, 2, DRUMS); the latter where wanted
    std::vector<Groove> known_; // that came with the weights, as partners
};

} // namespace latentmix
