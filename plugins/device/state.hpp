// What a project keeps of an instance: text, a line each, so that a project of today opens in a year.
//
//     latentmix state 1
//     model 0123456789abcdef0123456789abcdef      (the fingerprint of the weights)
//     value position 0.25                         (each parameter by its symbol; unknown ones are left alone)
//     melody 4 4 120 0 jig                        (metre, tempo, program, name to the end of the line)
//     tokens 62 0 0 1 ...                         (of the melody above)
//     latents 3f800000 ...                        (of all melodies as partners, float32 as hexadecimal digits)
//     end
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "../engine/melody.hpp"

namespace latentmix {

constexpr std::size_t MAX_STATE_BYTES = 4u << 20;

struct State {
    std::string fingerprint;
    std::vector<std::pair<std::string, double>> values;
    std::vector<Melody> melodies;
    std::vector<float> latents;
};

std::string write_state(const State &state);
bool read_state(const std::string &text, State &state, std::string &problem);

} // namespace latentmix
