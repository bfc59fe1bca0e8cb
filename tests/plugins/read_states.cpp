// Reads states of plugins one after another from stdin, a length before each, and writes a line for each: what it has, written anew
// and read again, or what is wrong.
#include <cstdint>
#include <cstdio>
#include <string>

#include "state.hpp"

using namespace latentmix;

int main() {
    std::uint32_t size;
    while (std::fread(&size, 4, 1, stdin) == 1) {
        std::string text(size, ' '), problem;
        if (size && std::fread(&text[0], 1, size, stdin) != size) return 2;
        State state, again;
        if (!read_state(text, state, problem)) {
            std::printf("no %s\n", problem.c_str());
            continue;
        }
        if (!read_state(write_state(state), again, problem) || write_state(again) != write_state(state)) return 3;
        std::printf("%zu melodies %zu grooves %zu latents\n", state.melodies.size(), state.grooves.size(), state.latents.size());
    }
}
