#include "pad.hpp"

#include <algorithm>
#include <cmath>

#include "../engine/shaping.hpp"

namespace latentmix {
Bank::Bank(std::shared_ptr<const Weights> weights, const Kernels &kernels)
    : BankOf(weights, kernels), noise_(draw_noise(0, weights->sizes.pitches)) {
    std::string problem;
    std::vector<Melody> first = weights->melodies;
    if (first.size() > SLOTS) first.resize(SLOTS);
    if (first.empty() || !set(first, problem)) {
        Melody silence;
        silence.tokens.assign(WINDOW_STEPS, HOLD);
        set({silence, silence}, problem);
    }
}

bool Bank::lacks(Field field, Way &way) const {
    const bool is_lacking = mixes_.lacks(field, way);
    if (is_lacking && way.field == Field::GROUPS) way.pieces = {partners_[0], partners_[1]};
    return is_lacking;
}

void Bank::decode(const PadSettings &settings, Pad &to) {
    const Weights &w = network_.weights();
    const std::size_t size = static_cast<std::size_t>(mixes_.size()), latent_size = static_cast<std::size_t>(w.sizes.latent_size);
    if (settings.seed != seed_ || noise_.windows != windows_) {
        seed_ = settings.seed;
        noise_ = draw_noise(seed_, w.sizes.pitches, windows_);
    }
    to.field = settings.field;
    to.steps = static_cast<int>(partners_[0].tokens.size());
    to.numerator = partners_[0].numerator;
    to.denominator = partners_[0].denominator;
    to.own_key = estimate_key(pieces_[0].tokens.data(), static_cast<int>(pieces_[0].tokens.size()));
    Way missing;
    const bool is_even = !lacks(settings.field, missing);
    for (int p = 0; p < to.count(); p++) {
        float *out = &points_[static_cast<std::size_t>(p) * size];
        mixes_.mix(to, p, is_even, out);
        for (int a = 0; a < w.sizes.attributes; a++) { // moves each window along the attributes
            const float *direction = w.directions + static_cast<std::size_t>(a) * latent_size;
            if (settings.amounts[a] == 0.0f) continue;
            for (std::size_t i = 0; i < size; i++) out[i] += settings.amounts[a] * direction[i % latent_size];
        }
    }
    decoded_.resize(static_cast<std::size_t>(to.count() * windows_) * WINDOW_STEPS);
    network_.decode(points_.data(), to.count() * windows_, decoded_.data(), settings.variation, &noise_);
    const WindowLayout layout = window_layout(to.numerator, to.denominator);
    for (int p = 0; p < to.count(); p++) {
        const std::vector<double> weights = mixes_.weights(to, p);
        const auto most = std::max_element(weights.begin(), weights.end());
        // where one melody alone is heard, unchanged, it is that melody rather than what the model makes of it
        const std::vector<int> tokens =
            *most == 1.0 && !settings.is_moved()
                ? partners_[static_cast<std::size_t>(most - weights.begin())].tokens
                : from_windows(&decoded_[static_cast<std::size_t>(p) * windows_ * WINDOW_STEPS], windows_, layout, to.steps);
        std::copy(tokens.begin(), tokens.end(), to.tokens[p]);
    }
}

} // namespace latentmix
