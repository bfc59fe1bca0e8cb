// Which pitches bent notes have, and which channels play one line.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "channels.hpp"

#include "order.hpp"

namespace latentmix {
namespace {

constexpr double MIN_BEND = 0.75; // semitones that a bend must move a note by, to be heard as another pitch
constexpr int MAX_WHOLE = 129; // semitones: a range has 127 and 127 hundredths
constexpr int MIN_MEMBERS = 3, MIN_STRINGS = 4;
constexpr double ROTATION = 0.25, ONE_LINE = 0.1, KIT_SHARE = 0.5;

struct Bend {
    long long tick;
    double semitones;
};

bool is_of_kit(int pitch) {
    constexpr int KIT[] = {35, 36, 37, 38, 39, 40, 42, 44, 46, 49, 51};
    return std::find(std::begin(KIT), std::end(KIT), pitch) != std::end(KIT);
}

int whole(double semitones) { return std::abs(semitones) < MIN_BEND ? 0 : static_cast<int>(std::nearbyint(semitones)); }

// Moves one note; true where `added` has become a note of its own.
bool bend(TickNote &note, const std::vector<Bend> &bends, double step, TickNote &added) {
    auto after = [&](long long tick) {
        const auto at = std::upper_bound(bends.begin(), bends.end(), tick, [](long long t, const Bend &b) { return t < b.tick; });
        return static_cast<std::size_t>(at - bends.begin());
    };
    const std::size_t first = std::max<std::size_t>(after(note.start), 1), last = std::max(after(note.end - 1), first);
    const long long stop = std::max(note.end, note.start + 1);
    auto edge = [&](std::size_t i) { return i == first - 1 ? note.start : i == last ? stop : bends[i].tick; };
    const int begins = whole(bends[first - 1].semitones), ends = whole(bends[last - 1].semitones);
    std::size_t far = last;
    for (std::size_t i = first - 1; i < last && far == last; i++)
        if (std::abs(whole(bends[i].semitones) - begins) >= 2) far = i;
    bool stays = far < last;
    for (std::size_t i = far; i < last; i++) stays = stays && whole(bends[i].semitones) == ends;
    if (stays) {
        const long long change = edge(far);
        if (static_cast<double>(change - note.start) >= step && static_cast<double>(note.end - change) >= step) {
            added = note;
            added.start = change;
            added.pitch += ends;
            note.end = change;
            note.pitch += begins;
            return true;
        }
    }
    long long sums[2 * MAX_WHOLE + 1] = {}; // ticks at each shift
    for (std::size_t i = first - 1; i < last; i++) sums[MAX_WHOLE + whole(bends[i].semitones)] += edge(i + 1) - edge(i);
    int shift = begins;
    for (std::size_t i = first - 1; i < last; i++)
        if (const int mine = whole(bends[i].semitones); sums[MAX_WHOLE + mine] > sums[MAX_WHOLE + shift]) shift = mine;
    note.pitch += shift;
    return false;
}

struct Together { // notes of some channels
    std::vector<const TickNote *> notes;

    Together(const std::vector<TickNote> &all, Channels channels) {
        for (const TickNote &note : all)
            if (has(channels, note.channel)) notes.push_back(&note);
    }

    bool take_turns() const {
        if (notes.size() < 4) return false;
        std::vector<long long> lengths;
        for (const TickNote *note : notes) lengths.push_back(note->end - note->start);
        sort_values(lengths);
        const std::size_t middle = lengths.size() / 2;
        const double median = static_cast<double>(lengths[middle] + lengths[middle - (lengths.size() % 2 == 0)]) / 2;
        double changes = 0, late = 0, chords = 0;
        long long until = notes[0]->end;
        for (std::size_t i = 1; i < notes.size(); i++) {
            changes += notes[i]->channel != notes[i - 1]->channel;
            late += static_cast<double>(until - notes[i]->start) > median / 5;
            chords += notes[i]->start == notes[i - 1]->start;
            until = std::max(until, notes[i]->end);
        }
        const double count = static_cast<double>(notes.size()) - 1;
        return changes / count >= ROTATION && late / count <= ONE_LINE && chords / count <= ONE_LINE;
    }

