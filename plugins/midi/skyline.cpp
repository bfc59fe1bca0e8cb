#include "skyline.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "lower_voice.hpp"
#include "../engine/order.hpp"

namespace latentmix {
namespace {

using Notes = std::vector<MidiNote>;

constexpr double ROLLED_GAP = 0.17, ROLLED_PAIR_GAP = 0.05, ROLLED_SPREAD = 0.5; // beats
constexpr double ON_BEAT = 0.01, LEGATO = 0.25, CLICK = 0.12;
constexpr int LINE_LEAP = 12, KEYSWITCHES = 36;

// They are very low, far below all others, and either as short as a click or held under other notes.
Notes without_keyswitches(const Notes &notes) {
    std::vector<int> music;
    for (const MidiNote &note : notes)
        if (note.pitch >= KEYSWITCHES) music.push_back(note.pitch);
    const auto low = static_cast<double>(notes.size() - music.size());
    if (music.size() == notes.size() || low > 0.4 * static_cast<double>(notes.size())) return notes;
    sort_values(music);
    const std::size_t middle = music.size() / 2;
    const double median = music.size() % 2 ? music[middle] : (music[middle - 1] + music[middle]) / 2.0;
    Notes out;
    double before = -1e18;
    for (std::size_t i = 0; i < notes.size(); i++) {
        const MidiNote &note = notes[i];
        const bool is_far = note.pitch < KEYSWITCHES && note.pitch < music[0] - 12 && note.pitch < median - 24;
        const double after = i + 1 < notes.size() ? notes[i + 1].start : 1e18;
        const bool is_switch = is_far && (note.end - note.start < CLICK || before > note.start || after < note.end - 0.02);
        if (!is_switch) out.push_back(note);
        before = std::max(before, note.end);
    }
    return out;
}

bool is_one_voice(const Notes &notes) {
    for (std::size_t i = 1; i < notes.size(); i++)
        if (notes[i].start < notes[i - 1].end || notes[i].start <= notes[i - 1].start) return false;
    return true;
}

// Two notes sound at a time now and then, but never begin together or near it, and never three.
bool is_line(const Notes &notes) {
    double overlaps = 0;
    for (std::size_t i = 1; i < notes.size(); i++) {
        if (notes[i].start - notes[i - 1].start < ROLLED_GAP) return false;
        if (i > 1 && notes[i - 2].end > notes[i].start + ON_BEAT) return false;
        if (notes[i - 1].end <= notes[i].start + ON_BEAT) continue;
        overlaps++;
        if (std::abs(notes[i].pitch - notes[i - 1].pitch) > LINE_LEAP) return false;
    }
    return notes.size() > 1 && overlaps / (static_cast<double>(notes.size()) - 1) <= LEGATO;
}

// After the last note of a rolled chord that begins here; just after this note where none does.
std::size_t end_of_roll(const Notes &notes, std::size_t first) {
    std::size_t stop = first + 1;
    int direction = 0;
    double ends = notes[first].end;
    while (stop < notes.size() && notes[stop].start - notes[stop - 1].start <= ROLLED_GAP) {
        const int turn = (notes[stop].pitch > notes[stop - 1].pitch) - (notes[stop].pitch < notes[stop - 1].pitch);
        const double spread = notes[stop].start - notes[first].start;
        if (!turn || (direction && turn != direction) || spread > ROLLED_SPREAD) break;
        ends = std::min(ends, notes[stop].end);
        if (ends - notes[stop].start < std::max(spread, ROLLED_PAIR_GAP)) break;
        direction = turn;
        stop++;
    }
    const bool is_pair = stop - first == 2 && notes[first + 1].start - notes[first].start <= ROLLED_PAIR_GAP;
    return stop - first > 2 || is_pair ? stop : first + 1;
}

// The notes of a rolled chord are moved to one onset.
Notes gathered(const Notes &notes) {
    bool is_rolled = false;
    for (std::size_t i = 1; i < notes.size(); i++) {
        const double gap = notes[i].start - notes[i - 1].start;
        is_rolled = is_rolled || (gap > 1e-6 && gap <= ROLLED_GAP);
    }
    if (!is_rolled) return notes;
    Notes rows = notes;
    sort_rows(rows, [](const MidiNote &a, const MidiNote &b) {
        return a.start != b.start ? a.start < b.start : a.pitch < b.pitch;
    });
    const Notes found = rows;
    std::size_t stop = 0;
    for (std::size_t i = 0; i + 1 < found.size(); i++) {
        if (i < stop || found[i + 1].start - found[i].start > ROLLED_GAP) continue;
        stop = end_of_roll(found, i);
        const double first = found[i].start, last = found[stop - 1].start;
        if (stop - i < 2 || last <= first) continue;
        const auto off = [](double at) { return std::abs(4 * at - std::nearbyint(4 * at)); };
        const bool ends_on_beat = std::abs(last - std::nearbyint(last)) < ON_BEAT && std::abs(2 * first - std::nearbyint(2 * first)) > 2 * ON_BEAT;
        const double at = off(last) + 0.05 < off(first) || ends_on_beat ? last : first;
        for (std::size_t k = i; k < stop; k++) rows[k].start = at;
    }
    for (MidiNote &note : rows) note.end = std::max(note.end, note.start + 1e-3);
    sort_rows(rows, [](const MidiNote &a, const MidiNote &b) {
        return a.start != b.start ? a.start < b.start : a.pitch > b.pitch;
    });
    return rows;
}

Notes top_line(const Notes &notes) {
    Notes out;
    double until = -1e18, begun = -1e18; // of all notes before
    for (const MidiNote &note : notes) {
        const bool overlaps = !out.empty() && (note.start < until || note.start == begun);
        until = std::max(until, note.end);
        begun = note.start;
        if (overlaps && out.back().end > note.start) {
            MidiNote &last = out.back();
            const double covered = std::min(last.end, note.end) - note.start;
            if (last.start == note.start || (note.pitch <= last.pitch && covered > (note.end - note.start) / 2)) continue;
            last.end = note.start;
        }
        out.push_back(note);
    }
    return out;
}

} // namespace

Notes skyline(const Notes &all) {
    Notes notes = without_keyswitches(all);
    if (is_one_voice(notes)) return notes;
    if (is_line(notes)) {
        for (std::size_t i = 1; i < notes.size(); i++) notes[i - 1].end = std::min(notes[i - 1].end, notes[i].start);
        return notes;
    }
    notes = gathered(notes);
    const std::vector<bool> lower = lower_voice(notes);
    Notes upper;
    for (std::size_t i = 0; i < notes.size(); i++)
        if (!lower[i]) upper.push_back(notes[i]);
    return top_line(upper);
}

} // namespace latentmix
