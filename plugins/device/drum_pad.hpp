// The pad of drums: the hits of every point of a line or a plane between grooves, decoded ahead.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "../engine/drum_network.hpp"
#include "mixes.hpp"
#include "pad_points.hpp"

namespace latentmix {

constexpr int MAX_DRUM_WINDOWS = 4, MAX_DRUM_STEPS = MAX_DRUM_WINDOWS * WINDOW_STEPS;

struct DrumPad : PadPoints {
    std::uint8_t velocities[MAX_POINTS][MAX_DRUM_STEPS][DRUMS]; // 0: not struck
    float offsets[MAX_POINTS][MAX_DRUM_STEPS][DRUMS];
};

// Two to four grooves as partners with their latents, and the pads between them. For one thread at a time.
//
// Even ways are those that came with the weights, between grooves that came with them; nobody looks for others here, and a
// pad that lacks one goes straight.
class DrumBank {
  public:
    DrumBank(std::shared_ptr<const DrumWeights> weights, const Kernels &kernels);

    const std::vector<Groove> &pieces() const { return grooves_; }
    const std::vector<Groove> &as_partners() const { return partners_; } // the same, in one metre and of one length
    const std::string &fingerprint() const { return network_.weights().fingerprint; }
    const std::vector<float> &latents() const { return mixes_.latents(); } // (grooves, windows, D)
    int windows() const { return windows_; }

    // As `Bank::set`.
    bool set(const std::vector<Groove> &grooves, std::string &problem, const std::vector<float> &latents = {});

    bool lacks(bool, Way &) const { return false; } // that somebody is to find
    void add(const Way &) {}

    void decode(const PadSettings &settings, DrumPad &to);

  private:
    void recall(const std::vector<Groove> &grooves, std::vector<float> &latents) const;
    void bring_ways();
    void put(const PadSettings &settings, float *cells, DrumPad &to, int point); // (windows, 32, 3, DRUMS)

    DrumNetwork network_;
    std::vector<float> noise_;
    unsigned seed_ = 0;
    int noise_windows_ = 0;
    std::vector<Groove> grooves_, partners_;
    std::vector<Groove> known_; // that came with the weights, as partners
    Mixes mixes_;
    std::vector<float> points_, cells_;
    int windows_ = 0;
};

} // namespace latentmix
