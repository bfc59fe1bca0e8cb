#include "pickup.hpp"

#include <algorithm>
#include <cmath>

#include "../engine/maths.hpp"
#include "../engine/melody.hpp"
#include "../engine/order.hpp"

namespace latentmix {
namespace {

constexpr double MARGIN = 0.98, SURE_BARS = 32, TYPICAL_BARS = 8;
constexpr std::size_t MIN_NOTES = 12;
constexpr int MAX_BARS = 64, LEAP = 4;

// LilyPond tells of no pickup, nor does abc2midi where it does not accent.
bool never_tells(const MidiTune &tune, const MidiPart &part) {
    if (tune.writer != Writer::ABC2MIDI) return tune.writer == Writer::LILYPOND;
    return std::all_of(part.notes.begin(), part.notes.end(), [&](const MidiNote &n) { return n.velocity == part.notes[0].velocity; });
}

bool has_middle(int n, int d) { return (n == 4 && (d == 4 || d == 8)) || (n == 2 && d == 2) || (n == 6 && d == 8); }
bool is_known(int n, int d) { return has_middle(n, d) || (n == 2 && d == 4) || (n == 3 && (d == 4 || d == 8)); }

struct Bars { // the notes of the first bars
    std::vector<PlacedNote> notes;
    std::vector<double> sounding, gaps; // steps
    long long length;
    int size;
    bool is_whole, has_middle;
    double median, widest;

    // What speaks for a pickup of so many steps, weighed.
    double score(int pickup) const {
        double time = 0, all = 0, on_first = 0, longs = 0, long_first = 0, long_middle = 0, leaps = 0, leap_first = 0, most = 0,
               most_first = 0, most_middle = 0, begins = 0, sounds = 0, lines = 0;
        for (std::size_t i = 0; i < notes.size(); i++) {
            const auto place = static_cast<int>(((notes[i].start - pickup) % size + size) % size);
            const bool is_first = place == 0, is_middle = has_middle && 2 * place == size;
            const bool is_long = sounding[i] >= 1.5 * median, is_most = gaps[i] >= widest;
            const bool is_leap = i && notes[i].pitch - notes[i - 1].pitch >= LEAP;
            time += sounding[i];
            on_first += is_first * sounding[i];
            longs += is_long;
            long_first += is_long && is_first;
            long_middle += is_long && is_middle;
            leaps += is_leap;
            leap_first += is_leap && is_first;
            most += is_most;
            most_first += is_most && is_first;
            most_middle += is_most && is_middle;
        }
        std::size_t at = 0;
        for (long long line = pickup ? pickup : size; line < length; line += size) {
            while (at + 1 < notes.size() && notes[at + 1].start <= line) at++;
            lines++;
            begins += notes[at].start == line;
            sounds += notes[at].start != line && notes[at].end > line;
        }
        all = std::max(lines, 1.0);
        const double scale = std::sqrt(std::min(static_cast<double>(length) / size, SURE_BARS) / TYPICAL_BARS);
        const auto share = [](double count, double of) { return count / std::max(of, 1.0); };
        const double of_bars = 1.59 * (pickup == 0) + 2.15 * (pickup > 0 && 4 * pickup <= size) - 2.31 * (2 * pickup > size) +
                               1.70 * (pickup % 2 == 0) + 2.78 * (is_whole && pickup && (length - pickup) % size == 0);
        return of_bars + scale * (6.93 * on_first / time + 1.70 * share(long_first, longs) + 2.11 * share(long_middle, longs) +
                                  5.40 * begins / all - 6.73 * sounds / all + 0.54 * share(leap_first, leaps) +
                                  1.02 * share(most_first, most) + 1.18 * share(most_middle, most));
    }
};

double quantile(std::vector<double> values, double share) {
    sort_values(values);
    const double at = share * (static_cast<double>(values.size()) - 1);
    const auto low = static_cast<std::size_t>(at);
    const double high = values[std::min(low + 1, values.size() - 1)];
    return values[low] + (high - values[low]) * (at - static_cast<double>(low));
}

int estimate(const std::vector<PlacedNote> &notes, const Metre &metre, long long length) { // steps
    const int size = steps_per_bar(metre.numerator, metre.denominator);
    if (!is_known(metre.numerator, metre.denominator) || notes.size() < MIN_NOTES || notes[0].start >= size) return 0;
    Bars bars = {notes, {}, {}, length, size, true, has_middle(metre.numerator, metre.denominator), 0, 0};
    while (bars.notes.back().start >= MAX_BARS * size) bars.notes.pop_back();
    bars.is_whole = bars.notes.size() == notes.size();
    if (!bars.is_whole) bars.length = bars.notes.back().end;
    for (std::size_t i = 0; i < bars.notes.size(); i++) {
        const PlacedNote &note = bars.notes[i];
        const long long next = i + 1 < bars.notes.size() ? bars.notes[i + 1].start : note.end;
        bars.sounding.push_back(static_cast<double>(std::max(std::min({note.end, next, note.start + size}) - note.start, 1LL)));
        bars.gaps.push_back(static_cast<double>(std::min(std::max(next - note.start, 1LL), 2LL * size)));
    }
    bars.median = quantile(bars.sounding, 0.5);
    bars.widest = quantile(bars.gaps, 0.9);
    std::vector<double> scores;
    for (int pickup = 0; pickup < size; pickup++) scores.push_back(bars.score(pickup));
    const auto best = std::max_element(scores.begin(), scores.end());
    double total = 0;
    for (const double each : scores) total += exponential_of(each - *best);
    return 1 / total >= MARGIN ? static_cast<int>(best - scores.begin()) : 0;
}

// How many notes sound on where bars of some beats begin, one of them at a beat.
long long bars_under_notes(const MidiTune &tune, double first, double size) {
    long long count = 0;
    for (const MidiPart &part : tune.parts)
        for (const MidiNote &note : part.notes)
            count += std::ceil((note.end - first) / size - 0.01) - 1 > std::floor((note.start - first) / size + 0.01);
    return count;
}

} // namespace

double untold_pickup(const MidiTune &tune, const MidiPart &part, const GridLine &line) {
    if (!never_tells(tune, part) || line.sections[0].beat != 0.0 || line.is_free) return 0.0;
    const Metre &metre = line.sections[0].metre;
    if (line.sections.size() > 1) { // a new metre begins with a bar
        const double left = remainder_of(line.sections[1].beat, metre.beats());
        const double rest = std::nearbyint(left * 2 * STEPS_A_BEAT) / (2 * STEPS_A_BEAT);
        return rest < metre.beats() ? rest : 0.0;
    }
    const auto length = static_cast<long long>(std::nearbyint((tune.length - line.lateness) * STEPS_A_BEAT));
    const double pickup = estimate(line.notes, metre, length) / static_cast<double>(STEPS_A_BEAT);
    const auto tied = [&](double beats) { return bars_under_notes(tune, line.lateness + beats, metre.beats()); };
    return pickup > 0 && tied(pickup) <= tied(0.0) ? pickup : 0.0;
}

} // namespace latentmix
