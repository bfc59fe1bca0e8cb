// Lyrics and texts of a MIDI file -> where syllables are sung, as `midi_vae/midi/lyrics.py` finds them.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace latentmix {

constexpr std::size_t MAX_SYLLABLES = 50000; // of more events the first ones are looked at

struct Lyric {
    long long tick;
    std::string text; // in whatever encoding
};

// Ticks at which syllables begin; none where the texts are names of chords or lines of several words.
std::vector<long long> syllables(std::vector<Lyric> events);

} // namespace latentmix
