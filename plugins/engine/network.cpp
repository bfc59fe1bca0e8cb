#include "network.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace latentmix {
namespace {

constexpr float UNSURE_NATS = 4.0f;     // fusion.UNSURE_NATS
constexpr float INVERSION_STEP = 0.5f;  // as in `midi_vae.model.window_network`
constexpr int INVERSION_ROUNDS = 8;

// The first place of the largest; the first of all where they are no numbers, as weights may be so large that nothing is.
int argmax(const Kernels &k, const float *x, int n) {
    const int found = static_cast<int>(std::find(x, x + n, k.largest(x, n)) - x);
    return found < n ? found : 0;
}

void log_softmax(const Kernels &k, float *x, int n) {
    const float most = k.largest(x, n), rest = std::log(k.exp_sum(x, n, most));
    for (int i = 0; i < n; i++) x[i] = (x[i] - most) - rest;
}

} // namespace

Network::Network(std::shared_ptr<const Weights> weights, const Kernels &kernels)
    : weights_(std::move(weights)), kernels_(kernels), runner_(kernels, weights_->sizes.width, weights_->sizes.across) {
    const Sizes &s = weights_->sizes;
    const std::size_t n = MAX_AT_ONCE, windows = n * WINDOW_STEPS, c = s.critic_width;
    steps_.resize(windows * s.step_width);
    rhythm_.resize(windows * RHYTHM_SYMBOLS);
    pitch_.resize(windows * s.pitches);
    log_p_.resize(windows * s.symbols());
    scores_.resize(windows * s.symbols());
    for (auto &t : towers_) t.resize(windows * c);
    tower_.resize(windows * c);
    both_.resize(windows * 2 * c);
    head_.resize(windows * 2 * c);
    symbols_.resize(windows);
    heard_.resize(windows);
    mean_.resize(s.latent_size);
    tried_.resize(s.latent_size);
    of_heard_.resize(s.latent_size);
}

void Network::encode(const int *tokens, int count, float *means) {
    for (int at = 0; at < count; at += MAX_AT_ONCE)
        encode_some(tokens + at * WINDOW_STEPS, std::min(count - at, MAX_AT_ONCE),
                    means + static_cast<std::size_t>(at) * weights_->sizes.latent_size);
}

// model.MelodyVAE.fields and .inputs, then the encoder
void Network::encode_some(const int *tokens, int count, float *means) {
    const Sizes &s = weights_->sizes;
    for (int w = 0; w < count; w++) {
        const int *t = tokens + w * WINDOW_STEPS;
        int pitch = 0; // before the first note: that of the first
        for (int i = WINDOW_STEPS - 1; i >= 0; i--)
            if (t[i] >= ONSET) pitch = fold_pitch(t[i], s.lowest_pitch, s.pitches) - ONSET - s.lowest_pitch;
        for (int i = 0; i < WINDOW_STEPS; i++) {
            if (t[i] >= ONSET) pitch = fold_pitch(t[i], s.lowest_pitch, s.pitches) - ONSET - s.lowest_pitch;
            const float *r = weights_->rhythm_embedding + std::min(t[i], ONSET) * s.step_width;
            const float *p = weights_->pitch_embedding + pitch * s.step_width;
            float *to = steps_.data() + static_cast<std::size_t>(w * WINDOW_STEPS + i) * s.step_width;
            for (int k = 0; k < s.step_width; k++) to[k] = r[k] + p[k];
        }
    }
    runner_.run(weights_->encoder, count, steps_.data(), means);
}

void Network::invert(const int *tokens, int count, float *latents) {
    const int size = weights_->sizes.latent_size;
    for (int at = 0; at < count; at += MAX_AT_ONCE) {
        const int *x = tokens + at * WINDOW_STEPS, some = std::min(count - at, MAX_AT_ONCE);
        float *z = latents + static_cast<std::size_t>(at) * size;
        int wrong[MAX_AT_ONCE];
        encode_some(x, some, z);
        decode_some(z, 0, some, heard_.data(), 0.0f, nullptr);
        for (int i = 0; i < some; i++) wrong[i] = wrong_steps(x + i * WINDOW_STEPS, &heard_[i * WINDOW_STEPS]);
        for (int i = 0; i < some; i++)
            if (wrong[i]) invert_one(x + i * WINDOW_STEPS, wrong[i], z + static_cast<std::size_t>(i) * size);
    }
}

