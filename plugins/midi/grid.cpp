#include "grid.hpp"

#include <algorithm>
#include <cmath>

#include "phase.hpp"
#include "skyline.hpp"

namespace latentmix {
namespace {

using Places = std::vector<double>;

// A note of a swung line that is late in its step goes back to it where the next step is the next note's, and so do all others
// at this place of their beat.
void set_apart(std::vector<PlacedNote> &notes, const Places &position) {
    bool meets[96] = {};
    const auto place = [&](std::size_t i) { return static_cast<std::size_t>(std::floor(position[i] * 24 + 0.5)) % 96; };
    const auto may_move = [&](std::size_t i) {
        return notes[i].start - (i ? notes[i - 1].start : -1) > 1 && position[i] < static_cast<double>(notes[i].start);
    };
    for (std::size_t i = 0; i + 1 < notes.size(); i++) meets[place(i)] |= may_move(i) && notes[i].start == notes[i + 1].start;
    for (std::size_t i = notes.size(); i-- > 0;) // from the last one on: each sees the one before where it was
        if (meets[place(i)] && may_move(i)) notes[i].start--;
}

// Which notes keep their step: the nearest, but for those that are much shorter than another.
void keep_winners(std::vector<PlacedNote> &notes, const Places &position, const Places &lengths) {
    std::vector<PlacedNote> out;
    for (std::size_t i = 0, stop = 0; i < notes.size(); i = stop) {
        double longest = 0;
        for (stop = i; stop < notes.size() && notes[stop].start == notes[i].start; stop++) longest = std::max(longest, lengths[stop]);
        std::size_t best = stop;
        double nearest = 1e18;
        for (std::size_t k = i; k < stop; k++) {
            const double off = std::nearbyint(std::abs(position[k] - static_cast<double>(notes[k].start)) * 1e6);
            if (lengths[k] < 0.5 * longest || off >= nearest) continue;
            nearest = off;
            best = k;
        }
        if (best < stop) out.push_back(notes[best]);
    }
    notes = out;
}

// Places in steps from the start of bar 0; a section that does not start on a step is moved to the nearest one.
class BarLines {
  public:
    explicit BarLines(const std::vector<Section> &sections) {
        for (const Section &each : sections) {
            lines_.push_back((each.beat - sections[0].beat) * STEPS_A_BEAT);
            moved_.push_back(static_cast<double>(each.step) - lines_.back());
        }
    }

    double place(double at) const {
        const auto after = std::upper_bound(lines_.begin(), lines_.end(), at + 1e-6);
        return at + moved_[after == lines_.begin() ? 0 : static_cast<std::size_t>(after - lines_.begin()) - 1];
    }

  private:
    Places lines_, moved_;
};

double interpolated(double x, const Places &at, const Places &values) {
    const auto after = std::upper_bound(at.begin(), at.end(), x);
    if (after == at.begin()) return values.front();
    if (after == at.end()) return values.back();
    const auto i = static_cast<std::size_t>(after - at.begin());
    return values[i - 1] + (values[i] - values[i - 1]) / (at[i] - at[i - 1]) * (x - at[i - 1]);
}

} // namespace

GridLine place(const std::vector<MidiNote> &notes, const std::vector<Metre> &metres, const std::vector<double> &others) {
    std::vector<MidiNote> line = skyline(notes);
    Places onsets, offsets;
    for (const MidiNote &note : line) onsets.push_back(note.start);
    const FoundGrid grid = find_grid(onsets, others);
    const std::vector<bool> keep = grid.is_plain ? std::vector<bool>() : merge_trills(line);
    for (std::size_t i = 0; i < grid.offsets.size(); i++)
        if (keep[i]) offsets.push_back(grid.offsets[i]);
    GridLine out;
    out.lateness = grid.lateness;
    out.is_free = !offsets.empty();
    std::vector<Metre> late = metres;
    for (Metre &each : late) each.at = std::max(each.at - grid.lateness, 0.0);
    out.sections = bar_sections(late);
    const BarLines lines(out.sections);
    Places starts, ends, position, lengths;
    for (const MidiNote &note : line) {
        starts.push_back((note.start - out.sections[0].beat) * STEPS_A_BEAT);
        ends.push_back((note.end - out.sections[0].beat) * STEPS_A_BEAT);
        lengths.push_back(note.end - note.start);
    }
    for (std::size_t i = 0; i < line.size(); i++) {
        const double by = grid.lateness * STEPS_A_BEAT;
        position.push_back(out.is_free ? starts[i] - offsets[i] : lines.place(starts[i] - by));
        ends[i] = out.is_free ? ends[i] - interpolated(ends[i], starts, offsets) : lines.place(ends[i] - by);
    }
    const double ahead = out.is_free ? STEPS_A_BEAT * std::max(0.0, std::ceil(-(position[0] + 0.5) / STEPS_A_BEAT)) : 0.0;
    long long start = 0;
    for (std::size_t i = 0; i < line.size(); i++) {
        position[i] = std::max(position[i] + ahead, 0.0);
        start = std::max(start, static_cast<long long>(std::ceil(position[i] - 0.5 - 1e-6))); // half way: the earlier one
        out.notes.push_back({start, static_cast<long long>(std::floor(ends[i] + 0.5 + 1e-6)), line[i].pitch});
    }
    if (grid.is_swung) set_apart(out.notes, position);
    for (PlacedNote &note : out.notes) note.end = std::max(note.end, note.start + 1);
    keep_winners(out.notes, position, lengths);
    for (std::size_t i = 1; i < out.notes.size(); i++) out.notes[i - 1].end = std::min(out.notes[i - 1].end, out.notes[i].start);
    return out;
}

} // namespace latentmix
