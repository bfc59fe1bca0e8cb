#include "travel.hpp"

#include <algorithm>
#include <cmath>

#include "order.hpp"

namespace latentmix {
namespace {

// As in `midi_vae.travel`, which says why.
constexpr int LEVELS = 3, PROPOSED[LEVELS] = {8, 4, 4}, ROUNDS = 4, LINE = 33, PATTERNS = 4, HALVES = 4, HALF_BAR = 8;
constexpr float ASIDE = 0.15f, LIKELIHOOD = 1.2f, ONSETS = 3.5f, EVENNESS = 600.0f, SPREAD = 1.0f, MARGIN = 6.0f;
constexpr int AHEAD[PATTERNS][BEATS] = {{1, -1, 1, -1, 1, -1, 1, -1},
                                        {1, 1, -1, -1, 1, 1, -1, -1},
                                        {-1, 1, 1, -1, -1, 1, 1, -1},
                                        {-1, 1, -1, 1, -1, 1, -1, 1}};
constexpr int STEPS = WINDOW_STEPS, ASIDES = (LINE - 2 + 2) / 4 * PATTERNS, ALL = LINE - 2 + ASIDES;
constexpr int MOST_FEW = 8, NEAR = 4; // proposals that are looked at, for each that is improved

float lerp_of(float a, float b, float t) { return t < 0.5f ? a + t * (b - a) : b - (b - a) * (1.0f - t); } // as torch
int onsets_of(const int *x) {
    return static_cast<int>(std::count_if(x, x + STEPS, [](int s) { return s >= ONSET; }));
}

// 1/2 for each step that has changed, -1/2 for each that is still to, so that 0 is half-way: by half bars, and in all.
struct Excess {
    float of_halves[HALVES] = {}, all = 0.0f, spread = 0.0f;
    float size[HALVES] = {}; // steps that differ

