// The melody model: windows of tokens -> latents -> windows of tokens, as `model.MelodyVAE` in Python.
#pragma once
#include <memory>
#include <vector>

#include "beat_stack.hpp"

namespace latentmix {

// Gumbel noise for draws at a temperature, of the windows of one melody.
struct Noise {
    int windows = 1;
    std::vector<float> rhythm, pitch; // (windows, 32, 3), (windows, 32, pitches)
};

// One user of the weights, with scratch of its own: for one thread at a time. After the constructor nothing allocates.
class Network {
  public:
    Network(std::shared_ptr<const Weights> weights, const Kernels &kernels);

    const Weights &weights() const { return *weights_; }
    const Kernels &kernels() const { return kernels_; }

    // Tokens (count, 32), of any pitches -> means (count, D).
    void encode(const int *tokens, int count, float *means);

    // Tokens (count, 32), of any pitches -> latents (count, D) that they are decoded from: the means, and where something
    // else is decoded from there, what is tried next. As `MelodyNetwork.inverted` in Python.
    void invert(const int *tokens, int count, float *latents);

    // Latents (count, D) -> the likeliest tokens (count, 32); with noise, at a temperature, drawn ones. The
    // latents are those of melodies of `noise->windows` windows, each melody with the same noise: so neighbours on a pad
    // are alike.
    void decode(const float *latents, int count, int *tokens, float temperature = 0.0f, const Noise *noise = nullptr);

    // The critic's log p of each symbol (hold, off, an onset of each pitch from the lowest on) given all other steps:
    // symbols (count, 32), at most MAX_AT_ONCE windows -> (count, 32, symbols).
    void conditionals(const int *symbols, int count, float *log_p);

  private:
    void decode_some(const float *latents, int first, int count, int *tokens, float temperature, const Noise *noise);
    void encode_some(const int *tokens, int count, float *means);
    void invert_one(const int *tokens, int wrong, float *latent);
    int wrong_steps(const int *tokens, const int *heard) const;
    float say(const float *rhythm, const float *pitch, int *symbols, float *log_p) const;
    void enter(const int *symbols, int count, int tower, float *h, float *x) const;
    void criticise(const int *symbols, int count, float *scores);
    void choose(float *log_p, const float *scores, float share, float temperature, const Noise *noise,
                int window, int *tokens) const;

    std::shared_ptr<const Weights> weights_;
    const Kernels &kernels_;
    BeatRunner runner_;
    std::vector<float> steps_, rhythm_, pitch_, log_p_, scores_; // (32 n, ...)
    std::vector<float> towers_[TOWERS], tower_, both_, head_;    // (32 n, critic_width), the same, (32 n, 2 of it) twice
    std::vector<int> symbols_, heard_;
    std::vector<float> mean_, tried_, of_heard_; // (D) of the window that is inverted
};

} // namespace latentmix
