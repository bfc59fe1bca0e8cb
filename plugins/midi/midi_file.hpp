// A standard MIDI file -> its notes by parts, in quarter notes; every length is bounded, whatever the file says.
//
// The rules are those of `midi_vae` (docs/midi-files.md), but for bars that only accents tell.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "bars.hpp"

namespace latentmix {

constexpr std::size_t MAX_MIDI_BYTES = 16u << 20, MAX_MIDI_NOTES = 500000, MAX_MIDI_PATH = 4096, MAX_MIDI_PARTS = 1000;

struct MidiNote {
    double start, end; // quarter notes from the start of the file
    int pitch, velocity;
};

struct Timeline {
    struct Tempo {
        double at, tempo; // quarter notes, and of them a minute
    };
    std::vector<Tempo> tempi; // the first at 0
    std::vector<Metre> metres;

    double tempo_at(double beat) const;
};

// What one channel of one track plays, or several that play one line: by start and then from high to low.
struct MidiPart {
    int chunk = 0, channel = 0, program = 0; // from 0; the program of its first note
    bool is_drum = false;
    std::string name; // of its chunk, as the bytes of the file
    std::size_t timeline = 0;
    std::vector<MidiNote> notes;
};

enum class Writer { UNKNOWN, MMA, ABC2MIDI, LILYPOND };

struct MidiTune {
    std::vector<MidiPart> parts;     // that have notes
    std::vector<Timeline> timelines; // one, but of sequences side by side one for each chunk
    std::vector<std::string> names;  // of the chunks
    std::vector<double> syllables;   // where words are sung
    double length = 0.0;             // to the last event
    Writer writer = Writer::UNKNOWN;

    const Timeline &timeline_of(const MidiPart &part) const { return timelines[part.timeline]; }
};

// False, with one line in `problem`, where there is nothing to read, or a track breaks off.
bool parse_midi(const unsigned char *data, std::size_t size, MidiTune &out, std::string &problem);
#if !defined(__wasi__) // which has no files to read here
bool read_midi(const std::string &path, MidiTune &out, std::string &problem);
#endif

std::string stem_of(const std::string &path); // the file's name without its folder and its ending

} // namespace latentmix