// `latent` is the mean, from which `wrong` steps are decoded otherwise, and becomes the first from which the fewest are.
void Network::invert_one(const int *tokens, int wrong, float *latent) {
    const int size = weights_->sizes.latent_size;
    std::copy(latent, latent + size, mean_.begin());
    std::vector<float> &z = tried_;
    std::copy(latent, latent + size, z.begin());
    decode_some(z.data(), 0, 1, heard_.data(), 0.0f, nullptr);
    for (int round = 0; round < INVERSION_ROUNDS && wrong; round++) {
        encode_some(heard_.data(), 1, of_heard_.data());
        for (int i = 0; i < size; i++) z[i] += INVERSION_STEP * (mean_[i] - of_heard_[i]);
        decode_some(z.data(), 0, 1, heard_.data(), 0.0f, nullptr);
        const int now = wrong_steps(tokens, heard_.data());
        if (now >= wrong) continue;
        wrong = now;
        std::copy(z.begin(), z.end(), latent);
    }
}

int Network::wrong_steps(const int *tokens, const int *heard) const {
    const Sizes &s = weights_->sizes;
    int wrong = 0;
    for (int i = 0; i < WINDOW_STEPS; i++) {
        const int token = tokens[i] >= ONSET ? fold_pitch(tokens[i], s.lowest_pitch, s.pitches) : tokens[i];
        wrong += token != heard[i];
    }
    return wrong;
}

void Network::decode(const float *latents, int count, int *tokens, float temperature, const Noise *noise) {
    for (int at = 0; at < count; at += MAX_AT_ONCE)
        decode_some(latents + static_cast<std::size_t>(at) * weights_->sizes.latent_size, at,
                    std::min(count - at, MAX_AT_ONCE), tokens + at * WINDOW_STEPS, temperature, noise);
}

void Network::decode_some(const float *latents, int first, int count, int *tokens, float temperature,
                          const Noise *noise) {
    const Weights &w = *weights_;
    const Sizes &s = w.sizes;
    const int rows = WINDOW_STEPS * count, window = WINDOW_STEPS * s.symbols();
    float unsure[MAX_AT_ONCE];
    runner_.run(w.decoder, count, latents, steps_.data());
    kernels_.norm(steps_.data(), w.step_norm.gain, w.step_norm.offset, steps_.data(), rows, s.step_width);
    kernels_.product(w.rhythm, steps_.data(), rhythm_.data(), rows, false);
    kernels_.product(w.pitch, steps_.data(), pitch_.data(), rows, false);
    for (int i = 0; i < count; i++)
        unsure[i] = say(&rhythm_[i * WINDOW_STEPS * RHYTHM_SYMBOLS], &pitch_[i * WINDOW_STEPS * s.pitches],
                        &symbols_[i * WINDOW_STEPS], &log_p_[static_cast<std::size_t>(i) * window]);
    if (s.fusion > 0.0f) criticise(symbols_.data(), count, scores_.data());
    for (int i = 0; i < count; i++)
        choose(&log_p_[static_cast<std::size_t>(i) * window], &scores_[static_cast<std::size_t>(i) * window],
               s.fusion * std::min(1.0f, unsure[i] / UNSURE_NATS), temperature, noise,
               noise ? (first + i) % noise->windows : 0, tokens + i * WINDOW_STEPS);
}

// What the decoder says of each step of one window: log p of each symbol, the likeliest, and how unsure it is (nats).
float Network::say(const float *rhythm, const float *pitch, int *symbols, float *log_p) const {
    const Sizes &s = weights_->sizes;
    float unsure = 0.0f;
    for (int i = 0; i < WINDOW_STEPS; i++, log_p += s.symbols()) {
        float *pitches = log_p + ONSET, when[RHYTHM_SYMBOLS];
        std::memcpy(when, rhythm + i * RHYTHM_SYMBOLS, sizeof when);
        std::memcpy(pitches, pitch + i * s.pitches, sizeof(float) * s.pitches);
        log_softmax(kernels_, when, RHYTHM_SYMBOLS);
        log_softmax(kernels_, pitches, s.pitches);
        const int rhythm_symbol = argmax(kernels_, when, RHYTHM_SYMBOLS);
        symbols[i] = rhythm_symbol == ONSET ? ONSET + argmax(kernels_, pitches, s.pitches) : rhythm_symbol;
        log_p[HOLD] = when[HOLD];
        log_p[OFF] = when[OFF];
        for (int p = 0; p < s.pitches; p++) pitches[p] += when[ONSET];
        unsure -= kernels_.largest(log_p, s.symbols());
    }
    return unsure;
}

// critic.Critic.forward
void Network::conditionals(const int *symbols, int count, float *log_p) {
    criticise(symbols, count, log_p);
    const int n = weights_->sizes.symbols();
    for (int i = 0; i < count * WINDOW_STEPS; i++) log_softmax(kernels_, log_p + static_cast<std::size_t>(i) * n, n);
}

