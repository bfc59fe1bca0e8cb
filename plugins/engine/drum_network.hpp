// The model of drums: windows of cells -> latents -> windows of cells, and hits -> feel, as `drums.network` in Python.
#pragma once
#include <memory>
#include <vector>

#include "beat_stack.hpp"
#include "drum_weights.hpp"

namespace latentmix {

constexpr int FELT = 2 * DRUMS; // of a step

// One user of the weights, with scratch of its own: for one thread at a time. After the constructor nothing allocates.
class DrumNetwork {
  public:
    DrumNetwork(std::shared_ptr<const DrumWeights> weights, const Kernels &kernels);

    const DrumWeights &weights() const { return *weights_; }

    // Cells (count, 32, 3, DRUMS) as of `to_cells` -> means (count, D).
    void encode(const float *cells, int count, float *means);

    // Latents from which these very hits are decoded, and nearly these velocities and offsets: the mean, moved by what the
    // encoder hears as the difference, again and again. As `GrooveNetwork.inverted` in Python.
    void invert(const float *cells, int count, float *latents);

    // Latents (count, D) -> cells: as many hits as are expected, the likeliest. With noise (windows, 32, DRUMS) at a
    // temperature others are, of latents of grooves of so many windows, each groove with the same noise.
    void decode(const float *latents, int count, float *cells, float temperature = 0.0f, const float *noise = nullptr,
                int windows = 1);

    // What a drummer may do with the hits of one groove, cells (count, 32, 3, DRUMS), at a tempo (quarter notes a minute):
    // (count, 32, 2, DRUMS) velocities and offsets. It takes three times as long as decoding.
    void feel(const float *cells, int count, float tempo, float *felt);

  private:
    void encode_some(const float *cells, int count, float *means);
    void invert_some(const float *cells, int count, float *latents);
    void choose(const float *logits, const float *noise, float temperature, float *cells);
    void around(const float *x, int width, int dilation); // (32, width) -> taps_ (32, TAPS x width), going round
    void hear(const float *cells, int count);              // -> usual_, of all windows of a groove
    void feel_of(const float *cells, float tempo);         // -> said_ (32, 18)

    std::shared_ptr<const DrumWeights> weights_;
    const Kernels &kernels_;
    BeatRunner runner_;
    std::vector<float> heard_, mean_, tried_, of_heard_; // of the windows that are inverted: cells, and latents
    std::vector<float> logits_;                         // (n, 32, 3, DRUMS)
    std::vector<float> key_;                            // (32 x DRUMS)
    std::vector<int> order_;                            // likewise
    std::vector<float> x_, normed_, taps_, mixed_, said_; // of the feel, (32, ...)
    float usual_[HALF_WINDOW * DRUMS], piece_[PIECE_WIDTH];
};

// Moves velocities and offsets of hits towards what `feel` says of them: amount 0 leaves them, 1 is the drummer's, up to 2
// exaggerates.
void lay_feel(const float *felt, int count, float amount, float *cells);

// What noise `decode` takes, for a seed: (windows, 32, DRUMS); allocates.
std::vector<float> draw_drum_noise(unsigned seed, int windows);

} // namespace latentmix
