#include "mixes.hpp"

#include <algorithm>
#include <cstring>

#include "../engine/blend.hpp"

namespace latentmix {

void Mixes::set(std::vector<float> latents, int count) {
    latents_ = std::move(latents);
    count_ = count;
    size_ = static_cast<int>(latents_.size()) / count;
    std::vector<Way> kept;
    for (int i = 0; i < count_; i++)
        for (int j = i + 1; j < count_; j++)
            if (const Way *known = way(i, j)) kept.push_back(*known);
    ways_ = std::move(kept);
}

const Way *Mixes::way(int from, int to) const {
    const std::size_t size = static_cast<std::size_t>(size_);
    auto goes = [&](const std::vector<float> &end, int piece) { // bit by bit: a NaN is not itself, its way would be looked for for ever
        return end.size() == size && !std::memcmp(end.data(), &latents_[static_cast<std::size_t>(piece) * size], size * sizeof(float));
    };
    for (const Way &each : ways_)
        if (goes(each.from, from) && goes(each.to, to)) return &each;
    return nullptr;
}

bool Mixes::lacks(bool is_plane, Way &to_find) const {
    const std::size_t size = static_cast<std::size_t>(size_);
    for (int apart = 1; apart < (is_plane ? count_ : std::min(count_, 2)); apart++) // on a line neighbours alone are mixed
        for (int i = 0; i + apart < count_; i++) {
            if (way(i, i + apart)) continue;
            const float *from = &latents_[i * size], *to = &latents_[(i + apart) * size];
            to_find = {{from, from + size}, {to, to + size}, {}};
            return true;
        }
    return false;
}

void Mixes::add(const Way &found) {
    ways_.push_back(found);
    for (int i = 0; i < count_; i++)
        for (int j = i + 1; j < count_; j++)
            if (way(i, j) == &ways_.back()) return;
    ways_.pop_back();
}

std::vector<double> Mixes::weights(const PadPoints &on, int p) const {
    std::vector<double> out(static_cast<std::size_t>(count_));
    if (on.is_plane)
        pad(p % SIDE / (SIDE - 1.0), p / SIDE / (SIDE - 1.0), spread(count_).data(), count_, out.data());
    else
        path(p / (LINE_POINTS - 1.0), count_, out.data());
    return out;
}

void Mixes::mix(const std::vector<double> &weights, bool is_even, float *out) const {
    weighted(latents_.data(), count_, size_, weights.data(), false, out);
    for (int i = 0; is_even && i < count_; i++)
        for (int j = i + 1; j < count_; j++)
            if (const Way *found = way(i, j)) aside(found->places.data(), PLACES, size_, weights[i], weights[j], out);
}

} // namespace latentmix
