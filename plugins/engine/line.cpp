#include "line.hpp"

namespace latentmix {

Line &Line::add(const char *text) {
    text_ += text;
    return *this;
}

Line &Line::add(std::uint64_t number) {
    char digits[21] = "", *at = digits + 20;
    do *--at = static_cast<char>('0' + number % 10);
    while (number /= 10);
    return add(at);
}

} // namespace latentmix
