// The content of a track chunk -> its events. The rules are those of `midi_vae/midi/parser.py`.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "chunks.hpp"

namespace latentmix {

struct Event { // of a note, a controller or a pitch bend
    long long tick;
    unsigned char status, first, second;

    int kind() const { return status & 0xf0; }
    int channel() const { return status & 15; }
};

constexpr int SYSEX = -1;

struct Message {
    long long tick;
    int kind; // type of a meta event, or SYSEX
    const unsigned char *content;
    std::size_t size; // at most 512 are told
};

struct ProgramEvent {
    long long tick;
    int channel, program;
};

struct TrackEvents {
    std::vector<Event> events; // all by their times
    std::vector<Message> messages;
    std::vector<ProgramEvent> programs;
    long long end = 0; // tick of the last event
};

// Data bytes above 127 and times of up to ten bytes are read. False, with one line in `problem`, where a track breaks off.
bool read_events(const TrackChunk &chunk, TrackEvents &out, std::string &problem);

} // namespace latentmix
