#include "maths.hpp"

#include <cmath>
#include <cstdint>
#include <cstring>

namespace latentmix {
namespace {

constexpr double PI = 3.14159265358979323846, LN2_HIGH = 6.93147180369123816490e-01, LN2_LOW = 1.90821492927058770002e-10;

std::int64_t bits_of(double x) {
    std::int64_t out;
    std::memcpy(&out, &x, sizeof out);
    return out;
}
double of_bits(std::int64_t bits) {
    double out;
    std::memcpy(&out, &bits, sizeof out);
    return out;
}

// x + x^3 k / 3 + x^5 k^2 / 5 ...
double odd_series(double x, double k, int terms) {
    double sum = 0.0;
    for (int n = 2 * terms + 1; n > 0; n -= 2) sum = sum * k * x * x + 1.0 / n;
    return sum * x;
}

} // namespace

double remainder_of(double x, double size) {
    const double count = std::floor(x / size), rest = x - count * size;
    return rest < 0 ? x - (count - 1) * size : rest >= size ? x - (count + 1) * size : rest;
}

double sine(double turns) {
    const double part = turns - std::nearbyint(turns), quarter = std::nearbyint(4 * part), t = 2 * PI * (part - quarter / 4);
    const bool is_cosine = quarter == 1 || quarter == -1;
    double sum = 1.0;
    for (int n = is_cosine ? 18 : 19; n > 1; n -= 2) sum = 1.0 - sum * t * t / (n * (n - 1.0));
    return (is_cosine ? sum : sum * t) * (quarter == -1 || quarter == 2 || quarter == -2 ? -1.0 : 1.0);
}

double turns_of(double y, double x) {
    const double a = std::abs(x), b = std::abs(y), least = a < b ? a : b, most = a < b ? b : a;
    double t = most > 0 ? least / most : 0.0, angle = 0.0;
    if (t > 0.4142135623730951) {
        angle = PI / 4;
        t = (t - 1) / (t + 1);
    }
    angle = (angle + odd_series(t, -1.0, 24)) / (2 * PI);
    if (b > a) angle = 0.25 - angle;
    if (x < 0) angle = 0.5 - angle;
    return y < 0 ? -angle : angle;
}

double exponential_of(double x) {
    if (!(x > -700.0)) return x == x ? 0.0 : x;
    if (x > 700.0) return HUGE_VAL;
    const double whole = std::nearbyint(x / (LN2_HIGH + LN2_LOW)), r = x - whole * LN2_HIGH - whole * LN2_LOW;
    double sum = 1.0;
    for (int n = 14; n > 0; n--) sum = 1.0 + sum * r / n;
    return sum * of_bits((static_cast<std::int64_t>(whole) + 1023) << 52);
}

double logarithm(double x) {
    constexpr std::int64_t HALF_ROOT = 0x3fe6a09e667f3bcd; // of 2
    const std::int64_t bits = bits_of(x), power = (bits - HALF_ROOT) >> 52;
    const double m = of_bits(bits - (power << 52)); // from there to its double
    return 2 * odd_series((m - 1) / (m + 1), 1.0, 12) + static_cast<double>(power) * LN2_LOW + static_cast<double>(power) * LN2_HIGH;
}

} // namespace latentmix
