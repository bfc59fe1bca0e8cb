// Files one after another on stdin, a length before each.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

inline bool next_file(std::vector<unsigned char> &data) {
    std::uint32_t size;
    if (std::fread(&size, 4, 1, stdin) != 1) return false;
    data.assign(size, 0);
    if (size && std::fread(data.data(), 1, size, stdin) != size) std::exit(2);
    return true;
}
