// Note-ons and note-offs -> notes. The rules are those of `midi_vae/midi/notes.py`.
#pragma once
#include <vector>

#include "events.hpp"

namespace latentmix {

constexpr int ALL_SOUND_OFF = 120, ALL_NOTES_OFF = 123;

struct TickNote {
    long long start, end;
    int pitch, velocity, channel;
};

inline bool is_stop(const Event &event) {
    return event.kind() == 0xb0 && (event.first == ALL_SOUND_OFF || event.first == ALL_NOTES_OFF);
}

std::size_t count_notes(const TrackEvents &events);

void sort_notes(std::vector<TickNote> &notes); // by start, then from high to low

// First in, first out: a note-off ends the oldest sounding note of its pitch and channel. "All notes off" ends those of its
// channel; a note that is never ended gives way to the next onset of its channel, else it lasts to the end of the chunk.
std::vector<TickNote> pair_notes(const TrackEvents &events);

} // namespace latentmix
