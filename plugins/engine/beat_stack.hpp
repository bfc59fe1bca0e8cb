// Runs the stacks of blocks over beats that all networks here are made of: `layers.BeatStack` in Python.
#pragma once
#include <vector>

#include "weights.hpp"

namespace latentmix {

constexpr int MAX_AT_ONCE = 16; // windows in one pass: enough for the weights to be fetched seldom

// Scratch for one user; after the constructor nothing allocates.
class BeatRunner {
  public:
    BeatRunner(const Kernels &kernels, int width, int across);

    // in (8 count, inputs) -> out (8 count, outputs), count at most MAX_AT_ONCE
    void run(const Stack &stack, int count, const float *in, float *out);

  private:
    const Kernels &kernels_;
    const int width_, across_;
    std::vector<float> beats_, normed_, hidden_; // (8 n, width), the same, (8 n, 2 width) or (n, across)
};

} // namespace latentmix
