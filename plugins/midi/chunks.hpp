// A MIDI file -> its header and the contents of its track chunks; what does not fit is read where there is no doubt.
// The rules are those of `midi_vae/midi/chunks.py`.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace latentmix {

struct TrackChunk {
    const unsigned char *begin, *end;
    long long missing; // bytes that were announced and are not there; -1 where its length fits
};

struct Chunks {
    int kind = 1;            // type 0, 1 or 2
    double resolution = 480; // ticks a quarter note; in half a second where the file counts time code
    bool is_time_code = false;
    std::vector<TrackChunk> tracks; // they point into the file
};

// False, with one line in `problem`, where this is no MIDI file or there is nothing to read.
bool split_chunks(const unsigned char *data, std::size_t size, Chunks &out, std::string &problem);

} // namespace latentmix
