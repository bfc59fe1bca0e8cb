// What a project keeps of an instance: text, a line each, so that a project of today opens in a year.
//
//     latentmix state 1
//     model 0123456789abcdef0123456789abcdef      (the fingerprint of the weights)
//     value position 0.25                         (each parameter by its symbol; unknown ones are left alone)
//     plane chart                                 (of melodies: how the pad goes among three and more, by the chart or by straight cells)
//     melody 4 4 120 0 jig                        (metre, tempo, program, name to the end of the line)
//     tokens 62 0 0 1 ...                         (of the melody above)
//     groove 4 4 120 32 backbeat                  (instead, of a plugin of drums: metre, tempo, sixteenths, name)
//     hits 0 0 101 bd4ccccd ...                   (of the groove above: sixteenth, drum, velocity, lateness as below)
//     latents 3f800000 ...                        (of all melodies as partners, float32 as hexadecimal digits)
//     end
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "../engine/groove.hpp"

namespace latentmix {

constexpr std::size_t MAX_STATE_BYTES = 4u << 20;

struct State {
    std::string fingerprint;
    std::vector<std::pair<std::string, double>> values;
    bool goes_by_chart = false; // of a state that does not say so: what the release that wrote it did
    std::vector<Melody> melodies; // or
    std::vector<Groove> grooves;
    std::vector<float> latents;
};

std::string write_state(const State &state);
bool read_state(const std::string &text, State &state, std::string &problem);

} // namespace latentmix
