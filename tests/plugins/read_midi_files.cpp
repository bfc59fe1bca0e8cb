// Reads MIDI files one after another from stdin, a length before each, and writes a line for each: metre, tempo, program and
// tokens of the melody that the plugins take, or what is wrong; drums are taken as well. With a path: what is wrong with it.
#include <cstdio>
#include <vector>

#include "framed.hpp"
#include "groove_file.hpp"
#include "melody_file.hpp"

using namespace latentmix;

int main(int count, char **words) {
    if (count > 1) {
        MidiTune tune;
        std::string problem;
        read_midi(words[1], tune, problem);
        std::printf("%s\n", problem.c_str());
        return 0;
    }
    for (std::vector<unsigned char> data; next_file(data);) {
        MidiTune tune;
        Melody melody;
        Groove groove;
        std::string problem, other;
        if (!parse_midi(data.data(), data.size(), tune, problem) || !melody_of(tune, melody, problem)) {
            std::printf("no %s\n", problem.c_str());
            continue;
        }
        if (!melody.is_valid() || !melody.has_notes()) return 3;
        if (groove_of(tune, groove, other) && !groove.is_valid()) return 4;
        std::printf("%d %d %.3f %d", melody.numerator, melody.denominator, melody.tempo, melody.program);
        for (const int token : melody.tokens) std::printf(" %d", token);
        std::printf("\n");
    }
}
