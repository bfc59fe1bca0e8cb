#include "crossing.hpp"

#include <algorithm>
#include <cmath>

namespace latentmix {
namespace {

// As in `midi_vae.crossing`, which says why.
constexpr float ON_TIME = 1.5f;
constexpr int ROUNDS = 3, STEPS = WINDOW_STEPS;

bool has_onset(const int *windows, int count) {
    return std::any_of(windows, windows + count * STEPS, [](int t) { return t >= ONSET; });
}

} // namespace

Crossing::Crossing(Network &network)
    : network_(network), travel_(network), symbols_(network.weights().sizes.symbols()), lowest_(network.weights().sizes.lowest_pitch),
      pitches_(network.weights().sizes.pitches), size_(network.weights().sizes.latent_size) {
    log_p_.resize(static_cast<std::size_t>(MAX_AT_ONCE) * STEPS * symbols_);
}

// The pitch of the note that started last, in each step; before the first note its own. Counted from the lowest pitch.
bool Crossing::line(const std::vector<int> &windows, int *out) const {
    const auto first = std::find_if(windows.begin(), windows.end(), [](int t) { return t >= ONSET; });
    if (first == windows.end()) return false;
    int latest = *first;
    for (int token : windows) {
        if (token >= ONSET) latest = token;
        *out++ = fold_pitch(latest, lowest_, pitches_) - ONSET - lowest_;
    }
    return true;
}

// Tokens of a rhythm with pitches out of a line, windows (count, 32): of those that the line has while a note lasts the one
// that the critic likes best.
void Crossing::choose(const int *rhythm, const int *line, int count, int *tokens) {
    for (int first = 0; first < count; first += MAX_AT_ONCE, rhythm += MAX_AT_ONCE * STEPS, line += MAX_AT_ONCE * STEPS, tokens += MAX_AT_ONCE * STEPS) {
        const int some = std::min(MAX_AT_ONCE, count - first), steps = some * STEPS;
        for (int i = 0; i < steps; i++) tokens[i] = rhythm[i] >= ONSET ? line[i] + ONSET : rhythm[i];
        for (int round = 0; round < ROUNDS; round++) {
            network_.conditionals(tokens, some, log_p_.data());
            for (int i = 0; i < steps; i++) {
                if (rhythm[i] < ONSET) continue;
                const float *said = &log_p_[static_cast<std::size_t>(i) * symbols_] + ONSET;
                const int end = i / STEPS * STEPS + STEPS;
                int best = -1;
                float most = 0.0f;
                for (int k = i; k < end && (k == i || rhythm[k] < ONSET); k++) {
                    const int pitch = line[k];
                    const float now = said[pitch] + (pitch == line[i] ? ON_TIME : 0.0f);
                    if (best >= 0 && (now < most || (now == most && pitch >= best))) continue;
                    most = now;
                    best = pitch;
                }
                tokens[i] = ONSET + best;
            }
        }
        for (int i = 0; i < steps; i++)
            if (rhythm[i] >= ONSET) tokens[i] += lowest_;
    }
}

bool Crossing::join(const int *rhythm, const int *pitch, int count, int *tokens) {
    std::vector<int> of_pitch(static_cast<std::size_t>(count) * STEPS);
    if (!has_onset(rhythm, count) || !line({pitch, pitch + count * STEPS}, of_pitch.data())) return false;
    choose(rhythm, of_pitch.data(), count, tokens);
    return true;
}

bool Crossing::join_latents(const float *rhythm, const float *pitch, int count, float *out) {
    std::vector<int> heard[2], tokens(static_cast<std::size_t>(count) * STEPS);
    for (int which = 0; which < 2; which++) {
        heard[which].resize(tokens.size());
        network_.decode(which ? pitch : rhythm, count, heard[which].data());
        tidy(heard[which]);
    }
    if (!join(heard[0].data(), heard[1].data(), count, tokens.data())) return false;
    network_.invert(tokens.data(), count, out);
    return true;
}

bool Crossing::plane(const Melody &a, const Melody &b, std::vector<float> &places, Watch *watch) {
    std::vector<int> ends[2] = {to_windows(a), to_windows(b)};
    places.clear();
    const int count = static_cast<int>(ends[0].size()) / STEPS, of_all = count * STEPS;
    const std::size_t of_place = static_cast<std::size_t>(count) * size_;
    std::vector<float> from(of_place), to(of_place), way(PLACES * of_place);
    network_.invert(ends[0].data(), count, from.data());
    network_.invert(ends[1].data(), count, to.data());
    for (int w = 0; w < count; w++) {
        const std::size_t at = static_cast<std::size_t>(w) * size_;
        if (!travel_.find(&from[at], &to[at], &way[at], of_place, watch)) return false;
    }
    std::vector<int> heard(static_cast<std::size_t>(PLACES * of_all)), lines(heard.size());
    network_.decode(way.data(), PLACES * count, heard.data());
    for (int end = 0; end < 2; end++)
        for (int i = 0; i < of_all; i++) heard[end * (PLACES - 1) * of_all + i] = fold_pitch(ends[end][i], lowest_, pitches_);
    const WindowLayout layout = window_layout(a.numerator, a.denominator);
    for (int k = 0; k < PLACES; k++) {
        Melody melody = a;
        melody.tokens = from_windows(&heard[k * of_all], count, layout, static_cast<int>(a.tokens.size()));
        if (!line(to_windows(melody), &lines[k * of_all])) return true;
    }
    std::vector<int> repeated(heard.size()), tokens(heard.size());
    std::vector<float> found(PLACES * PLACES * of_place);
    for (int k = 0; k < PLACES; k++) {
        for (int p = 0; p < PLACES; p++) std::copy_n(&lines[k * of_all], of_all, &repeated[p * of_all]);
        choose(heard.data(), repeated.data(), PLACES * count, tokens.data());
        for (int w = 0; w < PLACES * count; w += MAX_AT_ONCE) {
            if (is_ended(watch)) return false;
            network_.invert(&tokens[w * STEPS], std::min(MAX_AT_ONCE, PLACES * count - w), &found[k * PLACES * of_place + static_cast<std::size_t>(w) * size_]);
        }
    }
    places = std::move(found);
    return true;
}

} // namespace latentmix
