#include "lower_voice.hpp"

#include <algorithm>
#include <cmath>

namespace latentmix {
namespace {

using Notes = std::vector<MidiNote>;
using Mask = std::vector<bool>;
using Values = std::vector<double>;

constexpr double BESIDE = 0.45, ON_BEAT = 0.01, CLICK = 0.12, NOTHING = -1e18;
constexpr int BELOW = 7, ROUNDS = 8;
constexpr std::size_t MIN_SEEDS = 3, NEAR = 3, WIDE = 8, WIDER = 64, MAX_ACTIVE = 32;

std::size_t count_of(const Mask &mask) { return static_cast<std::size_t>(std::count(mask.begin(), mask.end(), true)); }

// For how long a note has others beside it, which come by their starts.
struct Cover {
    double until, time;

    void add(double start, double end) {
        if (end <= until) return;
        time += end - std::max(start, until);
        until = end;
    }
};

// Which notes have others under them, and above them, for a good part of their length.
void find_beside(const Notes &notes, Mask &over, Mask &under) {
    std::vector<Cover> lower, higher;
    for (const MidiNote &note : notes) {
        lower.push_back({note.start, 0.0});
        higher.push_back({note.start, 0.0});
    }
    std::vector<std::size_t> active;
    double until = notes[0].end;
    std::size_t before = notes.size();
    for (std::size_t i = 1; i < notes.size(); i++) {
        const double start = notes[i].start;
        const bool overlaps = start < until || start == notes[i - 1].start;
        until = std::max(until, notes[i].end);
        if (!overlaps) continue;
        if (i - 1 != before) active.assign(1, i - 1);
        before = i;
        active.erase(std::remove_if(active.begin(), active.end(), [&](std::size_t each) { return notes[each].end <= start; }), active.end());
        if (active.size() > MAX_ACTIVE) active.erase(active.begin(), active.end() - static_cast<std::ptrdiff_t>(MAX_ACTIVE));
        for (const std::size_t each : active) {
            if (notes[each].pitch == notes[i].pitch) continue;
            const bool is_above = notes[each].pitch > notes[i].pitch;
            const double end = std::min(notes[each].end, notes[i].end);
            lower[is_above ? each : i].add(start, end);
            higher[is_above ? i : each].add(start, end);
        }
        active.push_back(i);
    }
    for (std::size_t i = 0; i < notes.size(); i++) {
        const double least = BESIDE * (notes[i].end - notes[i].start) - 1e-9;
        over[i] = lower[i].time > 0 && lower[i].time >= least;
        under[i] = higher[i].time > 0 && higher[i].time >= least;
    }
}

// What the chosen notes that are nearest to each note have.
class Nearest {
  public:
    Nearest(const Notes &notes, const Values &values, const Mask &chosen) : notes_(notes) {
        for (std::size_t i = 0; i < notes.size(); i++)
            if (chosen[i]) {
                starts_.push_back(notes[i].start);
                values_.push_back(values[i]);
            }
    }

    Values highest(std::size_t count) const { // so many before and after each
        Values out(notes_.size(), NOTHING);
        for (std::size_t i = 0, at = 0; i < notes_.size(); i++) {
            at = place(at, notes_[i].start);
            const std::size_t first = at > count ? at - count : 0, last = std::min(at + count, values_.size());
            if (i && notes_[i].start == notes_[i - 1].start) out[i] = out[i - 1];
            else
                for (std::size_t k = first; k < last; k++) out[i] = std::max(out[i], values_[k]);
        }
        return out;
    }

    Values level() const { // mean
        Values total = {0.0}, out;
        for (const double value : values_) total.push_back(total.back() + value);
        for (std::size_t i = 0, at = 0; i < notes_.size(); i++) {
            at = place(at, notes_[i].start);
            const std::size_t first = at > NEAR ? at - NEAR : 0, last = std::min(at + NEAR, values_.size());
            out.push_back((total[last] - total[first]) / static_cast<double>(std::max<std::size_t>(last - first, 1)));
        }
        return out;
    }

  private:
    std::size_t place(std::size_t at, double start) const {
        while (at < starts_.size() && starts_[at] < start) at++;
        return at;
    }

    const Notes &notes_;
    Values starts_, values_;
};

struct Voices {
    const Notes &notes;
    Values pitch;

