// The few operations that the networks consist of, each written once and compiled for several kinds of processor.
//
// A matrix lies in memory as panels of 16 output columns: panel p holds, input after input, the 16 weights of outputs
// 16 p .. 16 p + 15 (zeros beyond the last). So weights stream through the processor in the order in which they lie,
// and are shared by all rows of a tile. Sums are float32 on every path; paths differ in their rounding alone.
#pragma once
#include <cstddef>
#include <cstdint>

namespace latentmix {

constexpr int PANEL = 16;

// y = x W + b: weights (in, out) as panels, bias (out).
struct Matrix {
    const void *panels = nullptr;
    const float *bias = nullptr; // null: none
    int in = 0, out = 0;
    bool is_half = false; // panels are 16 bits a weight, as the path packs IEEE halves, rather than float32
};

// All arrays are float32, dense and row by row. Nothing here allocates, locks or throws.
struct Kernels {
    const char *name;
    unsigned end_of_halves; // the bits of the first half that is too large to be packed: a matrix with such weights is float32
    void (*pack)(std::uint16_t *panels, std::size_t n); // whole panels of IEEE halves, in place -> what `product` widens as it goes
    // y (rows, m.out) = x (rows, m.in) W + b, or the same added to y
    void (*product)(const Matrix &m, const float *x, float *y, int rows, bool add);
    void (*silu)(float *x, std::size_t n); // x / (1 + exp(-x)), in place
    // y = (x - mean) / sqrt(variance + 1e-5) * gain + offset for each row; x and y may be the same
    void (*norm)(const float *x, const float *gain, const float *offset, float *y, int rows, int n);
    float (*exp_sum)(const float *x, int n, float shift); // sum of exp(x - shift), x - shift <= 0
    float (*largest)(const float *x, int n);                  // n >= 1
};

// The quickest path that this processor has, or the one of a name ("plain", "avx2", "avx512"); null if it has not.
const Kernels *kernels(const char *name = nullptr);

const Kernels *plain_kernels();
const Kernels *avx2_kernels();   // null where it was not compiled in
const Kernels *avx512_kernels();

} // namespace latentmix
