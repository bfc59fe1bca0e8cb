#include "pad.hpp"

#include <algorithm>
#include <cmath>

#include "../engine/shaping.hpp"

namespace latentmix {
namespace {

int nearest(double share, int points) {
    const double at = std::min(std::max(share, 0.0), 1.0) * (points - 1);
    return static_cast<int>(std::floor(at + 0.5));
}

} // namespace

int Pad::point(double position, double x, double y) const {
    return is_plane ? nearest(y, SIDE) * SIDE + nearest(x, SIDE) : nearest(position, LINE_POINTS);
}

bool PadSettings::operator==(const PadSettings &other) const {
    return is_plane == other.is_plane && std::equal(amounts, amounts + MAX_ATTRIBUTES, other.amounts) &&
           variation == other.variation && (variation == 0.0f || seed == other.seed);
}

Bank::Bank(std::shared_ptr<const Weights> weights, const Kernels &kernels)
    : network_(weights, kernels), noise_(draw_noise(0, weights->sizes.pitches)) {
    std::string problem;
    std::vector<Melody> first = weights->melodies;
    if (first.size() > SLOTS) first.resize(SLOTS);
    if (first.empty() || !set(first, problem)) {
        Melody silence;
        silence.tokens.assign(WINDOW_STEPS, HOLD);
        set({silence, silence}, problem);
    }
}

bool Bank::set(const std::vector<Melody> &melodies, std::string &problem, const std::vector<float> &latents) {
    if (melodies.empty() || melodies.size() > SLOTS) {
        problem = "expected 1 to 4 melodies";
        return false;
    }
    std::vector<Melody> together = partners(melodies);
    if (together.empty()) {
        problem = "expected bars of at most 32 sixteenths in the first melody";
        return false;
    }
    std::vector<int> windows;
    for (const Melody &m : together) {
        const std::vector<int> each = to_windows(m);
        windows.insert(windows.end(), each.begin(), each.end());
    }
    const int count = static_cast<int>(windows.size()) / WINDOW_STEPS, of_each = count / static_cast<int>(together.size());
    if (of_each > MAX_WINDOWS || static_cast<int>(together[0].tokens.size()) > MAX_PAD_STEPS) {
        problem = "expected melodies of at most 8 windows (16 bars of 4/4)";
        return false;
    }
    const std::size_t size = static_cast<std::size_t>(count) * weights().sizes.latent_size;
    if (latents.size() == size) {
        latents_ = latents;
    } else {
        latents_.resize(size);
        network_.encode(windows.data(), count, latents_.data());
    }
    melodies_ = melodies;
    partners_ = together;
    windows_ = of_each;
    std::vector<Way> kept; // between melodies that stayed as they were
    for (int i = 0; i < static_cast<int>(together.size()); i++)
        for (int j = i + 1; j < static_cast<int>(together.size()); j++)
            if (const Way *known = way(i, j)) kept.push_back(*known);
    ways_ = std::move(kept);
    points_.resize(static_cast<std::size_t>(MAX_POINTS) * windows_ * weights().sizes.latent_size);
    tokens_.resize(static_cast<std::size_t>(MAX_POINTS) * windows_ * WINDOW_STEPS);
    return true;
}

const Way *Bank::way(int from, int to) const {
    const std::size_t size = static_cast<std::size_t>(windows_) * weights().sizes.latent_size;
    auto goes = [&](const std::vector<float> &end, int melody) {
        return end.size() == size && std::equal(end.begin(), end.end(), latents_.begin() + melody * size);
    };
    for (const Way &each : ways_)
        if (goes(each.from, from) && goes(each.to, to)) return &each;
    return nullptr;
}

bool Bank::lacks(bool is_plane, Way &to_find) const {
    const int count = static_cast<int>(partners_.size());
    const std::size_t size = static_cast<std::size_t>(windows_) * weights().sizes.latent_size;
    for (int apart = 1; apart < (is_plane ? count : std::min(count, 2)); apart++) // on a line neighbours alone are mixed
        for (int i = 0; i + apart < count; i++) {
            if (way(i, i + apart)) continue;
            const float *from = &latents_[i * size], *to = &latents_[(i + apart) * size];
            to_find = {{from, from + size}, {to, to + size}, {}};
            return true;
        }
    return false;
}

void Bank::add(const Way &found) {
    const int count = static_cast<int>(partners_.size());
    ways_.push_back(found);
    for (int i = 0; i < count; i++)
        for (int j = i + 1; j < count; j++)
            if (way(i, j) == &ways_.back()) return;
    ways_.pop_back();
}

// One point, (windows, D): each window with the same weights, by the ways that are given, moved along the attributes.
void Bank::mix(const std::vector<double> &weights, const PadSettings &settings, const Ways &ways, float *out) {
    const Sizes &s = network_.weights().sizes;
    const int size = windows_ * s.latent_size, count = static_cast<int>(partners_.size());
    weighted(latents_.data(), count, size, weights.data(), false, out);
    for (int i = 0; i < count; i++)
        for (int j = i + 1; j < count; j++)
            if (ways[i][j]) aside(ways[i][j], PLACES, size, weights[i], weights[j], out);
    for (int a = 0; a < s.attributes; a++) {
        const float *direction = network_.weights().directions + static_cast<std::size_t>(a) * s.latent_size;
        if (settings.amounts[a] == 0.0f) continue;
        for (int i = 0; i < size; i++) out[i] += settings.amounts[a] * direction[i % s.latent_size];
    }
}

void Bank::decode(const PadSettings &settings, Pad &to) {
    const int count = static_cast<int>(partners_.size()), points = settings.is_plane ? MAX_POINTS : LINE_POINTS;
    const int size = windows_ * network_.weights().sizes.latent_size;
    const std::vector<Place> places = spread(count);
    std::vector<double> weights(static_cast<std::size_t>(count));
    if (settings.seed != seed_ || noise_.windows != windows_) {
        seed_ = settings.seed;
        noise_ = draw_noise(seed_, network_.weights().sizes.pitches, windows_);
    }
    to.is_plane = settings.is_plane;
    to.steps = static_cast<int>(partners_[0].tokens.size());
    to.numerator = partners_[0].numerator;
    to.denominator = partners_[0].denominator;
    to.own_key = estimate_key(melodies_[0].tokens.data(), static_cast<int>(melodies_[0].tokens.size()));
    Ways ways = {};
    Way missing;
    if (!lacks(settings.is_plane, missing))
        for (int i = 0; i < count; i++)
            for (int j = i + 1; j < count; j++)
                if (const Way *found = way(i, j)) ways[i][j] = found->places.data();
    auto weigh = [&](int p) {
        if (settings.is_plane)
            pad(p % SIDE / (SIDE - 1.0), p / SIDE / (SIDE - 1.0), places.data(), count, weights.data());
        else
            path(p / (LINE_POINTS - 1.0), count, weights.data());
    };
    for (int p = 0; p < points; p++) {
        weigh(p);
        mix(weights, settings, ways, &points_[static_cast<std::size_t>(p) * size]);
    }
    network_.decode(points_.data(), points * windows_, tokens_.data(), settings.variation, &noise_);
    const WindowLayout layout = window_layout(to.numerator, to.denominator);
    const bool is_moved = settings.variation > 0.0f ||
                          std::any_of(settings.amounts, settings.amounts + MAX_ATTRIBUTES, [](float a) { return a != 0.0f; });
    for (int p = 0; p < points; p++) {
        weigh(p);
        const auto most = std::max_element(weights.begin(), weights.end());
        // where one melody alone is heard, unchanged, it is that melody rather than what the model makes of it
        const std::vector<int> tokens =
            *most == 1.0 && !is_moved
                ? partners_[static_cast<std::size_t>(most - weights.begin())].tokens
                : from_windows(&tokens_[static_cast<std::size_t>(p) * windows_ * WINDOW_STEPS], windows_, layout, to.steps);
        std::copy(tokens.begin(), tokens.end(), to.tokens[p]);
    }
}

} // namespace latentmix
