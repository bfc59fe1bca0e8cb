// Lyrics and texts of a MIDI file -> where syllables are sung, as `midi_vae/midi/lyrics.py` finds them.
#pragma once
#include <string>
#include <vector>

namespace latentmix {

struct Lyric {
    long long tick;
    std::string text; // in whatever encoding
};

// Ticks at which syllables begin; none where the texts are names of chords or lines of several words.
std::vector<long long> syllables(std::vector<Lyric> events);

} // namespace latentmix
