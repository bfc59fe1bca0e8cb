// Which model this plugin is: the file of weights that lies with the binary says its name and id, so that one binary
// with another file is another plugin.
#pragma once
#include <memory>
#include <string>

#include "../engine/weights.hpp"

namespace latentmix {

struct Identity {
    std::string file; // of the weights; empty where none was found
    std::string name = "latentmix melody", id = "org.latentmix.melody";
    std::vector<std::string> attributes;
    std::string problem;
};

// Looked up once, from the header alone: hosts that scan do not wait for the weights. Files are looked for beside the
// binary (its name with .lmw, or weights.lmw) and, in a VST3 bundle, in Contents/Resources.
const Identity &identity();

std::string own_path(); // of this binary, with / between folders

// The weights of this plugin for the quickest path; all instances in a process share them while there is one. Null,
// with a line in `problem`, where they cannot be used.
std::shared_ptr<const Weights> shared_weights(std::string &problem);

} // namespace latentmix