    Excess(const int *left, const int *right, const int *x) {
        for (int s = 0; s < STEPS; s++) {
            if (left[s] == right[s]) continue;
            of_halves[s / HALF_BAR] += x[s] == right[s] ? 0.5f : -0.5f;
            size[s / HALF_BAR] += 1.0f;
        }
        for (int h = 0; h < HALVES; h++) {
            size[h] = std::max(size[h], 1.0f);
            all += of_halves[h];
            spread += of_halves[h] * of_halves[h] / size[h];
        }
        spread *= SPREAD;
    }
};

} // namespace

Travel::Travel(Network &network)
    : network_(network), symbols_(network.weights().sizes.symbols()), size_(network.weights().sizes.latent_size) {
    latents_.resize(static_cast<std::size_t>(MAX_AT_ONCE) * size_);
    where_.resize(ALL);
    proposals_.resize(ALL * STEPS);
    log_p_.resize(static_cast<std::size_t>(MAX_AT_ONCE) * STEPS * symbols_);
    tokens_.resize(MAX_AT_ONCE * STEPS);
}

bool Travel::find(const float *a, const float *b, float *places, std::size_t stride, Watch *watch) {
    int heard[PLACES][STEPS], found[PLACES][STEPS];
    std::copy(a, a + size_, places);
    std::copy(b, b + size_, places + (PLACES - 1) * stride);
    hear(a, 1, heard[0]);
    hear(b, 1, heard[PLACES - 1]);
    if (!propose(a, b, watch)) return false;
    float surprise[2], onsets[2];
    int differing = 0;
    for (int s = 0; s < STEPS; s++) differing += heard[0][s] != heard[PLACES - 1][s];
    steps_ = static_cast<float>(std::max(differing, 1));
    for (int end = 0; end < 2; end++) {
        const int *symbols = heard[end * (PLACES - 1)];
        network_.conditionals(symbols, 1, log_p_.data());
        surprise[end] = 0.0f;
        for (int s = 0; s < STEPS; s++) surprise[end] -= log_p_[s * symbols_ + symbols[s]];
        onsets[end] = static_cast<float>(onsets_of(symbols));
    }
    std::vector<Task> tasks;
    for (int level = 0; level < LEVELS; level++) {
        const int half = (PLACES - 1) >> (level + 1), middles = 1 << level;
        tasks.clear();
        for (int at = half; at < PLACES; at += 2 * half) {
            const float share = static_cast<float>(at) / (PLACES - 1);
            tasks.push_back({heard[at - half], heard[at + half], share,
                             lerp_of(surprise[0], surprise[1], share) - MARGIN, lerp_of(onsets[0], onsets[1], share)});
        }
        if (!improve(tasks, PROPOSED[level], found[0], watch)) return false;
        encode(found[0], middles, latents_.data());
        for (int m = 0; m < middles; m++) {
            const int at = half + 2 * half * m;
            const float *before = places + (at - half) * stride, *after = places + (at + half) * stride;
            float *z = latents_.data() + static_cast<std::size_t>(m) * size_;
            if (std::equal(heard[at - half], heard[at - half] + STEPS, heard[at + half])) // nothing is to change
                for (int i = 0; i < size_; i++) z[i] = lerp_of(before[i], after[i], 0.5f);
            std::copy(z, z + size_, places + at * stride);
        }
        hear(latents_.data(), middles, found[0]);
        for (int m = 0; m < middles; m++) std::copy(found[m], found[m] + STEPS, heard[half + 2 * half * m]);
    }
    return true;
}

// What is decoded on the straight line and aside of it, where some beats of the latent are ahead and as many behind.
bool Travel::propose(const float *a, const float *b, Watch *watch) {
    const int of_beat = size_ / BEATS;
    int filled = 0, first = 0;
    bool goes_on = true;
    auto say = [&](float share, const int *ahead) {
        if (!goes_on) return;
        float *z = latents_.data() + static_cast<std::size_t>(filled) * size_;
        const float off = ahead ? 4.0f * share * (1.0f - share) : 0.0f;
        for (int i = 0; i < size_; i++) {
            const float moved = ahead ? share + off * (ASIDE * static_cast<float>(ahead[i / of_beat])) : share;
            z[i] = lerp_of(a[i], b[i], std::min(std::max(moved, 0.0f), 1.0f));
        }
        where_[first + filled++] = share;
        if (filled < MAX_AT_ONCE && first + filled < ALL) return;
        hear(latents_.data(), filled, &proposals_[first * STEPS]);
        first += filled;
        filled = 0;
        goes_on = !is_ended(watch);
    };
    for (int p = 1; p < LINE - 1; p++) say(static_cast<float>(p) / (LINE - 1), nullptr);
    for (int p = 2; p < LINE - 1; p += 4)
        for (const auto &ahead : AHEAD) say(static_cast<float>(p) / (LINE - 1), ahead);
    return goes_on;
}

// The proposals to begin with, bent to symbols of either end; (few, 32).
void Travel::choose(const Task &task, int few, int *x) const {
    int bent[NEAR * MOST_FEW][STEPS];
    float costs[NEAR * MOST_FEW];
    const Order near = order_by(ALL, [&](std::size_t one, std::size_t other) {
        return std::abs(where_[one] - task.at) < std::abs(where_[other] - task.at);
    });
    for (int p = 0; p < NEAR * few; p++) {
        const int *proposed = &proposals_[near[p] * STEPS], *nearer = task.at < 0.5f ? task.left : task.right;
        for (int s = 0; s < STEPS; s++)
            bent[p][s] = proposed[s] == task.left[s] || proposed[s] == task.right[s] ? proposed[s] : nearer[s];
        costs[p] = cost(task, bent[p], nullptr);
    }
    const Order best = order_by(static_cast<std::size_t>(NEAR * few), [&](std::size_t one, std::size_t other) { return costs[one] < costs[other]; });
    for (int p = 0; p < few; p++) std::copy(bent[best[p]], bent[best[p]] + STEPS, x + p * STEPS);
}

// The best for each task, (tasks, 32), that its first candidates become by changes of two steps at a time.
bool Travel::improve(const std::vector<Task> &tasks, int few, int *best, Watch *watch) {
    const int count = static_cast<int>(tasks.size()) * few;
    int x[MAX_AT_ONCE][STEPS];
    float lowest[MAX_AT_ONCE];
    for (std::size_t t = 0; t < tasks.size(); t++) choose(tasks[t], few, x[t * few]);
    std::fill(lowest, lowest + tasks.size(), HUGE_VALF);
    for (int turn = 0; turn <= ROUNDS; turn++) {
        if (is_ended(watch)) return false;
        network_.conditionals(x[0], count, log_p_.data());
        for (int c = 0; c < count; c++) {
            const float *log_p = &log_p_[static_cast<std::size_t>(c) * STEPS * symbols_];
            const int t = c / few;
            float surprise = 0.0f;
            for (int s = 0; s < STEPS; s++) surprise -= log_p[s * symbols_ + x[c][s]];
            const float now = cost(tasks[t], x[c], &surprise);
            if (now < lowest[t] || (turn == 0 && c % few == 0)) { // the first in any case: a cost may be no number
                lowest[t] = now;
                std::copy(x[c], x[c] + STEPS, best + t * STEPS);
            }
            if (turn < ROUNDS) change(tasks[t], log_p, surprise, x[c]);
        }
    }
    return true;
}

float Travel::cost(const Task &task, const int *x, const float *surprise) const {
    const Excess extra(task.left, task.right, x);
    const float onsets = static_cast<float>(onsets_of(x)) - task.onsets, share = extra.all / steps_;
    const float parts = ONSETS * std::abs(onsets) + EVENNESS * (share * share) + extra.spread;
    return surprise ? parts + LIKELIHOOD * std::max(*surprise - task.surprise, 0.0f) : parts;
}

// The one or two changes that the cost falls most by, if it falls at all; what two do to the likelihood is taken as the
// sum of what each does.
void Travel::change(const Task &task, const float *log_p, float surprise, int *x) const {
    const Excess extra(task.left, task.right, x);
    const float due = static_cast<float>(onsets_of(x)) - task.onsets, over = surprise - task.surprise;
    const float share = extra.all / steps_;
    struct Change {
        int step, other;
        float worse, onsets, flip, spread;
    } changes[STEPS];
    int count = 0;
    for (int s = 0; s < STEPS; s++) {
        if (task.left[s] == task.right[s]) continue;
        const bool is_right = x[s] == task.right[s];
        const int other = is_right ? task.left[s] : task.right[s];
        const float flip = is_right ? -1.0f : 1.0f, half = extra.of_halves[s / HALF_BAR];
        changes[count++] = {s, other, log_p[s * symbols_ + x[s]] - log_p[s * symbols_ + other],
                            static_cast<float>((other >= ONSET) - (x[s] >= ONSET)), flip,
                            SPREAD * ((half + flip) * (half + flip) - half * half) / extra.size[s / HALF_BAR]};
    }
    float lowest = cost(task, x, &surprise);
    const Change *chosen[2] = {};
    for (int i = 0; i < count; i++)
        for (int j = i; j < count; j++) {
            const Change &one = changes[i], &two = changes[j];
            const bool is_pair = i != j;
            const float evenness = share + (one.flip + (is_pair ? two.flip : 0.0f)) / steps_;
            const float now = LIKELIHOOD * std::max(over + (one.worse + (is_pair ? two.worse : 0.0f)), 0.0f) +
                              ONSETS * std::abs(due + (one.onsets + (is_pair ? two.onsets : 0.0f))) +
                              EVENNESS * (evenness * evenness) + (one.spread + (is_pair ? two.spread : 0.0f)) +
                              extra.spread;
            if (now >= lowest) continue;
            lowest = now;
            chosen[0] = &one;
            chosen[1] = &two;
        }
    for (const Change *each : chosen)
        if (each) x[each->step] = each->other;
}

void Travel::hear(const float *latents, int count, int *symbols) {
    network_.decode(latents, count, symbols);
    const int lowest = network_.weights().sizes.lowest_pitch;
    for (int i = 0; i < count * STEPS; i++) symbols[i] -= symbols[i] >= ONSET ? lowest : 0;
}

void Travel::encode(const int *symbols, int count, float *latents) {
    const int lowest = network_.weights().sizes.lowest_pitch;
    for (int i = 0; i < count * STEPS; i++) tokens_[i] = symbols[i] + (symbols[i] >= ONSET ? lowest : 0);
    network_.invert(tokens_.data(), count, latents);
}

} // namespace latentmix
