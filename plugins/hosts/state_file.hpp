// What a project kept of a plugin, for both hosts.
#pragma once
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

template <class Host> void restore(Host &host, const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    if (!host.restore({std::istreambuf_iterator<char>(file), {}})) throw std::runtime_error("state is not taken: " + path);
}