    // Which notes are closer to the nearest notes of one voice than to those of another.
    Mask closer(const Mask &one, const Mask &other) const {
        const Values mine = Nearest(notes, pitch, one).level(), theirs = Nearest(notes, pitch, other).level();
        Mask out(notes.size());
        for (std::size_t i = 0; i < notes.size(); i++) out[i] = std::abs(pitch[i] - mine[i]) < std::abs(pitch[i] - theirs[i]);
        return out;
    }

    // Which of the notes on top are the top of a chord of the accompaniment, in a rest of the tune.
    Mask accompaniment(const Mask &upper, const Mask &lower) const {
        const std::size_t n = notes.size();
        Values together(n), under(n);
        for (std::size_t i = 0, stop = 0; i < n; i = stop) {
            double count = 0;
            for (stop = i; stop < n && notes[stop].start == notes[i].start; stop++) count += lower[stop];
            for (std::size_t k = i; k < stop; k++) {
                together[k] = static_cast<double>(stop - i);
                under[k] = count;
            }
        }
        const Values high = Nearest(notes, pitch, lower).highest(WIDER), most = Nearest(notes, under, lower).highest(WIDER);
        Mask found(n), rest = upper;
        for (int round = 0; round < ROUNDS; round++) {
            const Values around = Nearest(notes, pitch, rest).highest(WIDE);
            bool has_more = false;
            for (std::size_t i = 0; i < n; i++) {
                const bool may_be = upper[i] && pitch[i] <= high[i] && together[i] <= most[i];
                if (!may_be || found[i] || pitch[i] >= around[i] - BELOW) continue;
                found[i] = has_more = true;
                rest[i] = false;
            }
            if (!has_more) break;
        }
        Mask all = lower;
        for (std::size_t i = 0; i < n; i++) all[i] = lower[i] || found[i];
        const Mask near = closer(all, rest);
        for (std::size_t i = 0; i < n; i++) found[i] = found[i] && near[i];
        return found;
    }

    // Whether all notes that lie under others are of close chords of one voice.
    bool are_chords(const Mask &lower) const {
        if (lower[0]) return false;
        for (std::size_t i = 1; i < notes.size(); i++) {
            const MidiNote &a = notes[i - 1], &b = notes[i];
            const bool is_of_chord = b.start - a.start < ON_BEAT && std::abs(b.end - a.end) < CLICK && std::abs(b.pitch - a.pitch) <= BELOW;
            if (lower[i] && !is_of_chord) return false;
        }
        return true;
    }
};

} // namespace

Mask lower_voice(const Notes &notes) {
    const std::size_t n = notes.size();
    Mask over(n), under(n), below(n);
    if (!n) return below;
    find_beside(notes, over, under);
    Mask upper(n);
    for (std::size_t i = 0; i < n; i++) upper[i] = over[i] && !under[i];
    const std::size_t seeds = count_of(upper);
    if (seeds < MIN_SEEDS || static_cast<double>(seeds) < 0.05 * static_cast<double>(n) || !count_of(under)) return below;
    Voices voices = {notes, {}};
    for (const MidiNote &note : notes) voices.pitch.push_back(note.pitch);
    const Mask accompanying = voices.accompaniment(upper, under);
    for (std::size_t i = 0; i < n; i++) upper[i] = upper[i] && !accompanying[i];
    Mask lower = under;
    const Values level = Nearest(notes, voices.pitch, upper).level();
    for (int round = 0; round < ROUNDS; round++) {
        const Mask near = voices.closer(lower, upper);
        Mask found(n);
        for (std::size_t i = 0; i < n; i++) found[i] = voices.pitch[i] < level[i] - BELOW && !upper[i] && near[i];
        if (found == below) break;
        for (std::size_t i = 0; i < n; i++) lower[i] = lower[i] || found[i];
        below = found;
    }
    if (count_of(below) && voices.are_chords(under)) {
        Values turned;
        for (const double pitch : voices.pitch) turned.push_back(-pitch);
        const Values deepest = Nearest(notes, turned, under).highest(WIDE);
        for (std::size_t i = 0; i < n; i++) below[i] = below[i] && voices.pitch[i] < -deepest[i];
    }
    return below;
}

} // namespace latentmix
