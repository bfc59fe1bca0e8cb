#include <algorithm>
#include <cstring>
#include <new>

#include "blend.hpp"
#include "chart.hpp"
#include "crossing.hpp"
#include "latentmix.h"
#include "line.hpp"
#include "network.hpp"
#include "noise.hpp"
#include "shaping.hpp"

using namespace latentmix;

struct lm_model {
    std::shared_ptr<const Weights> weights;
    const Kernels *kernels;
};

struct lm_network {
    Network network;
    Noise noise;
    unsigned seed;
};

namespace {

// Without printf, which would be a third of the engine in WebAssembly.
void tell(const std::string &line, char *to, unsigned bytes) {
    if (!to || !bytes) return;
    const std::size_t n = std::min<std::size_t>(line.size(), bytes - 1);
    std::memcpy(to, line.data(), n);
    to[n] = 0;
}

template <typename Read>
lm_model *made(const char *name, char *problem, unsigned problem_bytes, Read read) {
    std::string said;
#if __cpp_exceptions // WebAssembly does without
    try {
#endif
        const Kernels *k = kernels(name);
        auto weights = k ? read(*k, said) : nullptr;
        if (!k) said = Line("this processor or build has no path ").add(name).text();
        if (weights) return new lm_model{weights, k};
#if __cpp_exceptions
    } catch (const std::bad_alloc &) {
        said = "not enough memory for the weights";
    }
#endif
    tell(said, problem, problem_bytes);
    return nullptr;
}

} // namespace

