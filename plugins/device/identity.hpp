// Which model this plugin is: the file of weights that lies with the binary says its name and id, so that one binary
// with another file is another plugin.
#pragma once
#include <memory>
#include <string>

#include "../engine/drum_weights.hpp"

namespace latentmix {

struct Identity {
    std::string file; // of the weights; empty where none was found
    std::string name = "latentmix melody", id = "org.latentmix.melody";
    std::vector<std::string> attributes;
    int kind = 0; // of model: `MELODY_KIND` or `DRUM_KIND`
    std::string problem;
};

// Looked up once, from the header alone: hosts that scan do not wait for the weights. Files are looked for beside the
// binary (its name with .lmw, or weights.lmw) and, in a VST3 bundle, in Contents/Resources.
const Identity &identity();

std::string own_path(); // of this binary, with / between folders

// One of the two.
struct Model {
    std::shared_ptr<const Weights> melodies;
    std::shared_ptr<const DrumWeights> drums;
    explicit operator bool() const { return melodies || drums; }
};

Model read_model(const std::string &file, const Kernels &kernels, std::string &problem);

// The model of this plugin for the quickest path; all instances in a process share it while there is one. None, with a line
// in `problem`, where it cannot be used.
Model shared_model(std::string &problem);

} // namespace latentmix