    bool is_string() const {
        double late = 0;
        for (std::size_t i = 1; i < notes.size(); i++) late += notes[i - 1]->end > notes[i]->start + 1;
        return notes.size() < 2 || late / (static_cast<double>(notes.size()) - 1) <= ONE_LINE;
    }
};

int count_of(Channels set) {
    int count = 0;
    for (; set; set &= set - 1) count++;
    return count;
}

bool are_strings(const std::vector<TickNote> &notes, Channels same, int program) {
    const bool is_plucked = (program >= 24 && program < 40) || (program >= 104 && program < 108);
    if (count_of(same) < MIN_STRINGS || !is_plucked) return false;
    for (int channel = 0; channel < CHANNELS; channel++)
        if (has(same, channel) && !Together(notes, 1u << channel).is_string()) return false;
    return true;
}

} // namespace

void bend_pitches(std::vector<TickNote> &notes, const TrackEvents &events, const ChannelStates &states, int port, double resolution) {
    std::vector<Bend> bends[CHANNELS];
    Channels heard = 0;
    for (const Event &event : events.events) {
        if (event.kind() != 0xe0) continue;
        const int channel = event.channel(), value = (event.first | event.second << 7) - 8192;
        auto &mine = bends[channel];
        if (mine.empty()) mine.push_back({-1, 0.0});
        mine.push_back({event.tick, value / 8192.0 * states.range(port, channel)});
        if (std::abs(mine.back().semitones) >= MIN_BEND) heard |= 1u << channel;
    }
    for (int channel = 0; heard && channel < CHANNELS; channel++) {
        if (!has(heard, channel) || !states.is_drum(port, channel)) continue;
        double count = 0, kit = 0;
        for (const TickNote &note : notes) {
            count += note.channel == channel;
            kit += note.channel == channel && is_of_kit(note.pitch);
        }
        if (count > 0 && kit / count > KIT_SHARE) heard &= ~(1u << channel); // a drum that is tuned stays that drum
    }
    std::vector<TickNote> more;
    TickNote added;
    for (TickNote &note : notes)
        if (has(heard, note.channel) && bend(note, bends[note.channel], resolution / 4, added)) more.push_back(added);
    if (!heard) return;
    notes.insert(notes.end(), more.begin(), more.end());
    for (TickNote &note : notes) note.pitch = std::min(std::max(note.pitch, 0), 127);
    sort_notes(notes);
}

std::vector<Channels> lines_of(const std::vector<TickNote> &notes, const std::array<int, CHANNELS> &programs, Channels drums,
                               bool is_own_chunk, const std::vector<Channels> &zones) {
    Channels present = 0;
    for (const TickNote &note : notes) present |= 1u << note.channel;
    std::array<Channels, CHANNELS> together = {};
    auto join = [&](Channels members) {
        for (int channel = 0; channel < CHANNELS; channel++)
            if (has(members, channel)) together[static_cast<std::size_t>(channel)] = members;
    };
    for (const Channels zone : zones) join(zone & present);
    Channels in_zones = 0, done = 0;
    for (int channel = 0; channel < CHANNELS; channel++)
        if (together[static_cast<std::size_t>(channel)]) in_zones |= 1u << channel;
    const Channels free = present & ~in_zones;
    for (int channel = 0; count_of(present) > 1 && channel < CHANNELS; channel++) {
        if (!has(free & ~drums, channel) || has(done, channel)) continue;
        const int program = programs[static_cast<std::size_t>(channel)];
        Channels of_program = 0;
        for (int other = 0; other < CHANNELS; other++)
            if (has(free, other) && programs[static_cast<std::size_t>(other)] == program) of_program |= 1u << other;
        const Channels same = of_program & ~drums, beside = of_program & drums;
        done |= same;
        if (count_of(same) >= MIN_MEMBERS && count_of(beside) == 1 && Together(notes, of_program).take_turns()) {
            join(of_program);
        } else if (count_of(same) > 1 && ((is_own_chunk && count_of(same) > 2) || are_strings(notes, same, program) ||
                                          Together(notes, same).take_turns())) {
            join(same);
        }
    }
    std::vector<Channels> out;
    for (int channel = 0; channel < CHANNELS; channel++) {
        if (!has(present, channel)) continue;
        const Channels line = together[static_cast<std::size_t>(channel)] ? together[static_cast<std::size_t>(channel)] : 1u << channel;
        if (!(line & ((1u << channel) - 1))) out.push_back(line); // from its lowest channel
    }
    return out;
}

} // namespace latentmix
