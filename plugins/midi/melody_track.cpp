#include "melody_track.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "names.hpp"
#include "../engine/order.hpp"

namespace latentmix {
namespace {

constexpr int LOW = 48, HIGH = 84;            // C3 to C6, where people sing
constexpr std::size_t MIN_SYLLABLES = 8, MAX_MEETINGS = 200000; // fewer are a title or a count; of more no shift is tried
constexpr double SUNG = 0.5, WELL_SUNG = 0.75, MAX_SHIFT = 2.0, SUNG_ALONE = 0.4, ALONE = 0.1, SAME_COUNT = 1.4;
constexpr double AS_WELL_SUNG = 0.95, AS_WELL_SUNG_NAMED = 0.85;
constexpr double SUNG_SHIFTED = 0.65, SHIFTED = 0.9, SYLLABLE_TOLERANCE = 0.13, FIRST_GOES_BEFORE = 1.5;
constexpr double OVERLAP = 0.05; // quarter notes that legato may last

double from_nearest(const std::vector<double> &places, double at, double moved) { // places ascend, and are moved
    const auto after = std::lower_bound(places.begin(), places.end(), at - moved);
    double best = 1e18;
    if (after != places.end()) best = std::abs(*after + moved - at);
    if (after != places.begin()) best = std::min(best, std::abs(*(after - 1) + moved - at));
    return best;
}

// How well onsets and syllables meet: the harmonic mean of the shares of both.
double meeting(const std::vector<double> &onsets, const std::vector<double> &syllables, double shift) {
    const auto from = std::lower_bound(onsets.begin(), onsets.end(), syllables.front() + shift - 1);
    const auto to = std::upper_bound(onsets.begin(), onsets.end(), syllables.back() + shift + 1);
    if (from >= to) return 0.0;
    const std::vector<double> inside(from, to);
    double recall = 0, precision = 0;
    for (const double each : syllables) recall += from_nearest(inside, each + shift, 0.0) < SYLLABLE_TOLERANCE;
    for (const double each : inside) precision += from_nearest(syllables, each, shift) < SYLLABLE_TOLERANCE;
    recall /= static_cast<double>(syllables.size());
    precision /= static_cast<double>(inside.size());
    return 2 * recall * precision / std::max(recall + precision, 1e-9);
}

double sung(const MidiPart &part, const std::vector<double> &syllables, std::size_t parts) { // below 0 without lyrics
    if (syllables.size() < MIN_SYLLABLES) return -1.0;
    std::vector<double> onsets;
    for (const MidiNote &note : part.notes)
        if (onsets.empty() || onsets.back() != note.start) onsets.push_back(note.start);
    const double best = meeting(onsets, syllables, 0.0);
    if (best >= WELL_SUNG || parts * syllables.size() > MAX_MEETINGS) return best;
    double shifted = 0.0; // words may be shown before they are sung
    for (int i = 0; i <= 40; i++) shifted = std::max(shifted, meeting(onsets, syllables, -MAX_SHIFT + 0.1 * i));
    return shifted >= SUNG_SHIFTED ? std::max(best, SHIFTED * shifted) : best;
}

// Share of the notes that start while another sounds.
double polyphony(const std::vector<MidiNote> &notes) {
    double until = notes[0].end, count = 0;
    for (std::size_t i = 1; i < notes.size(); i++) {
        count += notes[i].start - notes[i - 1].start < OVERLAP || until - notes[i].start > OVERLAP;
        until = std::max(until, notes[i].end);
    }
    return count / static_cast<double>(notes.size());
}

// Whether a part is what is sung though its lyrics drift.
bool is_sung_alone(const MidiPart &part, double share, const std::vector<double> &syllables) {
    if (share < SUNG_ALONE || polyphony(part.notes) > ALONE) return false;
    double count = 0;
    for (const MidiNote &note : part.notes) count += note.start >= syllables.front() - 1 && note.start <= syllables.back() + 1;
    count /= static_cast<double>(syllables.size());
    return count >= 1 / SAME_COUNT && count <= SAME_COUNT;
}

// How much notes run on in equal lengths and by leaps.
double monotony(const std::vector<MidiNote> &notes) {
    if (notes.size() < 8) return 0.0;
    std::vector<double> gaps;
    double leaps = 0, most = 0, run = 0;
    for (std::size_t i = 1; i < notes.size(); i++) {
        gaps.push_back(std::nearbyint((notes[i].start - notes[i - 1].start) * 12));
        leaps += std::abs(notes[i].pitch - notes[i - 1].pitch) > 2;
    }
    sort_values(gaps);
    for (std::size_t i = 0; i < gaps.size(); i++) {
        run = i && gaps[i] == gaps[i - 1] ? run + 1 : 1;
        most = std::max(most, run);
    }
    const auto n = static_cast<double>(gaps.size());
    return std::max(most / n - 0.5, 0.0) * 2 * (0.4 + 0.6 * leaps / n);
}

double score_of(const MidiPart &part, double length) {
    bool is_there[128] = {};
    double in_range = 0.0, pitches = 0, spans = 0, last = -1e18;
    for (const MidiNote &note : part.notes) {
        pitches += !is_there[note.pitch];
        is_there[note.pitch] = true;
        in_range += note.pitch >= LOW && note.pitch <= HIGH;
        const double span = std::floor(note.start / 2);
        spans += span != last;
        last = span;
    }
    const double cover = std::min(2 * spans / std::max(length / 2, 1.0), 1.0);
    return (1.0 - polyphony(part.notes)) * (in_range / static_cast<double>(part.notes.size())) * std::min(pitches / 6, 1.0) * cover *
           (1.0 - 0.75 * monotony(part.notes));
}

struct Candidate {
    const MidiPart *part;
    double sung, claim, score;
    bool is_sung;
};

} // namespace

const MidiPart *melody_part(const MidiTune &tune) {
    std::vector<Candidate> all;
    double most = 0.0;
    std::size_t chunks = 0;
    int chunk = -1;
    for (const MidiPart &part : tune.parts) {
        if (part.is_drum) continue;
        all.push_back({&part, sung(part, tune.syllables, tune.parts.size()), 0.0, score_of(part, tune.length), false});
        most = std::max(most, all.back().sung);
        chunks += part.chunk != chunk;
        chunk = part.chunk;
    }
    if (all.empty()) return nullptr;
    double best_sung = 0.0;
    std::vector<std::string> unclaimed;
    for (Candidate &each : all) {
        const std::string &name = each.part->name;
        std::size_t alike = 0;
        for (const Candidate &other : all) alike += other.part->name == name;
        const bool is_title = chunks == 1 || (alike > 2 && alike == all.size()); // the tune's name
        each.claim = is_title ? 0.0 : melody_claim(name, tune.names.size() > 1 && name == tune.names[0]);
        if (each.claim == 0.0) unclaimed.push_back(name);
        each.is_sung = each.sung >= SUNG || (each.sung >= 0 && most < SUNG && is_sung_alone(*each.part, each.sung, tune.syllables));
        if (each.is_sung) best_sung = std::max(best_sung, each.sung);
    }
    const bool are_numbered = are_parts(unclaimed);
    const Candidate *best = nullptr;
    for (Candidate &each : all) {
        each.is_sung = each.is_sung && each.sung >= (each.claim > 0 ? AS_WELL_SUNG_NAMED : AS_WELL_SUNG) * best_sung;
        if ((each.claim > 0 || (are_numbered && each.claim == 0.0)) && part_number(each.part->name) == 1) each.score *= FIRST_GOES_BEFORE;
        const bool is_better = !best || (each.is_sung != best->is_sung ? each.is_sung
                                         : each.claim != best->claim   ? each.claim > best->claim
                                                                       : each.score > best->score);
        if (is_better) best = &each;
    }
    return best->part;
}

} // namespace latentmix
