// The body of `kernels.hpp` for one kind of processor. Included by a source file that has said, before:
//   LANES         floats in a vector
//   TILE          rows that share a loaded weight
//   NAME          of the path
//   load_weights  of LANES IEEE halves, where LANES is not 4
// and that is compiled with that processor's flags. It uses no template or inline function of the standard library:
// the linker keeps one copy of those, and it might be this one, on a processor that cannot run it.
#pragma GCC diagnostic ignored "-Wpsabi"

#if LANES == 4 && !defined(__wasm__) // where no instruction spreads a number over a vector as it is fetched
#define QUADS 1
#else
#define QUADS 0
#endif

#if defined(__wasm__) // what is sent with each page is small, but for the products, which take nearly all of the time
#define RARE __attribute__((minsize))
#define SHARED __attribute__((minsize, noinline))
#else
#define RARE
#define SHARED inline
#endif

namespace latentmix {
namespace {

typedef float Vector __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef std::int32_t Ints __attribute__((vector_size(4 * LANES)));
constexpr int PARTS = PANEL / LANES; // vectors in a row of a panel

// Asks for the weights that come so many bytes later: a single window uses most of them once, and waits for them longer than it
// computes. What a processor fetches ahead by itself ends with each 4 kB.
constexpr std::uintptr_t AHEAD = 4096, LINE = 64;
inline void ask_ahead(const void *weights, std::size_t bytes) {
    for (std::size_t at = 0; at < bytes; at += LINE) // beyond the last weights it asks for what lies there, or in vain
        __builtin_prefetch(reinterpret_cast<const void *>(reinterpret_cast<std::uintptr_t>(weights) + AHEAD + at), 0, 2);
}

typedef float Aligned __attribute__((vector_size(4 * LANES), may_alias));

inline Vector load_weights(const float *p) { return *reinterpret_cast<const Aligned *>(p); }
inline Vector load(const float *p) { return *reinterpret_cast<const Vector *>(p); }
inline void store(float *p, Vector v) { *reinterpret_cast<Vector *>(p) = v; }
inline Vector all(float x) { return x - Vector{}; }
inline float sum(Vector v) {
    float s = 0;
    for (int i = 0; i < LANES; i++) s += v[i];
    return s;
}

// exp for x in -87 .. 88 to about 1e-7 of it: 2^n times a polynomial over half an octave (Moshier, Cephes `expf`).
SHARED Vector exponential(Vector x) {
    const Vector low = all(-87.0f), high = all(88.0f);
    x = x < low ? low : x;
    x = x > high ? high : x;
    const Vector shifted = x * 1.44269504f + 12582912.0f; // 1.5 * 2^23: the whole number stands in the lowest bits
    const Vector n = shifted - 12582912.0f;
    const Vector r = x - n * 0.693359375f - n * -2.12194440e-4f;
    Vector p = all(1.9875691500e-4f);
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    union {
        Vector f;
        Ints i;
    } whole = {shifted}, scale;
    scale.i = (whole.i << 23) + 0x3f800000;
    return p * scale.f;
}

// Adds input C of the four in each xs to the sums of R rows.
#if QUADS
template <int C, int R, typename Weight> inline void add_input(const Weight *w, const Vector *xs, Vector (*sums)[PARTS]) {
    for (int r = 0; r < R; r++) {
        const Vector one = __builtin_shufflevector(xs[r], xs[r], C, C, C, C);
        for (int k = 0; k < PARTS; k++) sums[r][k] += load_weights(w + C * PANEL + k * LANES) * one;
    }
}
#endif

// Sums of R rows, two or more sums being of the same row, to where they go: with the bias, or added to what is there.
template <int CHAINS, int R>
inline void finish(Vector (*sums)[R][PARTS], const Matrix &m, const float *bias, float *y, int panel, bool add) {
    const int first = panel * PANEL, n = m.out - first < PANEL ? m.out - first : PANEL;
    for (int r = 0; r < R; r++) {
        float *to = y + (std::size_t)r * m.out + first;
        float made[PANEL];
        for (int k = 0; k < PARTS; k++) {
            Vector s = sums[0][r][k];
            for (int c = 1; c < CHAINS; c++) s += sums[c][r][k];
            if (n == PANEL) {
                if (bias) s += load(bias + first + k * LANES);
                store(to + k * LANES, add ? s + load(to + k * LANES) : s);
            } else {
                store(made + k * LANES, s);
            }
        }
        for (int o = 0; n < PANEL && o < n; o++) {
            const float s = made[o] + (bias ? bias[first + o] : 0.0f);
            to[o] = add ? to[o] + s : s;
        }
    }
}

// R rows of one panel, `in` inputs of each. Where there is one row alone, some inputs at a time have sums of their own: else
// each product would wait for the one before.
template <int R, typename Weight>
inline void tile(const Weight *w, const Matrix &m, int in, const float *bias, const float *x, float *y, int panel, bool add) {
    constexpr int CHAINS = R > 1 ? 1 : LANES == 4 ? 2 : 4;
    Vector sums[CHAINS][R][PARTS] = {};
    int i = 0;
#if QUADS
    for (; i + 4 <= in; i += 4, w += 4 * PANEL) {
        ask_ahead(w, 4 * PANEL * sizeof(Weight));
        Vector xs[R];
        for (int r = 0; r < R; r++) xs[r] = load(x + r * m.in + i);
        add_input<0, R>(w, xs, sums[0]);
        add_input<1, R>(w, xs, sums[CHAINS - 1]);
        add_input<2, R>(w, xs, sums[0]);
        add_input<3, R>(w, xs, sums[CHAINS - 1]);
    }
#else
    for (; i + CHAINS <= in; i += CHAINS, w += CHAINS * PANEL) {
        ask_ahead(w, CHAINS * PANEL * sizeof(Weight));
        for (int c = 0; c < CHAINS; c++)
            for (int k = 0; k < PARTS; k++) {
                const Vector v = load_weights(w + c * PANEL + k * LANES);
                for (int r = 0; r < R; r++) sums[c][r][k] += v * x[r * m.in + i + c];
            }
    }
#endif
    for (; i < in; i++, w += PANEL)
        for (int k = 0; k < PARTS; k++) {
            const Vector v = load_weights(w + k * LANES);
            for (int r = 0; r < R; r++) sums[0][r][k] += v * x[r * m.in + i];
        }
    finish<CHAINS, R>(sums, m, bias, y, panel, add);
}

// All rows of one panel, or of some inputs of it.
template <typename Weight>
inline void rows_of(const Weight *w, const Matrix &m, int in, const float *bias, const float *x, float *y, int rows, int panel, bool add) {
    int r = 0;
    for (; r + TILE <= rows; r += TILE)
        tile<TILE>(w, m, in, bias, x + (std::size_t)r * m.in, y + (std::size_t)r * m.out, panel, add);
    for (; r < rows; r++) tile<1>(w, m, in, bias, x + (std::size_t)r * m.in, y + (std::size_t)r * m.out, panel, add);
}

template <typename Weight> void product_of(const Matrix &m, const float *x, float *y, int rows, bool add) {
    const int panels = (m.out + PANEL - 1) / PANEL;
    for (int p = 0; p < panels; p++)
        rows_of(static_cast<const Weight *>(m.panels) + (std::size_t)p * m.in * PANEL, m, m.in, m.bias, x, y, rows, p, add);
}

#include "kernels_halves.hpp"

void product(const Matrix &m, const float *x, float *y, int rows, bool add) {
    if (m.is_half) return product_of_halves(m, x, y, rows, add);
    product_of<float>(m, x, y, rows, add);
}

RARE void silu(float *x, std::size_t n) {
    std::size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        const Vector v = load(x + i);
        store(x + i, v / (exponential(-v) + 1.0f));
    }
    if (i < n) {
        float rest[LANES] = {};
        for (std::size_t k = i; k < n; k++) rest[k - i] = x[k];
        const Vector v = load(rest);
        store(rest, v / (exponential(-v) + 1.0f));
        for (std::size_t k = i; k < n; k++) x[k] = rest[k - i];
    }
}

RARE void norm(const float *x, const float *gain, const float *offset, float *y, int rows, int n) {
    for (int r = 0; r < rows; r++, x += n, y += n) {
        Vector many = {};
        int i = 0;
        for (; i + LANES <= n; i += LANES) many += load(x + i);
        float mean = sum(many);
        for (; i < n; i++) mean += x[i];
        mean /= n;
        many = Vector{};
        for (i = 0; i + LANES <= n; i += LANES) {
            const Vector d = load(x + i) - mean;
            many += d * d;
        }
        float variance = sum(many);
        for (; i < n; i++) variance += (x[i] - mean) * (x[i] - mean);
        const float scale = 1.0f / __builtin_sqrtf(variance / n + 1e-5f);
        for (i = 0; i + LANES <= n; i += LANES)
            store(y + i, (load(x + i) - mean) * scale * load(gain + i) + load(offset + i));
        for (; i < n; i++) y[i] = (x[i] - mean) * scale * gain[i] + offset[i];
    }
}

RARE float exp_sum(const float *x, int n, float shift) {
    Vector total = {};
    int i = 0;
    for (; i + LANES <= n; i += LANES) total += exponential(load(x + i) - shift);
    float s = sum(total);
    if (i < n) {
        float rest[LANES];
        for (int k = 0; k < LANES; k++) rest[k] = i + k < n ? x[i + k] - shift : 0.0f;
        const Vector e = exponential(load(rest));
        for (int k = 0; i + k < n; k++) s += e[k];
    }
    return s;
}

RARE float largest(const float *x, int n) {
    float best = x[0];
    int i = 0;
    if (n >= LANES) {
        Vector most = load(x);
        for (i = LANES; i + LANES <= n; i += LANES) {
            const Vector v = load(x + i);
            most = v > most ? v : most;
        }
        for (int k = 0; k < LANES; k++) best = most[k] > best ? most[k] : best;
    }
    for (; i < n; i++) best = x[i] > best ? x[i] : best;
    return best;
}

const Kernels TABLE = {NAME, END_OF_HALVES, pack, product, silu, norm, exp_sum, largest};

} // namespace
} // namespace latentmix
