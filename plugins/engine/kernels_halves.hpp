// Part of `kernels_body.hpp`: matrices of halves. Processors with wider vectors widen IEEE halves by an instruction; the others by a few
// whole-number ones, of halves packed so that these are few. A single row waits for its weights longer than it computes, and
// halves are half the bytes.
#if LANES == 4
// Halves as packed here. Their exponent is that of a whole number, 2^-24 being 1, so that none is below the normal ones once
// it stands where a float has it: those would be slow. What is read so is 2^-102 of the weight. Words hold two weights, four places
// apart, so that neither has to be moved to another lane.
constexpr unsigned END_OF_HALVES = 0x5800; // 128
constexpr float WIDENED = 0x1p102f; // times what is read is the weight
typedef std::uint32_t Words __attribute__((vector_size(16), aligned(4), may_alias));

inline std::uint16_t rebiased(std::uint16_t half) {
    const unsigned sign = half & 0x8000u, rest = half & 0x7fffu;
    if (rest >= 0x400) return static_cast<std::uint16_t>(sign | (rest + (10 << 10))); // 2^-14, of 1, is 11 here
    if (!rest) return static_cast<std::uint16_t>(sign);
    const int top = 31 - __builtin_clz(rest); // the whole number's highest bit
    return static_cast<std::uint16_t>(sign | ((static_cast<unsigned>(top) + 1) << 10) | ((rest << (10 - top)) & 0x3ff));
}

RARE void pack(std::uint16_t *panels, std::size_t n) {
    for (std::size_t at = 0; at < n; at += 8) {
        std::uint16_t eight[8];
        for (int i = 0; i < 8; i++) eight[i] = rebiased(panels[at + i]);
        for (int i = 0; i < 4; i++) {
            panels[at + 2 * i] = eight[i];
            panels[at + 2 * i + 1] = eight[i + 4];
        }
    }
}

// Eight packed weights, as 2^-102 of them.
inline void unpack(const std::uint16_t *p, Vector &first, Vector &second) {
    const Words two = *reinterpret_cast<const Words *>(p);
    union {
        Ints i;
        Vector f;
    } low = {(Ints)(two << 16)}, high = {(Ints)two};
    low.i = (low.i >> 3) & (std::int32_t)0x8fffe000;
    high.i = (high.i >> 3) & (std::int32_t)0x8fffe000;
    first = low.f;
    second = high.f;
}

constexpr int SOME = 256; // inputs that are widened together: 16 kB, which stay in the nearest cache

inline void add_packed(const std::uint16_t *w, float x, Vector *sums) {
    for (int k = 0; k < PARTS; k += 2) {
        Vector first, second;
        unpack(w + k * LANES, first, second);
        sums[k] += first * x;
        sums[k + 1] += second * x;
    }
}

// One row: each weight is used once, where it is widened. Half of the factor that they lack is the input's, half the sum's, so
// that neither leaves the range of floats: products below 2^-75 lose digits, below 2^-98 all.
void one_row(const std::uint16_t *w, const Matrix &m, const float *x, float *y, int panel, bool add) {
    constexpr float ROOT = 0x1p51f;
    static_assert(ROOT * ROOT == WIDENED, "half of the exponent");
    Vector sums[2][1][PARTS] = {};
    int i = 0;
    for (; i + 2 <= m.in; i += 2, w += 2 * PANEL) {
        ask_ahead(w, 2 * PANEL * sizeof *w);
        add_packed(w, x[i] * ROOT, sums[0][0]);
        add_packed(w + PANEL, x[i + 1] * ROOT, sums[1][0]);
    }
    if (i < m.in) add_packed(w, x[i] * ROOT, sums[0][0]);
    for (int k = 0; k < PARTS; k++) sums[0][0][k] = (sums[0][0][k] + sums[1][0][k]) * ROOT;
    finish<1, 1>(sums, m, m.bias, y, panel, add);
}

// More rows share the weights, which are widened into a place of their own before.
void product_of_halves(const Matrix &m, const float *x, float *y, int rows, bool add) {
    alignas(64) float wide[SOME * PANEL];
    const int panels = (m.out + PANEL - 1) / PANEL;
    for (int p = 0; p < panels; p++) {
        const std::uint16_t *w = static_cast<const std::uint16_t *>(m.panels) + (std::size_t)p * m.in * PANEL;
        if (rows == 1) {
            one_row(w, m, x, y, p, add);
            continue;
        }
        for (int from = 0; from < m.in; from += SOME) {
            const int in = m.in - from < SOME ? m.in - from : SOME;
            for (int i = 0; i < in * PANEL; i += 2 * LANES, w += 2 * LANES) {
                ask_ahead(w, 2 * LANES * sizeof *w);
                Vector first, second;
                unpack(w, first, second);
                store(wide + i, first * WIDENED);
                store(wide + i + LANES, second * WIDENED);
            }
            rows_of<float>(wide, m, in, from ? nullptr : m.bias, x + from, y, rows, p, add || from);
        }
    }
}
#else
constexpr unsigned END_OF_HALVES = 0x7c00; // all that are finite
void pack(std::uint16_t *, std::size_t) {}

void product_of_halves(const Matrix &m, const float *x, float *y, int rows, bool add) {
    product_of<std::uint16_t>(m, x, y, rows, add);
}
#endif
