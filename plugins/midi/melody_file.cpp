#include "melody_file.hpp"

#include <algorithm>
#include <cmath>

#include "grid.hpp"
#include "melody_track.hpp"
#include "pickup.hpp"
#include "../engine/line.hpp"
#include "../engine/order.hpp"

namespace latentmix {
namespace {

constexpr double MAX_LATENESS = 1.0, MAIN_SHARE = 1 / 3.0;

// Onsets of the other parts, where grace notes of theirs may have pushed the chosen one.
std::vector<double> others_of(const MidiTune &tune, const MidiPart &chosen) {
    std::vector<double> out;
    const double first = chosen.notes[0].start;
    if (!(first > 0 && first <= MAX_LATENESS) || chosen.timeline != tune.parts[0].timeline) return out;
    for (const MidiPart &part : tune.parts)
        for (const MidiNote &note : part.notes)
            if (&part != &chosen) out.push_back(note.start);
    return out;
}

struct Share {
    double tempo, beats;
};

// The tempo at which most of what sounds does; the median where it changes all the time.
double tempo_of(const Timeline &timeline, const GridLine &line, std::size_t first, std::size_t last, long long end) {
    const std::vector<Timeline::Tempo> &tempi = timeline.tempi;
    const double origin = line.sections[0].beat + line.lateness;
    std::vector<Share> shares;
    double until = 0, total = 0;
    const auto beat = [&](long long step) { return origin + static_cast<double>(step) / STEPS_A_BEAT; };
    for (std::size_t i = first; i < last; i++) until = std::max(until, beat(std::min(line.notes[i].end, end)));
    for (std::size_t k = 0; k < tempi.size(); k++) {
        const double low = k ? tempi[k].at : -1e18, high = k + 1 < tempi.size() ? tempi[k + 1].at : 1e18;
        if (low > until || high <= beat(line.notes[first].start)) continue;
        double sum = 0;
        for (std::size_t i = first; i < last; i++)
            sum += std::max(std::min(beat(std::min(line.notes[i].end, end)), high) - std::max(beat(line.notes[i].start), low), 0.0);
        if (sum <= 0) continue;
        total += sum;
        shares.push_back({tempi[k].tempo, sum});
    }
    if (shares.empty()) return timeline.tempo_at(beat(line.notes[first].start));
    sort_rows(shares, [](const Share &a, const Share &b) { return a.tempo < b.tempo; });
    for (std::size_t i = shares.size() - 1; i > 0; i--)
        if (shares[i].tempo == shares[i - 1].tempo) { // those of one tempo together
            shares[i - 1].beats += shares[i].beats;
            shares[i].beats = 0;
        }
    Share main = shares[0];
    for (const Share &each : shares)
        if (each.beats >= main.beats) main = each;
    if (main.beats >= MAIN_SHARE * total) return main.tempo;
    double passed = 0;
    for (const Share &each : shares) {
        passed += each.beats;
        if (passed >= total / 2) return each.tempo;
    }
    return main.tempo;
}

} // namespace

bool has_fitting_bars(const BarLine &bar, std::string &problem) {
    if (fits_a_window(bar.numerator, bar.denominator)) return true;
    problem = Line("expected bars of at most 32 sixteenths, found ")
                  .add(static_cast<std::uint64_t>(bar.numerator))
                  .add("/")
                  .add(static_cast<std::uint64_t>(bar.denominator))
                  .text();
    return false;
}

bool melody_of(const MidiTune &tune, Melody &out, std::string &problem) {
    const MidiPart *part = melody_part(tune);
    if (!part) {
        problem = "expected a melody, found only drums";
        return false;
    }
    const Timeline &timeline = tune.timeline_of(*part);
    const std::vector<double> others = others_of(tune, *part);
    GridLine line = place(part->notes, timeline.metres, others);
    if (const double pickup = untold_pickup(tune, *part, line); pickup > 0) {
        Metre whole = line.sections[0].metre;
        whole.at = 0.0;
        std::vector<Metre> metres = {whole, whole};
        metres[1].at = line.lateness + pickup;
        for (std::size_t i = 1; i < timeline.metres.size(); i++) metres.push_back(timeline.metres[i]);
        line = place(part->notes, metres, others);
    }
    const BarLine bar = bar_of_step(line.sections, line.notes[0].start);
    if (!has_fitting_bars(bar, problem)) return false;
    const int steps = FILE_BARS * steps_per_bar(bar.numerator, bar.denominator);
    const long long end = bar.step + steps;
    out.numerator = bar.numerator;
    out.denominator = bar.denominator;
    out.program = part->program;
    out.tokens.assign(static_cast<std::size_t>(steps) + 1, HOLD); // the last one is for ends only
    std::size_t first = 0, last = 0;
    while (line.notes[first].start < bar.step) first++;
    for (last = first; last < line.notes.size() && line.notes[last].start < end; last++)
        out.tokens[static_cast<std::size_t>(std::min(line.notes[last].end, end) - bar.step)] = OFF;
    for (std::size_t i = first; i < last; i++) out.tokens[static_cast<std::size_t>(line.notes[i].start - bar.step)] = ONSET + line.notes[i].pitch;
    out.tokens.pop_back();
    tidy(out.tokens);
    out.tempo = std::min(std::max(static_cast<float>(tempo_of(timeline, line, first, last, end)), 1.0f), 9999.0f);
    return true;
}

} // namespace latentmix
