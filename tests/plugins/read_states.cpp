// Reads states of plugins one after another from stdin, a length before each, and writes a line for each: what it has, written anew
// and read again, or what is wrong.
#include <cstdio>
#include <string>

#include "framed.hpp"
#include "state.hpp"

using namespace latentmix;

int main() {
    for (std::vector<unsigned char> data; next_file(data);) {
        const std::string text(data.begin(), data.end());
        std::string problem;
        State state, again;
        if (!read_state(text, state, problem)) {
            std::printf("no %s\n", problem.c_str());
            continue;
        }
        if (!read_state(write_state(state), again, problem) || write_state(again) != write_state(state)) return 3;
        std::printf("%zu melodies %zu grooves %zu latents %s\n", state.melodies.size(), state.grooves.size(), state.latents.size(),
                    state.goes_by_chart ? "chart" : "cells");
    }
}
