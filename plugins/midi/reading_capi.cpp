// The reader of MIDI files for who has no C++: the page without a server.
#include <algorithm>
#include <cstring>

#include "../engine/latentmix.h"
#include "melody_file.hpp"

using namespace latentmix;

int lm_read_midi(const unsigned char *file, unsigned long long bytes, int *tokens, int most, int *metre, double *tempo, char *problem,
                 unsigned problem_bytes) {
    MidiTune tune;
    Melody melody;
    std::string said;
    if (bytes > MAX_MIDI_BYTES) said = "expected at most 16 MiB, found more";
    else if (parse_midi(file, static_cast<std::size_t>(bytes), tune, said)) melody_of(tune, melody, said);
    const int steps = static_cast<int>(melody.tokens.size());
    if (said.empty() && steps > most) said = "expected a shorter melody";
    if (!said.empty()) {
        const std::size_t n = problem_bytes ? std::min<std::size_t>(said.size(), problem_bytes - 1) : 0;
        std::memcpy(problem, said.data(), n);
        if (problem_bytes) problem[n] = 0;
        return 0;
    }
    std::copy(melody.tokens.begin(), melody.tokens.end(), tokens);
    metre[0] = melody.numerator;
    metre[1] = melody.denominator;
    *tempo = static_cast<double>(melody.tempo);
    return steps;
}
