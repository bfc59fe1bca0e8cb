#include <cstdio>
#include <cstring>
#include <new>

#include "drum_network.hpp"
#include "latentmix.h"

using namespace latentmix;

struct lm_drums {
    std::shared_ptr<const DrumWeights> weights;
    DrumNetwork network;
    std::vector<float> noise;
    unsigned seed;
};

extern "C" {

lm_drums *lm_drums_parse(const void *bytes, unsigned long long count, const char *name, char *problem, unsigned problem_bytes) {
    std::string said;
#if __cpp_exceptions // WebAssembly does without
    try {
#endif
        const auto *first = static_cast<const unsigned char *>(bytes);
        const Kernels *k = kernels(name);
        auto weights = k ? DrumWeights::parse({first, first + count}, *k, said) : nullptr;
        if (!k) said = std::string("this processor or build has no path ") + name;
        if (weights) return new lm_drums{weights, DrumNetwork(weights, *k), draw_drum_noise(0, 1), 0};
#if __cpp_exceptions
    } catch (const std::bad_alloc &) {
        said = "not enough memory for the weights";
    }
#endif
    if (problem && problem_bytes) std::snprintf(problem, problem_bytes, "%s", said.c_str());
    return nullptr;
}

void lm_drums_free(lm_drums *d) { delete d; }
int lm_drums_latent_size(const lm_drums *d) { return d->weights->sizes.latent_size; }

int lm_drums_groove(const lm_drums *d, int which, float *cells, int most) {
    if (which < 0 || which >= static_cast<int>(d->weights->grooves.size())) return 0;
    const std::vector<float> all = to_cells(d->weights->grooves[static_cast<std::size_t>(which)]);
    const int windows = static_cast<int>(all.size() / WINDOW_CELLS);
    if (windows > most) return -1;
    std::memcpy(cells, all.data(), all.size() * sizeof(float));
    return windows;
}

void lm_drums_encode(lm_drums *d, const float *cells, int windows, float *latents) { d->network.encode(cells, windows, latents); }

void lm_drums_invert(lm_drums *d, const float *cells, int windows, float *latents) { d->network.invert(cells, windows, latents); }

void lm_drums_decode(lm_drums *d, const float *latents, int windows, float *cells, float temperature, unsigned seed) {
    if (temperature > 0.0f && seed != d->seed) d->noise = draw_drum_noise(d->seed = seed, 1);
    d->network.decode(latents, windows, cells, temperature, d->noise.data(), 1);
}

void lm_drums_humanise(lm_drums *d, float *cells, int windows, float tempo, float amount) {
    std::vector<float> felt(static_cast<std::size_t>(windows) * WINDOW_STEPS * FELT);
    d->network.feel(cells, windows, tempo, felt.data());
    if (amount > 0.0f) lay_feel(felt.data(), windows, amount, cells);
}

} // extern "C"