extern "C" {

#if !defined(__wasi__) // which has no files to read here
lm_model *lm_model_read(const char *file, const char *name, char *problem, unsigned problem_bytes) {
    return made(name, problem, problem_bytes,
                [&](const Kernels &k, std::string &said) { return Weights::read(file, k, said); });
}
#endif

lm_model *lm_model_parse(const void *bytes, unsigned long long count, const char *name, char *problem,
                         unsigned problem_bytes) {
    const auto *first = static_cast<const unsigned char *>(bytes);
    return made(name, problem, problem_bytes, [&](const Kernels &k, std::string &said) {
        return Weights::parse({first, first + count}, k, said);
    });
}

void lm_model_free(lm_model *m) { delete m; }
const char *lm_model_name(const lm_model *m) { return m->weights->name.c_str(); }
const char *lm_model_id(const lm_model *m) { return m->weights->id.c_str(); }
const char *lm_model_fingerprint(const lm_model *m) { return m->weights->fingerprint.c_str(); }
const char *lm_model_kernels(const lm_model *m) { return m->kernels->name; }
int lm_model_latent_size(const lm_model *m) { return m->weights->sizes.latent_size; }
int lm_model_attributes(const lm_model *m) { return m->weights->sizes.attributes; }
const char *lm_model_attribute(const lm_model *m, int i) {
    return i >= 0 && i < m->weights->sizes.attributes ? m->weights->attributes[i].c_str() : "";
}
int lm_model_melodies(const lm_model *m) { return m->weights->sizes.melodies; }

int lm_model_melody(const lm_model *m, int which, int *tokens, int most, int *numerator, int *denominator) {
    if (which < 0 || which >= m->weights->sizes.melodies) return 0;
    const Melody &melody = m->weights->melodies[which];
    const int steps = static_cast<int>(melody.tokens.size());
    for (int i = 0; i < steps && i < most; i++) tokens[i] = melody.tokens[i];
    *numerator = melody.numerator;
    *denominator = melody.denominator;
    return steps;
}

lm_network *lm_network_new(lm_model *m) {
#if __cpp_exceptions
    try {
#endif
        return new lm_network{Network(m->weights, *m->kernels), draw_noise(0, m->weights->sizes.pitches), 0};
#if __cpp_exceptions
    } catch (const std::bad_alloc &) {
        return nullptr;
    }
#endif
}

void lm_network_free(lm_network *n) { delete n; }
void lm_encode(lm_network *n, const int *tokens, int windows, float *latents) {
    n->network.encode(tokens, windows, latents);
}

void lm_invert(lm_network *n, const int *tokens, int windows, float *latents) {
    n->network.invert(tokens, windows, latents);
}

void lm_decode(lm_network *n, const float *latents, int windows, int *tokens, float temperature, unsigned seed) {
    if (temperature > 0.0f && seed != n->seed) {
        n->noise = draw_noise(seed, n->network.weights().sizes.pitches);
        n->seed = seed;
    }
    n->network.decode(latents, windows, tokens, temperature, &n->noise);
}

int lm_windows(const int *tokens, int steps, int numerator, int denominator, int to_numerator, int to_denominator,
               int to_steps, int *windows, int most) {
    Melody melody;
    melody.tokens = {tokens, tokens + steps};
    melody.numerator = numerator;
    melody.denominator = denominator;
    if (!melody.is_valid() || !fits_a_window(to_numerator, to_denominator) || to_steps < 1) return 0;
    const std::vector<int> made = to_windows(rebar(melody, to_numerator, to_denominator, to_steps));
    const int count = static_cast<int>(made.size()) / WINDOW_STEPS;
    if (count > most) return -1;
    std::copy(made.begin(), made.end(), windows);
    return count;
}

void lm_melody(const int *windows, int count, int numerator, int denominator, int *tokens, int steps) {
    const auto made = from_windows(windows, count, window_layout(numerator, denominator), steps);
    std::copy(made.begin(), made.end(), tokens);
}

void lm_path(double position, int melodies, double *weights) { path(position, melodies, weights); }
void lm_pad(double x, double y, int melodies, double *weights) {
    pad(x, y, spread(melodies).data(), melodies, weights);
}
int lm_mix(const float *latents, int melodies, int size, const double *weights, int spherical, float *out) {
    return weighted(latents, melodies, size, weights, spherical, out);
}
void lm_line(const float *a, const float *b, int size, double t, int spherical, float *out) {
    spherical ? slerp(a, b, size, t, out) : lerp(a, b, size, t, out);
}

void lm_travel(lm_network *n, const float *a, const float *b, int windows, float *places) {
    const int size = n->network.weights().sizes.latent_size;
    const std::size_t stride = static_cast<std::size_t>(windows) * size;
    Travel travel(n->network);
    for (int w = 0; w < windows; w++) travel.find(a + w * size, b + w * size, places + w * size, stride);
}
void lm_aside(const float *way, int size, double from, double to, float *out) {
    aside(way, LM_PLACES, size, from, to, out);
}

int lm_join(lm_network *n, const float *rhythm, const float *pitch, int windows, float *out) {
    return Crossing(n->network).join_latents(rhythm, pitch, windows, out);
}
int lm_plane(lm_network *n, const int *a, const int *b, int steps, int numerator, int denominator, float *places) {
    Melody pair[2];
    for (int i = 0; i < 2; i++) {
        pair[i].tokens = {i ? b : a, (i ? b : a) + steps};
        pair[i].numerator = numerator;
        pair[i].denominator = denominator;
        if (!pair[i].is_valid() || !fits_a_window(numerator, denominator)) return 0;
    }
    std::vector<float> found;
    Crossing(n->network).plane(pair[0], pair[1], found);
    std::copy(found.begin(), found.end(), places);
    return !found.empty();
}
void lm_chart(lm_network *n, const float *latents, int melodies, int windows, const float *shares, int places, float *out) {
    const int size = n->network.weights().sizes.latent_size;
    const std::size_t stride = static_cast<std::size_t>(windows) * size;
    Chart chart(n->network);
    for (int w = 0; w < windows; w++) chart.find(latents + w * size, stride, melodies, shares, places, out + w * size, stride);
}
void lm_on_grid(const float *grid, int rows, int columns, int size, double x, double y, float *out) {
    on_grid(grid, rows, columns, size, x, y, out);
}

void lm_shift(const lm_model *m, const float *amounts, float *out) {
    const Sizes &s = m->weights->sizes;
    std::memset(out, 0, sizeof(float) * s.latent_size);
    for (int a = 0; a < s.attributes; a++)
        for (int i = 0; i < s.latent_size; i++) out[i] += amounts[a] * m->weights->directions[a * s.latent_size + i];
}

void lm_thin(int *tokens, int steps, int numerator, int denominator, double share) {
    thin(tokens, steps, numerator, denominator, share);
}
void lm_key(int *tokens, int steps, int key) { lock(tokens, steps, key); }
void lm_octave(int *tokens, int steps, int octaves) { to_octave(tokens, steps, octaves); }
int lm_key_of(const int *tokens, int steps) { return estimate_key(tokens, steps); }

} // extern "C"
