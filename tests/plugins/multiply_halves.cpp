// Products by matrices of halves on every path that this machine has, beside sums in double: of all finite halves, in odd sizes.
// Prints for each path how many numbers were compared; ends with a line on standard error where one differs.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <vector>

#include "kernels.hpp"
#include "weight_reader.hpp"

using namespace latentmix;

namespace {

double widened(unsigned half) {
    const int exponent = half >> 10 & 31, mantissa = half & 1023;
    const double size = exponent ? std::ldexp(1024 + mantissa, exponent - 25) : std::ldexp(mantissa, -24);
    return half & 0x8000 ? -size : size;
}

constexpr double TINIEST = 1e-29; // 2^-98, below which a product of a single row is lost
unsigned state = 1;
unsigned drawn() { return (state = state * 1664525u + 1013904223u) >> 8; }

// y of x times all halves below the path's end in turn, or drawn ones; false where one is wrong.
bool agrees(const Kernels &k, int in, int out, int rows, bool has_bias, bool add, float scale, std::size_t &compared) {
    const std::size_t panels = (static_cast<std::size_t>(out) + PANEL - 1) / PANEL, n = panels * in * PANEL;
    alignas(64) static std::uint16_t halves[1 << 21];
    std::vector<double> w(n);
    for (std::size_t i = 0; i < n; i++) {
        halves[i] = static_cast<std::uint16_t>((in > 1 ? drawn() : i) % k.end_of_halves | (drawn() & 1) << 15);
        w[i] = widened(halves[i]);
    }
    k.pack(halves, n);
    std::vector<float> x(static_cast<std::size_t>(rows) * in), y(static_cast<std::size_t>(rows) * out, 0.25f), bias(padded(out), 3.0f);
    for (float &each : x) each = scale * (static_cast<float>(drawn() % 2001) / 1000.0f - 1.0f);
    Matrix m;
    m.panels = halves;
    m.bias = has_bias ? bias.data() : nullptr;
    m.in = in, m.out = out, m.is_half = true;
    k.product(m, x.data(), y.data(), rows, add);
    for (int r = 0; r < rows; r++)
        for (int o = 0; o < out; o++) {
            double sum = (has_bias ? 3.0 : 0.0) + (add ? 0.25 : 0.0), size = std::fabs(sum);
            for (int i = 0; i < in; i++) {
                const double each = w[(static_cast<std::size_t>(o / PANEL) * in + i) * PANEL + o % PANEL] * x[static_cast<std::size_t>(r) * in + i];
                sum += each;
                size += std::fabs(each);
            }
            const float got = y[static_cast<std::size_t>(r) * out + o];
            compared++;
            if (std::fabs(got - sum) <= 1e-6 * size + in * TINIEST) continue;
            std::fprintf(stderr, "%s: %d x %d, row %d of %d: %g for %g\n", k.name, in, out, r, rows, got, sum);
            return false;
        }
    return true;
}

} // namespace

int main() {
    for (const char *name : {"plain", "avx2", "avx512"}) {
        const Kernels *k = kernels(name);
        if (!k) continue;
        std::size_t compared = 0;
        bool is_good = agrees(*k, 1, 32768, 1, false, false, 1.0f, compared) && agrees(*k, 1, 32768, 3, false, false, 1.0f, compared);
        for (const float scale : {1e-18f, 1.0f, 1e15f})
            for (const int in : {1, 2, 7, 255, 256, 257, 515})
                for (const int out : {1, 16, 37})
                    for (const int rows : {1, 2, 9})
                        for (const int kind : {0, 1, 2, 3})
                            is_good = is_good && agrees(*k, in, out, rows, kind & 1, kind & 2, scale, compared);
        if (!is_good) return 1;
        std::printf("%s %zu\n", name, compared);
    }
}
