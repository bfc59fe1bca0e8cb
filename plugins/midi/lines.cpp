// Which channels play one line.
#include <algorithm>

#include "channels.hpp"

#include "../engine/order.hpp"

namespace latentmix {
namespace {

constexpr int MIN_MEMBERS = 3, MIN_STRINGS = 4;
constexpr double ROTATION = 0.25, ONE_LINE = 0.1;

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
