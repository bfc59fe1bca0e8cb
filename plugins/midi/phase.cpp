#include "phase.hpp"

#include <algorithm>
#include <cmath>

#include "bars.hpp"
#include "../engine/maths.hpp"
#include "../engine/order.hpp"

namespace latentmix {
namespace {

using Onsets = std::vector<double>;

constexpr double EXACT = 0.006, EXACT_SHARE = 0.7, MANY_WRITTEN = 0.45, THROUGHOUT = 0.25, FREE_DEVIATION = 0.05, NEAR_DEVIATION = 0.15, SAME_STEPS = 0.9;
constexpr double FAR_SWUNG = 10, LEAST_FAR_SWUNG = 0.25, FAR_SWUNG_SHARE = 0.9; // the former of the 12 places of triplets of 32nds in an eighth
constexpr double MIN_CLEAR = 0.3, MAX_GRACE_GAP = 0.21, MAX_GRACE = 0.26, MAX_LATENESS = 1.0, MAX_UNTOLD = 0.22;
constexpr std::size_t FOLLOWED = 4, MIN_FOLLOWED = 16, MAX_GRACES = 6;
constexpr double STEP = 1.0 / STEPS_A_BEAT;

double off_whole(double x) { return std::abs(x - std::nearbyint(x)); }

Onsets moved(const Onsets &onsets, double by, std::size_t from = 0) {
    Onsets out(onsets.begin() + static_cast<std::ptrdiff_t>(from), onsets.end());
    for (double &each : out) each += by;
    return out;
}

template <class Test> double share(const Onsets &onsets, Test test) {
    double count = 0;
    for (const double each : onsets) count += test(each);
    return count / static_cast<double>(onsets.size());
}

// Whether a place within a beat is one that notation knows: sixteenths, triplets, and halves and quarters of both.
bool is_place(double onset) {
    const double phase = onset - std::floor(onset);
    return std::min(off_whole(phase * 16) / 16, off_whole(phase * 24) / 24) < EXACT;
}

bool is_written(const Onsets &onsets) { return share(onsets, is_place) >= EXACT_SHARE; }

bool is_on_step(double onset) { return off_whole(onset * STEPS_A_BEAT) < STEPS_A_BEAT * EXACT; }

// Share of onsets on beats, half a beat counting half.
double on_beats(const Onsets &onsets) {
    return share(onsets, [](double each) { return ((off_whole(each) < EXACT) + (off_whole(2 * each) < EXACT)) / 2.0; });
}

// Whether most onsets stand at a few places of their beat: swing of any ratio, say.
bool has_few_places(const Onsets &onsets) {
    if (share(onsets, is_on_step) < MANY_WRITTEN) return false;
    std::vector<int> counts(96);
    for (const double each : onsets) counts[static_cast<std::size_t>(std::floor(remainder_of(each, 1.0) * 96 + 0.5)) % 96]++;
    sort_rows(counts, [](int a, int b) { return a > b; });
    std::size_t needed = 0;
    double sum = 0;
    while (needed < 96 && sum < 0.8 * static_cast<double>(onsets.size())) sum += counts[needed++];
    return needed <= std::min<std::size_t>(12, std::max<std::size_t>(3, onsets.size() / 8));
}

// Whether sixteenths are swung so far that the second of two is nearer to the next eighth than to its own place.
bool is_swung_far(const Onsets &onsets) {
    const auto is_at = [](double each, double place) {
        return off_whole(each * 24) < 24 * EXACT && remainder_of(std::nearbyint(each * 24), 12.0) == place;
    };
    const double before = share(onsets, [&](double each) { return is_at(each, FAR_SWUNG); });
    return before >= LEAST_FAR_SWUNG && before + share(onsets, [&](double each) { return is_at(each, 0.0); }) >= FAR_SWUNG_SHARE;
}

// What other parts play before the first of some onsets, if it may push all that follows.
Onsets before(const Onsets &onsets, const Onsets &others) {
    const double first = onsets[0];
    if (others.empty() || first <= EXACT || first > MAX_LATENESS) return {};
    Onsets rest, out;
    for (const double each : others) (each > first - EXACT ? rest : out).push_back(each);
    if (!rest.empty() && on_beats(moved(rest, -first)) < on_beats(rest)) return {};
    sort_values(out);
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

// Whether what is so of some onsets is so all along, and not of one of two takes alone.
template <class So> bool is_throughout(const Onsets &onsets, So is_so) {
    const std::size_t parts = std::max<std::size_t>(1, std::min<std::size_t>(4, onsets.size() / 4));
    auto at = onsets.begin();
    for (std::size_t part = 0; part < parts; part++) {
        const auto size = static_cast<std::ptrdiff_t>(onsets.size() / parts + (part < onsets.size() % parts));
        if (share(Onsets(at, at + size), is_so) < THROUGHOUT) return false;
        at += size;
    }
    return true;
}

// Beats by which all is late without a note before, where it is on steps once they are taken away.
double held_back(const Onsets &onsets) {
    const double late = remainder_of(onsets[0], STEP);
    if (late <= 0.5 * STEP + 1e-6 || late >= MAX_UNTOLD || onsets.size() < 6) return 0.0;
    const Onsets rest = moved(onsets, -late);
    const bool is_of_triplet = off_whole(late * 24) < 24 * EXACT;
    const bool is_swung = !is_of_triplet && is_throughout(rest, is_on_step) && has_few_places(rest);
    if (!is_swung && share(rest, is_on_step) < 0.9) return 0.0;
    return on_beats(rest) >= on_beats(moved(rest, STEP)) ? late : 0.0;
}

// Beats that short notes at the very start take.
double pushed_by_graces(const Onsets &own, const Onsets &others) {
    Onsets onsets = others;
    onsets.insert(onsets.end(), own.begin(), own.end());
    if (onsets.size() < 6 || onsets[0] > EXACT || onsets[1] - onsets[0] > MAX_GRACE_GAP) return 0.0;
    std::size_t first = 0;
    const std::size_t gaps = std::min(onsets.size(), MAX_GRACES + 2) - 1;
    while (first < gaps && onsets[first + 1] - onsets[first] <= MAX_GRACE_GAP) first++;
    if (!first || first == gaps) return 0.0;
    const double late = onsets[first];
    if (late > MAX_LATENESS || off_whole(late) < EXACT) return 0.0;
    const Onsets rest(onsets.begin() + static_cast<std::ptrdiff_t>(first), onsets.end()), without = moved(rest, -late);
    if (on_beats(without) >= 0.9 && on_beats(rest) < 0.6) return late;
    return 1 - share(without, is_on_step) <= 0.05 && 1 - share(rest, is_on_step) >= 0.95 ? late : 0.0;
}

// Whether a lateness is small, or what stands before it are grace notes.
bool may_be_late(const Onsets &onsets, double late, const Onsets &others) {
    if (std::abs(late) <= 0.5 * STEP) return onsets[0] >= late - EXACT || late > 0;
    Onsets graces = others;
    for (const double each : onsets)
        if (each < late - EXACT) graces.push_back(each);
    if (late <= 0 || graces.empty()) return false;
    graces.push_back(late);
    for (std::size_t i = 1; i < graces.size(); i++)
        if (graces[i] - graces[i - 1] > MAX_GRACE) return false;
    return true;
}

// The phase within a step that most onsets share, with whole steps that bring most to a beat.
double lateness(const Onsets &onsets, const Onsets &others) {
    if (onsets.size() < 4) return 0.0;
    std::vector<int> counts(1001);
    for (const double each : onsets) counts[static_cast<std::size_t>(std::nearbyint(remainder_of(each * STEPS_A_BEAT, 1.0) * 1000))]++;
    double common = static_cast<double>(std::max_element(counts.begin(), counts.end()) - counts.begin()) / 1000 / STEPS_A_BEAT;
    Onsets near;
    const auto phase_of = [](double onset) { return remainder_of(onset * STEPS_A_BEAT, 1.0) / STEPS_A_BEAT; };
    const auto is_near = [&, at = common](double onset) { return std::abs(phase_of(onset) - at) < EXACT; };
    for (const double each : onsets)
        if (is_near(each)) near.push_back(phase_of(each));
    if (near.empty()) return 0.0;
    sort_values(near);
    common = (near[near.size() / 2] + near[(near.size() - 1) / 2]) / 2;
    if (common < EXACT || static_cast<double>(near.size()) < 0.5 * static_cast<double>(onsets.size())) return 0.0;
    const Onsets on_time = moved(onsets, -common);
    if (!is_written(on_time) && !(is_throughout(onsets, is_near) && has_few_places(on_time))) return 0.0;
    double best = 0.0, most = -1e18;
    for (int steps = -1; steps < static_cast<int>(MAX_LATENESS * STEPS_A_BEAT); steps++) {
        const double late = common + steps * STEP, value = on_beats(moved(onsets, -late)) - 1e-6 * std::abs(late);
        if (value <= most) continue;
        most = value;
        best = late;
    }
    return may_be_late(onsets, best, others) ? best : 0.0;
}

// How far after the file's grid the grid lies that freely played notes keep.
std::vector<double> follow(const Onsets &steps) {
    const std::size_t n = steps.size();
    std::vector<double> real = {0.0}, imaginary = {0.0}, phases(n), offsets(n);
    std::vector<bool> clear(n);
    for (const double each : steps) {
        real.push_back(real.back() + cosine(each));
        imaginary.push_back(imaginary.back() + sine(each));
    }
    std::size_t first_clear = n;
    for (std::size_t i = 0; i < n; i++) {
        const std::size_t last = std::min(i + FOLLOWED + 1, n), first = i > FOLLOWED ? i - FOLLOWED : 0;
        const double a = (real[last] - real[first]) / static_cast<double>(last - first), b = (imaginary[last] - imaginary[first]) / static_cast<double>(last - first);
        phases[i] = std::nearbyint(turns_of(b, a) * 1e6) / 1e6;
        clear[i] = std::sqrt(a * a + b * b) >= MIN_CLEAR;
        if (clear[i] && first_clear == n) first_clear = i;
    }
    double now = first_clear < n ? phases[first_clear] : 0.0;
    for (std::size_t i = 0; i < n; i++) {
        const double move = remainder_of(phases[i] - now + 0.5, 1.0) - 0.5;
        if (clear[i] && std::abs(std::abs(move) - 0.5) > 0.02) now += move;
        offsets[i] = now;
    }
    return offsets;
}

// Moved by whole steps to where most notes start on a beat, if clearly more do.
void to_beats(const Onsets &steps, std::vector<double> &offsets) {
    double counts[STEPS_A_BEAT] = {}, weights[STEPS_A_BEAT];
    for (std::size_t i = 0; i < steps.size(); i++) counts[static_cast<std::size_t>(remainder_of(std::nearbyint(steps[i] - offsets[i]), STEPS_A_BEAT))]++;
    int best = 0;
    for (int i = 0; i < STEPS_A_BEAT; i++) {
        weights[i] = counts[i] + counts[(i + 2) % STEPS_A_BEAT] / 2; // half a beat counts half
        if (weights[i] > weights[best]) best = i;
    }
    double by = weights[best] > 1.2 * weights[0] ? (best + 1) % STEPS_A_BEAT - 1 : 0;
    while (steps[0] - offsets[0] - by < -0.5) by -= STEPS_A_BEAT;
    for (double &each : offsets) each += by;
}

} // namespace

FoundGrid find_grid(const Onsets &onsets, const Onsets &others) {
    FoundGrid grid;
    Onsets steps;
    double deviation = 0;
    grid.is_plain = true;
    for (const double each : onsets) {
        steps.push_back(each * STEPS_A_BEAT);
        deviation += off_whole(steps.back()) / static_cast<double>(onsets.size());
        grid.is_plain = grid.is_plain && off_whole(steps.back()) < 1e-6;
    }
    const Onsets graces = before(onsets, others);
    double late = pushed_by_graces(onsets, graces);
    if (late == 0.0) late = held_back(onsets);
    if (late == 0.0 && (grid.is_plain || is_written(onsets))) {
        grid.is_swung = !grid.is_plain && is_swung_far(onsets);
        return grid;
    }
    if (late == 0.0) late = lateness(onsets, graces);
    if (late != 0.0) {
        grid.lateness = late;
        grid.is_plain = false;
        return grid;
    }
    if (deviation <= FREE_DEVIATION || onsets.size() < MIN_FOLLOWED) return grid;
    if ((grid.is_swung = has_few_places(onsets))) return grid;
    std::vector<double> offsets = follow(steps);
    double followed = 0, same = 0;
    for (std::size_t i = 0; i < steps.size(); i++) {
        followed += off_whole(steps[i] - offsets[i]) / static_cast<double>(steps.size());
        same += std::nearbyint(steps[i] - offsets[i]) == std::nearbyint(steps[i]);
    }
    if (followed > deviation / 2) return grid;
    const double first = offsets[0];
    to_beats(steps, offsets);
    const bool fits = deviation <= NEAR_DEVIATION && same / static_cast<double>(steps.size()) >= SAME_STEPS;
    if (!fits || static_cast<long long>(std::nearbyint(offsets[0] - first)) % 2) grid.offsets = offsets;
    return grid;
}

} // namespace latentmix
