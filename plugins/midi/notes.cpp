#include "notes.hpp"

#include <algorithm>

#include "../engine/order.hpp"

namespace latentmix {
namespace {

constexpr long long OPEN = -1;

struct Struck { // a note-on or note-off
    long long key; // what was stopped before, channel and pitch
    long long tick;
    int velocity; // 0: off
};

// The notes of one key, first in, first out; those without an end have OPEN.
void pair_key(const Struck *from, const Struck *to, std::vector<TickNote> &notes, std::vector<long long> &parts) {
    const std::size_t begin = notes.size();
    std::size_t oldest = begin;
    for (; from < to; from++) {
        if (from->velocity) {
            const auto pitch = static_cast<int>(from->key & 127), channel = static_cast<int>(from->key >> 7 & 15);
            notes.push_back({from->tick, OPEN, pitch, from->velocity, channel});
            parts.push_back(from->key >> 11);
        } else if (oldest < notes.size()) {
            notes[oldest++].end = from->tick;
        }
    }
    for (std::size_t i = std::max(oldest, begin + 1); i < notes.size(); i++) // started twice, ended once: the last one was
        if (notes[i - 1].end > notes[i].start) {
            notes[i].end = notes[i - 1].end;
            notes[i - 1].end = notes[i].start;
        }
}

} // namespace

void sort_notes(std::vector<TickNote> &notes) {
    sort_rows(notes, [](const TickNote &a, const TickNote &b) {
        return a.start != b.start ? a.start < b.start : a.pitch > b.pitch;
    });
}

std::size_t count_notes(const TrackEvents &events) {
    std::size_t count = 0;
    for (const Event &event : events.events) count += event.kind() == 0x90 && event.second;
    return count;
}

std::vector<TickNote> pair_notes(const TrackEvents &events) {
    std::vector<Struck> struck;
    std::vector<long long> stops[16], onsets[16];
    for (const Event &event : events.events) {
        const auto channel = static_cast<std::size_t>(event.channel());
        if (is_stop(event)) stops[channel].push_back(event.tick);
        if (event.kind() != 0x80 && event.kind() != 0x90) continue;
        const auto part = static_cast<long long>(stops[channel].size());
        const int velocity = event.kind() == 0x90 ? event.second : 0;
        struck.push_back({(part * 16 + event.channel()) * 128 + event.first, event.tick, velocity});
        if (velocity) onsets[channel].push_back(event.tick); // by their times
    }
    sort_rows(struck, [](const Struck &a, const Struck &b) { return a.key < b.key; });
    std::vector<TickNote> notes;
    std::vector<long long> parts;
    for (std::size_t from = 0, to = 0; from < struck.size(); from = to) {
        while (to < struck.size() && struck[to].key == struck[from].key) to++;
        pair_key(struck.data() + from, struck.data() + to, notes, parts);
    }
    for (std::size_t i = 0; i < notes.size(); i++) {
        TickNote &note = notes[i];
        if (note.end == OPEN) {
            const auto channel = static_cast<std::size_t>(note.channel), part = static_cast<std::size_t>(parts[i]);
            const auto next = std::upper_bound(onsets[channel].begin(), onsets[channel].end(), note.start);
            const bool has_next = next != onsets[channel].end(), has_stop = part < stops[channel].size();
            note.end = has_next && has_stop ? std::min(*next, stops[channel][part])
                       : has_next           ? *next
                       : has_stop           ? stops[channel][part]
                                            : events.end;
        }
        note.end = std::max(note.end, note.start);
    }
    sort_notes(notes);
    return notes;
}

} // namespace latentmix
