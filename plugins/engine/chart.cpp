#include "chart.hpp"

#include <algorithm>
#include <cmath>

#include "maths.hpp"
#include "order.hpp"

namespace latentmix {
namespace {

// As in `midi_vae.chart`, which says why.
constexpr int ROUNDS = 14, TRIED = 64, STARTS = 3, MOST_PLACES = 24, HALF_BAR = 8, STEPS = WINDOW_STEPS;
constexpr float ONSETS = 3.5f, MIXED = 0.95f, ALONE = 1.0f - 1e-6f, LEAST_SHARE = 1e-9f, LEAST_GAIN = 1e-3f;

// Indices of places, evenly taken, at which more than one melody is heard.
std::vector<int> looked_at(const float *shares, int places, int count) {
    std::vector<int> mixed, out;
    for (int p = 0; p < places; p++)
        if (*std::max_element(shares + p * count, shares + (p + 1) * count) < MIXED) mixed.push_back(p);
    const int most = std::min(MOST_PLACES, static_cast<int>(mixed.size()));
    for (int i = 0; i < most; i++)
        out.push_back(mixed[static_cast<std::size_t>(std::nearbyint(most > 1 ? i * (mixed.size() - 1.0) / (most - 1) : 0.0))]);
    return out;
}

// `count` vectors (count, melodies) of exponential variates, evenly spread (a Kronecker sequence).
void vectors(int count, int melodies, int start, float *to) {
    double root = 2.0; // the positive one of x^(melodies + 1) = x + 1, by Newton's method
    for (int i = 0; i < 30; i++) {
        double power = 1.0;
        for (int m = 0; m < melodies; m++) power *= root;
        root -= (power * root - root - 1.0) / ((melodies + 1) * power - 1.0);
    }
    for (int k = 0; k < count; k++) {
        double alpha = 1.0;
        for (int m = 0; m < melodies; m++) {
            alpha /= root;
            const double at = 0.5 + (k + 1 + 17.0 * start) * alpha, part = at - std::floor(at);
            *to++ = static_cast<float>(-logarithm(1.0 - std::min(std::max(part, 1e-6), 1.0 - 1e-6)));
        }
    }
}

} // namespace

void on_grid(const float *grid, int rows, int columns, int size, double x, double y, float *out) {
    const double u = std::min(std::max(x, 0.0), 1.0) * (columns - 1), v = std::min(std::max(y, 0.0), 1.0) * (rows - 1);
    const int left = std::min(static_cast<int>(u), columns - 2), low = std::min(static_cast<int>(v), rows - 2);
    auto between = [](float a, float b, double t) { return static_cast<float>(1.0 - t) * a + static_cast<float>(t) * b; };
    const float *one = grid + static_cast<std::size_t>(low * columns + left) * size, *above = one + static_cast<std::size_t>(columns) * size;
    for (int i = 0; i < size; i++)
        out[i] = between(between(one[i], one[size + i], u - left), between(above[i], above[size + i], u - left), v - low);
}

Chart::Chart(Network &network)
    : network_(network), symbols_(network.weights().sizes.symbols()), size_(network.weights().sizes.latent_size) {
    log_p_.resize(static_cast<std::size_t>(MAX_AT_ONCE) * STEPS * symbols_);
}

bool Chart::find(const float *melodies, std::size_t apart, int count, const float *shares, int places, float *to, std::size_t stride,
                 Watch *watch) {
    count_ = count;
    hear(melodies, apart);
    Race race;
    if (!search(shares, looked_at(shares, places, count), watch, race)) return false;
    const int lowest = network_.weights().sizes.lowest_pitch;
    std::vector<float> latents(static_cast<std::size_t>(MAX_AT_ONCE) * size_);
    for (int first = 0; first < places; first += MAX_AT_ONCE) {
        if (is_ended(watch)) return false;
        const int some = std::min(MAX_AT_ONCE, places - first);
        int source[STEPS], tokens[MAX_AT_ONCE][STEPS];
        for (int p = 0; p < some; p++) {
            sources(race.data(), STEPS, shares + (first + p) * count, source);
            for (int s = 0; s < STEPS; s++) {
                const int symbol = heard_[source[s] * STEPS + s];
                tokens[p][s] = symbol >= ONSET ? symbol + lowest : symbol;
            }
        }
        network_.invert(tokens[0], some, latents.data());
        for (int p = 0; p < some; p++) {
            const float *of_place = shares + (first + p) * count, *most = std::max_element(of_place, of_place + count);
            const float *from = *most >= ALONE ? melodies + static_cast<std::size_t>(most - of_place) * apart
                                               : latents.data() + static_cast<std::size_t>(p) * size_;
            std::copy(from, from + size_, to + static_cast<std::size_t>(first + p) * stride);
        }
    }
    return true;
}

// What is decoded of each melody, and where they differ.
void Chart::hear(const float *melodies, std::size_t apart) {
    const int lowest = network_.weights().sizes.lowest_pitch;
    heard_.resize(static_cast<std::size_t>(count_) * STEPS);
    for (int m = 0; m < count_; m++) network_.decode(melodies + static_cast<std::size_t>(m) * apart, 1, &heard_[m * STEPS]);
    for (int &symbol : heard_) symbol -= symbol >= ONSET ? lowest : 0;
    std::vector<int> steps;
    std::vector<float> place(STEPS);
    for (int half = 0; half < STEPS; half += HALF_BAR) {
        std::vector<int> differing;
        for (int s = half; s < half + HALF_BAR; s++)
            for (int m = 1; m < count_; m++)
                if (heard_[m * STEPS + s] != heard_[s]) {
                    differing.push_back(s);
                    break;
                }
        for (std::size_t rank = 0; rank < differing.size(); rank++)
            place[differing[rank]] = (static_cast<float>(rank) + 0.5f) / static_cast<float>(differing.size());
        for (int s : differing) steps.push_back(s);
    }
    order_ = std::move(steps);
    sort_rows(order_, [&](int one, int other) { return place[one] < place[other]; });
}

// Which melody each of some steps is, at shares (count); of equal ones the first.
void Chart::sources(const float *race, int steps, const float *share, int *to) const {
    for (int s = 0; s < steps; s++, race += count_) {
        int least = 0;
        float lowest = race[0] / std::max(share[0], LEAST_SHARE);
        for (int m = 1; m < count_; m++) {
            const float now = race[m] / std::max(share[m], LEAST_SHARE);
            if (now >= lowest) continue;
            lowest = now;
            least = m;
        }
        to[s] = least;
    }
}

// The races (STARTS, 32, count) by which the melodies have most nearly their shares of the steps.
Chart::Race Chart::even_races(const float *shares, const std::vector<int> &places) const {
    const int steps = static_cast<int>(order_.size()), of_set = steps * count_;
    Race sets(static_cast<std::size_t>(TRIED * of_set)), out(static_cast<std::size_t>(STARTS * STEPS * count_), 1.0f);
    double costs[TRIED] = {};
    std::vector<int> source(order_.size());
    for (int start = 0; start < TRIED; start++) {
        vectors(steps, count_, start, &sets[start * of_set]);
        for (int p : places) {
            sources(&sets[start * of_set], steps, shares + p * count_, source.data());
            for (int m = 0; m < count_; m++) {
                const float part = static_cast<float>(std::count(source.begin(), source.end(), m)) / static_cast<float>(steps);
                const float off = part - shares[p * count_ + m];
                costs[start] += off * off;
            }
        }
    }
    const Order best = order_by(TRIED, [&](std::size_t one, std::size_t other) { return costs[one] < costs[other]; });
    for (int r = 0; r < STARTS; r++)
        for (int i = 0; i < steps; i++)
            std::copy_n(&sets[static_cast<int>(best[r]) * of_set + i * count_], count_, &out[(r * STEPS + order_[i]) * count_]);
    return out;
}

bool Chart::search(const float *shares, const std::vector<int> &places, Watch *watch, Race &best) {
    const int size = STEPS * count_;
    best.resize(static_cast<std::size_t>(size));
    std::fill(best.begin(), best.end(), 1.0f);
    if (places.empty() || order_.empty()) return true;
    constexpr int LOOKS = (ROUNDS + 1) * STARTS;
    Race races = even_races(shares, places), seen(static_cast<std::size_t>(LOOKS * size));
    float costs[LOOKS], gains[STEPS * STEPS];
    for (int i = 0; i < LOOKS; i++) {
        if (is_ended(watch)) return false;
        float *race = &races[i % STARTS * size];
        costs[i] = look(race, shares, places, gains);
        std::copy(race, race + size, &seen[i * size]);
        exchange(race, gains);
    }
    const float lowest = *std::min_element(costs, costs + LOOKS);
    int first = LOOKS - 1; // of those that are as good
    for (int i = LOOKS; i-- > 0;)
        if (costs[i] <= lowest + LEAST_GAIN) first = i;
    std::copy_n(&seen[first * size], size, best.begin());
    return true;
}

// The cost of a race, as the critic says it at some places, and what an exchange of two steps would gain.
float Chart::look(const float *race, const float *shares, const std::vector<int> &places, float *gains) {
    float cost = 0.0f;
    std::fill(gains, gains + STEPS * STEPS, 0.0f);
    const int all = static_cast<int>(places.size());
    for (int first = 0; first < all; first += MAX_AT_ONCE) {
        const int some = std::min(MAX_AT_ONCE, all - first);
        int source[MAX_AT_ONCE][STEPS], x[MAX_AT_ONCE][STEPS];
        for (int p = 0; p < some; p++) {
            sources(race, STEPS, shares + places[first + p] * count_, source[p]);
            for (int s = 0; s < STEPS; s++) x[p][s] = heard_[source[p][s] * STEPS + s];
        }
        network_.conditionals(x[0], some, log_p_.data());
        for (int p = 0; p < some; p++) {
            const float *share = shares + places[first + p] * count_;
            double due = 0.0;
            for (int m = 0; m < count_; m++)
                due += static_cast<double>(share[m]) * std::count_if(&heard_[m * STEPS], &heard_[m * STEPS] + STEPS, [](int h) { return h >= ONSET; });
            const float lost = static_cast<float>(std::count_if(x[p], x[p] + STEPS, [](int h) { return h >= ONSET; })) - static_cast<float>(due);
            const float more = lost > 0.0f ? ONSETS : lost < 0.0f ? -ONSETS : 0.0f;
            float surprise = 0.0f;
            for (int s = 0; s < STEPS; s++) {
                const float *log_p = &log_p_[static_cast<std::size_t>(p * STEPS + s) * symbols_];
                surprise -= log_p[x[p][s]];
                float good[MAX_MELODIES];
                for (int m = 0; m < count_; m++) {
                    const int option = heard_[m * STEPS + s];
                    good[m] = log_p[option] - (option >= ONSET ? more : 0.0f);
                }
                for (int k = 0; k < STEPS; k++) gains[s * STEPS + k] += good[source[p][k]];
            }
            cost += surprise + ONSETS * std::abs(lost);
        }
    }
    for (int i = 0; i < STEPS * STEPS; i++) gains[i] /= static_cast<float>(all);
    return cost / static_cast<float>(all);
}

// In each half bar the two steps that gain most by it exchange their races.
void Chart::exchange(float *race, const float *gains) const {
    bool differs[STEPS] = {};
    for (int s : order_) differs[s] = true;
    for (int half = 0; half < STEPS; half += HALF_BAR) {
        float most = LEAST_GAIN;
        int a = -1, b = -1;
        for (int i = half; i < half + HALF_BAR; i++)
            for (int j = half; j < half + HALF_BAR; j++) {
                if (!differs[i] || !differs[j]) continue;
                const float gain = gains[i * STEPS + j] + gains[j * STEPS + i] - gains[i * STEPS + i] - gains[j * STEPS + j];
                if (gain <= most) continue;
                most = gain;
                a = i;
                b = j;
            }
        if (a >= 0) std::swap_ranges(&race[a * count_], &race[a * count_] + count_, &race[b * count_]);
    }
}

} // namespace latentmix
