#include "beat_stack.hpp"

#include <algorithm>

namespace latentmix {

BeatRunner::BeatRunner(const Kernels &kernels, int width, int across) : kernels_(kernels), width_(width), across_(across) {
    const std::size_t n = MAX_AT_ONCE;
    beats_.resize(n * BEATS * width);
    normed_.resize(beats_.size());
    hidden_.resize(std::max(n * BEATS * 2 * width, n * across));
}

void BeatRunner::run(const Stack &s, int count, const float *in, float *out) {
    const int rows = BEATS * count;
    float *x = beats_.data(), *t = normed_.data(), *u = hidden_.data();
    kernels_.product(s.enter, in, x, rows, false);
    for (int w = 0; w < count; w++)
        for (int i = 0; i < BEATS * width_; i++) x[w * BEATS * width_ + i] += s.places[i];
    for (const Block &b : s.blocks) {
        kernels_.norm(x, b.norm.gain, b.norm.offset, t, rows, width_);
        kernels_.product(b.up, t, u, rows, false);
        kernels_.silu(u, static_cast<std::size_t>(rows) * 2 * width_);
        kernels_.product(b.down, u, x, rows, true);
        kernels_.norm(x, b.norm_across.gain, b.norm_across.offset, t, rows, width_);
        kernels_.product(b.gather, t, u, count, false);
        kernels_.silu(u, static_cast<std::size_t>(count) * across_);
        kernels_.product(b.spread, u, x, count, true);
    }
    kernels_.norm(x, s.norm.gain, s.norm.offset, t, rows, width_);
    kernels_.product(s.leave, t, out, rows, false);
}

} // namespace latentmix
