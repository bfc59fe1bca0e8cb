#include "shaping.hpp"

#include <algorithm>
#include <cmath>

#include "melody.hpp"

namespace latentmix {
namespace {

// How well each pitch class, counted from the tonic, fits a key: listeners' ratings (Krumhansl & Kessler 1982).
const double PROFILES[2][12] = {{6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88},
                                {6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17}};
const bool SCALES[2][12] = {{1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1}, {1, 0, 1, 1, 0, 1, 0, 1, 1, 1, 1, 1}};
const char *NAMES[KEYS + 1] = {"none",   "C:maj",  "Db:maj", "D:maj", "Eb:maj", "E:maj",  "F:maj", "F#:maj", "G:maj",
                               "Ab:maj", "A:maj",  "Bb:maj", "B:maj", "C:min",  "C#:min", "D:min", "Eb:min", "E:min",
                               "F:min",  "F#:min", "G:min",  "G#:min", "A:min", "Bb:min", "B:min"};

// 4 the first of a bar, then half bar, beat, eighth, and 0 the rest
int strength(int at, int size, int beat) {
    if (at == 0) return 4;
    if (size % (2 * beat) == 0 && at % (size / 2) == 0) return 3;
    if (at % beat == 0) return 2;
    return at % 2 == 0 ? 1 : 0;
}

} // namespace

int steps_a_beat(int numerator, int denominator) {
    if (denominator == 8 && numerator > 3 && numerator % 3 == 0) return 6;
    return std::max(16 / denominator, 1);
}

void thin(int *tokens, int steps, int numerator, int denominator, double share) {
    const int size = steps_per_bar(numerator, denominator), beat = steps_a_beat(numerator, denominator);
    if (share >= 1.0 || !size) return;
    int onsets = 0, at_strength[5] = {};
    for (int s = 0; s < steps; s++)
        if (tokens[s] >= ONSET) {
            onsets++;
            at_strength[strength(s % size, size, beat)]++;
        }
    int keep = static_cast<int>(std::ceil(share * onsets - 1e-9)), of[5];
    for (int k = 4; k >= 0; k--) { // how many stay of each strength
        of[k] = std::min(std::max(keep, 0), at_strength[k]);
        keep -= of[k];
    }
    bool sounds = false; // a note that is left out leaves a rest; a note off where nothing sounds is none
    for (int s = 0; s < steps; s++) {
        if (tokens[s] >= ONSET && of[strength(s % size, size, beat)]-- <= 0) tokens[s] = OFF;
        if (tokens[s] == OFF && !sounds) tokens[s] = HOLD;
        if (tokens[s] != HOLD) sounds = tokens[s] >= ONSET;
    }
}

void lock(int *tokens, int steps, int key) {
    if (key < 1 || key > KEYS) return;
    const int mode = (key - 1) / 12, tonic = (key - 1) % 12;
    for (int s = 0; s < steps; s++) {
        if (tokens[s] < ONSET) continue;
        const int pitch = tokens[s] - ONSET;
        int best = pitch;
        bool is_found = SCALES[mode][(pitch + 12 - tonic) % 12];
        for (int p = pitch - 1; !is_found && p <= pitch + 1; p += 2) {
            if (p < 0 || p > 127 || !SCALES[mode][(p + 12 - tonic) % 12]) continue;
            if (best == pitch || PROFILES[mode][(p + 12 - tonic) % 12] > PROFILES[mode][(best + 12 - tonic) % 12])
                best = p;
        }
        tokens[s] = best + ONSET;
    }
}

void to_octave(int *tokens, int steps, int octaves) {
    for (int s = 0; s < steps; s++) {
        if (tokens[s] < ONSET) continue;
        int pitch = tokens[s] - ONSET + 12 * octaves;
        while (pitch > 127) pitch -= 12;
        while (pitch < 0) pitch += 12;
        tokens[s] = pitch + ONSET;
    }
}

int estimate_key(const int *tokens, int steps) {
    double sounding[12] = {}, total = 0.0;
    int pitch = -1;
    for (int s = 0; s < steps; s++) {
        if (tokens[s] != HOLD) pitch = tokens[s] >= ONSET ? tokens[s] - ONSET : -1;
        if (pitch >= 0) {
            sounding[pitch % 12] += 1.0;
            total += 1.0;
        }
    }
    if (total == 0.0) return 0;
    int best = 0;
    double most = -1e300;
    for (int key = 0; key < KEYS; key++) {
        const double *profile = PROFILES[key / 12];
        double mean = 0.0, norm = 0.0, score = 0.0;
        for (int i = 0; i < 12; i++) mean += profile[i] / 12.0;
        for (int i = 0; i < 12; i++) norm += (profile[i] - mean) * (profile[i] - mean);
        for (int i = 0; i < 12; i++)
            score += (profile[(i + 12 - key % 12) % 12] - mean) / std::sqrt(norm) * (sounding[i] - total / 12.0);
        score = std::nearbyint(score * 1e9) / 1e9; // of equally likely keys the first
        if (score > most) {
            most = score;
            best = key + 1;
        }
    }
    return best;
}

const char *key_name(int key) { return NAMES[key >= 0 && key <= KEYS ? key : 0]; }

} // namespace latentmix
