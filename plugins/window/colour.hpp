// Colours of melodies and of their mixes, those of the page: mixed in OKLab (Ottosson 2020), where halfway looks halfway.
#pragma once

namespace latentmix {

struct Rgb {
    unsigned char r, g, b;
};

constexpr Rgb HUES[] = {{0xef, 0x5b, 0x3f}, {0x3a, 0x7d, 0xf0}, {0xef, 0xa0, 0x1b}, {0x92, 0x57, 0xde}};

Rgb mixed(const double *weights, int count); // at least one weight above 0

} // namespace latentmix