// What a tower starts from: `h` the symbol before each step with its place, `x` the first products of it, looked up.
void Network::enter(const int *symbols, int count, int tower, float *h, float *x) const {
    const Weights &w = *weights_;
    const int c = w.sizes.critic_width, edge = w.sizes.symbols();
    for (int s = 0; s < WINDOW_STEPS; s++)
        for (int i = 0; i < count; i++, h += c, x += c) {
            auto symbol = [&](int step) { // the one that is read before `step`
                const int *window = symbols + i * WINDOW_STEPS;
                const int found = step == 0 ? edge : tower == 0 ? window[step - 1] : window[WINDOW_STEPS - step];
                return static_cast<std::size_t>(tower * (edge + 1) + found) * c;
            };
            const std::size_t at = symbol(s), place = static_cast<std::size_t>(tower * WINDOW_STEPS + s) * c;
            for (int k = 0; k < c; k++) {
                h[k] = w.critic_symbols[at + k] + w.critic_places[place + k];
                x[k] = w.symbols_now[at + k] + w.places_first[place + k];
            }
            if (s == 0) continue;
            const float *before = &w.symbols_before[symbol(s - 1)];
            for (int k = 0; k < c; k++) x[k] += before[k];
        }
}

// critic.Critic.scores: two causal towers read the windows from either end. Rows are step by step, in each step window
// by window, so that the steps before are the rows before.
void Network::criticise(const int *symbols, int count, float *scores) {
    const Weights &w = *weights_;
    const int c = w.sizes.critic_width, rows = WINDOW_STEPS * count;
    for (int t = 0; t < TOWERS; t++) {
        float *h = towers_[t].data(), *x = tower_.data();
        enter(symbols, count, t, h, x);
        for (int d = 0; d < DILATIONS; d++) {
            const int before = (1 << d) * count;
            if (d > 0) {
                kernels_.product(w.now[d][t], h, x, rows, false);
                kernels_.product(w.before[d][t], h, x + static_cast<std::size_t>(before) * c, rows - before, true);
            }
            kernels_.silu(x, static_cast<std::size_t>(rows) * c);
            kernels_.product(w.mix[d][t], x, h, rows, true);
        }
    }
    for (int i = 0; i < count; i++) // back to window by window
        for (int s = 0; s < WINDOW_STEPS; s++) {
            float *to = &both_[static_cast<std::size_t>(i * WINDOW_STEPS + s) * 2 * c];
            std::memcpy(to, &towers_[0][static_cast<std::size_t>(s * count + i) * c], sizeof(float) * c);
            std::memcpy(to + c, &towers_[1][static_cast<std::size_t>((WINDOW_STEPS - 1 - s) * count + i) * c],
                        sizeof(float) * c);
        }
    kernels_.product(w.critic_hidden, both_.data(), head_.data(), rows, false);
    kernels_.silu(head_.data(), static_cast<std::size_t>(rows) * 2 * c);
    kernels_.product(w.critic_scores, head_.data(), scores, rows, false);
}

// fusion.fused, then the likeliest or, with noise, drawn symbol of each step (decoder.decoded).
void Network::choose(float *log_p, const float *scores, float share, float temperature, const Noise *noise,
                     int window, int *tokens) const {
    const Sizes &s = weights_->sizes;
    const int n = s.symbols();
    const bool is_drawn = noise && temperature > 0.0f;
    for (int i = 0; i < WINDOW_STEPS; i++, log_p += n, scores += n) {
        if (s.fusion > 0.0f)
            for (int k = 0; k < n; k++) log_p[k] += share * scores[k];
        float *pitches = log_p + ONSET;
        const float most = kernels_.largest(pitches, s.pitches);
        float when[RHYTHM_SYMBOLS] = {log_p[HOLD], log_p[OFF],
                                      most + std::log(kernels_.exp_sum(pitches, s.pitches, most))};
        if (is_drawn) {
            const float *rhythm = &noise->rhythm[(window * WINDOW_STEPS + i) * RHYTHM_SYMBOLS];
            const float *pitch = &noise->pitch[static_cast<std::size_t>(window * WINDOW_STEPS + i) * s.pitches];
            for (int k = 0; k < RHYTHM_SYMBOLS; k++) when[k] += temperature * rhythm[k];
            for (int k = 0; k < s.pitches; k++) pitches[k] += temperature * pitch[k];
        }
        const int symbol = argmax(kernels_, when, RHYTHM_SYMBOLS);
        tokens[i] = symbol == ONSET ? ONSET + s.lowest_pitch + argmax(kernels_, pitches, s.pitches) : symbol;
    }
}

} // namespace latentmix
