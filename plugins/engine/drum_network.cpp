#include "drum_network.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <random>

namespace latentmix {
namespace {

constexpr int CHOICES = WINDOW_STEPS * DRUMS;
constexpr float INVERSION_STEP = 0.5f; // as in `midi_vae.model.window_network`
constexpr int INVERSION_ROUNDS = 8;
constexpr float USUAL_TEMPO = 110.0f; // feel.USUAL_TEMPO
constexpr float SOFTEST = 1.0f / FULL;

// NaN, which only strange weights make, becomes the least.
float clamp(float x, float least, float most) { return x >= least ? std::min(x, most) : least; }

// feel.played
float velocity_of(float x) {
    const float inside = clamp(x, 0.0f, 1.0f);
    return inside + 0.01f * (x - inside);
}
float offset_of(float x) { return 0.5f * std::tanh(clamp(x, -100.0f, 100.0f)); }

int wrong_hits(const float *heard, const float *cells) {
    int wrong = 0;
    for (int s = 0; s < WINDOW_STEPS; s++)
        for (int d = 0; d < DRUMS; d++) wrong += (heard[s * CELL + d] > 0.5f) != (cells[s * CELL + d] > 0.5f);
    return wrong;
}

} // namespace

DrumNetwork::DrumNetwork(std::shared_ptr<const DrumWeights> weights, const Kernels &kernels)
    : weights_(std::move(weights)), kernels_(kernels), runner_(kernels, weights_->sizes.width, weights_->sizes.across) {
    const std::size_t w = static_cast<std::size_t>(weights_->sizes.feel_width), steps = WINDOW_STEPS;
    heard_.resize(static_cast<std::size_t>(MAX_AT_ONCE) * WINDOW_CELLS);
    for (auto *each : {&mean_, &tried_, &of_heard_}) each->resize(static_cast<std::size_t>(MAX_AT_ONCE * weights_->sizes.latent_size));
    logits_.resize(static_cast<std::size_t>(MAX_AT_ONCE) * WINDOW_CELLS);
    key_.resize(CHOICES);
    order_.resize(CHOICES);
    x_.resize(steps * w);
    normed_.resize(steps * w);
    mixed_.resize(steps * w);
    taps_.resize(steps * TAPS * std::max<std::size_t>(w, HEARD * DRUMS));
    said_.resize(steps * FELT);
}

void DrumNetwork::encode(const float *cells, int count, float *means) {
    for (int at = 0; at < count; at += MAX_AT_ONCE)
        encode_some(cells + static_cast<std::size_t>(at) * WINDOW_CELLS, std::min(count - at, MAX_AT_ONCE),
                    means + static_cast<std::size_t>(at) * weights_->sizes.latent_size);
}

void DrumNetwork::encode_some(const float *cells, int count, float *means) {
    runner_.run(weights_->encoder, count, cells, means);
}

void DrumNetwork::invert(const float *cells, int count, float *latents) {
    for (int at = 0; at < count; at += MAX_AT_ONCE)
        invert_some(cells + static_cast<std::size_t>(at) * WINDOW_CELLS, std::min(count - at, MAX_AT_ONCE),
                    latents + static_cast<std::size_t>(at) * weights_->sizes.latent_size);
}

// Of all tried the last from which the fewest cells are struck wrongly: feel comes nearer each time.
void DrumNetwork::invert_some(const float *cells, int count, float *latents) {
    const int size = weights_->sizes.latent_size, all = count * size;
    int fewest[MAX_AT_ONCE];
    std::fill(fewest, fewest + count, CHOICES);
    encode_some(cells, count, mean_.data());
    std::copy_n(mean_.begin(), all, tried_.begin());
    for (int round = 0;; round++) {
        decode(tried_.data(), count, heard_.data());
        for (int i = 0; i < count; i++) {
            const std::size_t window = static_cast<std::size_t>(i) * WINDOW_CELLS;
            const int wrong = wrong_hits(&heard_[window], cells + window);
            if (wrong > fewest[i]) continue;
            fewest[i] = wrong;
            std::copy_n(tried_.begin() + i * size, size, latents + i * size);
        }
        if (round == INVERSION_ROUNDS) return;
        encode_some(heard_.data(), count, of_heard_.data());
        for (int i = 0; i < all; i++) tried_[static_cast<std::size_t>(i)] += INVERSION_STEP * (mean_[static_cast<std::size_t>(i)] - of_heard_[static_cast<std::size_t>(i)]);
    }
}

void DrumNetwork::decode(const float *latents, int count, float *cells, float temperature, const float *noise, int windows) {
    for (int at = 0; at < count; at += MAX_AT_ONCE) {
        const int now = std::min(count - at, MAX_AT_ONCE);
        runner_.run(weights_->decoder, now, latents + static_cast<std::size_t>(at) * weights_->sizes.latent_size, logits_.data());
        for (int i = 0; i < now; i++)
            choose(&logits_[static_cast<std::size_t>(i) * WINDOW_CELLS],
                   noise && temperature > 0.0f ? noise + static_cast<std::size_t>((at + i) % windows) * CHOICES : nullptr,
                   temperature, cells + static_cast<std::size_t>(at + i) * WINDOW_CELLS);
    }
}

// network.expected_hits, and what the cells that are struck say
void DrumNetwork::choose(const float *logits, const float *noise, float temperature, float *cells) {
    float expected = 0.0f;
    for (int s = 0; s < WINDOW_STEPS; s++)
        for (int d = 0; d < DRUMS; d++) {
            const int at = s * DRUMS + d;
            const float logit = clamp(logits[s * CELL + d], -1e6f, 1e6f);
            expected += 1.0f / (1.0f + std::exp(-logit));
            key_[at] = noise ? logit + temperature * noise[at] : logit;
            order_[at] = at;
        }
    const int count = std::min(static_cast<int>(std::nearbyint(expected)), CHOICES);
    std::nth_element(order_.begin(), order_.begin() + count, order_.end(), [this](int a, int b) {
        return key_[a] != key_[b] ? key_[a] > key_[b] : a < b; // of equal ones the first, as of a stable order
    });
    std::memset(cells, 0, sizeof(float) * WINDOW_CELLS);
    for (int i = 0; i < count; i++) {
        const int s = order_[i] / DRUMS, d = order_[i] % DRUMS;
        float *cell = cells + s * CELL + d;
        const float *said = logits + s * CELL + d;
        cell[0] = 1.0f;
        cell[DRUMS] = clamp(velocity_of(said[DRUMS]), 0.0f, 1.0f);
        cell[2 * DRUMS] = offset_of(said[2 * DRUMS]);
    }
}

void DrumNetwork::around(const float *x, int width, int dilation) {
    for (int s = 0; s < WINDOW_STEPS; s++)
        for (int t = 0; t < TAPS; t++) {
            const int from = ((s + (t - TAPS / 2) * dilation) % WINDOW_STEPS + WINDOW_STEPS) % WINDOW_STEPS;
            std::memcpy(&taps_[(static_cast<std::size_t>(s) * TAPS + t) * width], x + static_cast<std::size_t>(from) * width,
                        sizeof(float) * width);
        }
}

// feel.Heard.in_turn: in what share of the half windows that are not silent a drum is struck on a step
void DrumNetwork::hear(const float *cells, int count) {
    std::fill(std::begin(usual_), std::end(usual_), 0.0f);
    int struck = 0;
    for (int half = 0; half < 2 * count; half++, cells += HALF_WINDOW * CELL) {
        bool is_silent = true;
        for (int s = 0; s < HALF_WINDOW; s++)
            for (int d = 0; d < DRUMS; d++)
                if (cells[s * CELL + d] > 0.5f) {
                    usual_[s * DRUMS + d] += 1.0f;
                    is_silent = false;
                }
        struck += !is_silent;
    }
    for (float &share : usual_) share /= static_cast<float>(std::max(struck, 1));
}

// feel.Feel.forward, of any style
void DrumNetwork::feel_of(const float *cells, float tempo) {
    const DrumWeights &w = *weights_;
    const int width = w.sizes.feel_width;
    const std::size_t all = static_cast<std::size_t>(WINDOW_STEPS) * width;
    float heard[WINDOW_STEPS * HEARD * DRUMS];
    for (int s = 0; s < WINDOW_STEPS; s++) {
        float *to = heard + s * HEARD * DRUMS;
        std::memcpy(to + DRUMS, usual_ + s % HALF_WINDOW * DRUMS, sizeof(float) * DRUMS);
        for (int d = 0; d < DRUMS; d++) to[d] = cells[s * CELL + d] > 0.5f ? 1.0f : 0.0f;
    }
    const float pace = std::log(clamp(tempo / USUAL_TEMPO, 0.1f, 10.0f)), told[2] = {pace, pace * pace};
    kernels_.product(w.feel_tempo, told, normed_.data(), 1, false);
    kernels_.product(w.feel_piece, usual_, piece_, 1, false);
    kernels_.silu(piece_, PIECE_WIDTH);
    kernels_.product(w.feel_piece_out, piece_, normed_.data(), 1, true);
    for (int k = 0; k < width; k++) normed_[k] += w.feel_style[k];
    around(heard, HEARD * DRUMS, 1);
    kernels_.product(w.feel_enter, taps_.data(), x_.data(), WINDOW_STEPS, false);
    for (int s = 0; s < WINDOW_STEPS; s++)
        for (int k = 0; k < width; k++) x_[static_cast<std::size_t>(s) * width + k] += w.feel_places[s % HALF_WINDOW * width + k] + normed_[k];
    for (std::size_t b = 0; b < w.feel.size(); b++) {
        const FeelBlock &block = w.feel[b];
        double sum = 0.0, square = 0.0; // one norm over all steps and features
        for (std::size_t i = 0; i < all; i++) sum += x_[i];
        const double mean = sum / static_cast<double>(all);
        for (std::size_t i = 0; i < all; i++) square += (x_[i] - mean) * (x_[i] - mean);
        const double scale = 1.0 / std::sqrt(square / static_cast<double>(all) + 1e-5);
        for (std::size_t i = 0; i < all; i++) {
            const std::size_t k = i % static_cast<std::size_t>(width);
            normed_[i] = static_cast<float>((x_[i] - mean) * scale) * block.norm.gain[k] + block.norm.offset[k];
        }
        around(normed_.data(), width, 1 << std::min<std::size_t>(b, 16));
        kernels_.product(block.mix, taps_.data(), mixed_.data(), WINDOW_STEPS, false);
        kernels_.silu(mixed_.data(), all);
        kernels_.product(block.spread, mixed_.data(), x_.data(), WINDOW_STEPS, true);
    }
    kernels_.silu(x_.data(), all);
    kernels_.product(w.feel_leave, x_.data(), said_.data(), WINDOW_STEPS, false);
}

void DrumNetwork::feel(const float *cells, int count, float tempo, float *felt) {
    hear(cells, count);
    for (int i = 0; i < count; i++, cells += WINDOW_CELLS) {
        feel_of(cells, tempo);
        for (int s = 0; s < WINDOW_STEPS; s++, felt += FELT)
            for (int d = 0; d < DRUMS; d++) {
                felt[d] = clamp(velocity_of(said_[s * FELT + d]), SOFTEST, 1.0f);
                felt[DRUMS + d] = offset_of(said_[s * FELT + DRUMS + d]);
            }
    }
}

// mixing.humanise
void lay_feel(const float *felt, int count, float amount, float *cells) {
    for (int s = 0; s < count * WINDOW_STEPS; s++, cells += CELL, felt += FELT)
        for (int d = 0; d < DRUMS; d++) {
            float *cell = cells + d;
            if (!(cell[0] > 0.5f)) continue;
            cell[DRUMS] = clamp(cell[DRUMS] + amount * (felt[d] - cell[DRUMS]), SOFTEST, 1.0f);
            cell[2 * DRUMS] += amount * (felt[DRUMS + d] - cell[2 * DRUMS]);
        }
}

std::vector<float> draw_drum_noise(unsigned seed, int windows) {
    std::mt19937 random(seed);
    std::vector<float> out(static_cast<std::size_t>(windows) * CHOICES);
    for (float &v : out) { // logistic, as the difference of two Gumbel draws is
        const float uniform = (static_cast<float>(random() & 0xffffffu) + 0.5f) * 5.9604644775390625e-8f; // 2^-24
        v = std::log(uniform) - std::log1p(-uniform);
    }
    return out;
}

} // namespace latentmix
