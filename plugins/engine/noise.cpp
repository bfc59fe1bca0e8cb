#include "noise.hpp"

#include <algorithm>
#include <cmath>
#include <random>

namespace latentmix {
namespace {

// torch.rand in float32: 24 bits of the Mersenne twister, of which `std::mt19937` is the same one.
float gumbel(std::mt19937 &random) {
    const float uniform = static_cast<float>(random() & 0xffffffu) * 5.9604644775390625e-8f; // 2^-24
    const float inside = std::min(std::max(uniform, 1e-12f), static_cast<float>(1.0 - 1e-7));
    return -std::log(-std::log(inside));
}

} // namespace

Noise draw_noise(unsigned seed, int pitches, int windows) {
    std::mt19937 random(seed);
    Noise out;
    const std::size_t steps = static_cast<std::size_t>(windows) * WINDOW_STEPS;
    out.windows = windows;
    out.rhythm.resize(steps * RHYTHM_SYMBOLS);
    out.pitch.resize(steps * pitches);
    for (float &v : out.rhythm) v = gumbel(random);
    for (float &v : out.pitch) v = gumbel(random);
    return out;
}

} // namespace latentmix
