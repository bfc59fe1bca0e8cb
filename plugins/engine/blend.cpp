#include "blend.hpp"

#include <algorithm>
#include <cmath>

#include "maths.hpp"

namespace latentmix {
namespace {

constexpr double NEARLY_PARALLEL = 1e-3; // sine of the angle below which an arc is not to be computed

double length_of(const float *v, int size) {
    double s = 0.0;
    for (int i = 0; i < size; i++) s += static_cast<double>(v[i]) * v[i];
    return std::sqrt(s);
}

double unit(double x) { return std::min(std::max(x, 0.0), 1.0); }

} // namespace

void lerp(const float *a, const float *b, int size, double t, float *out) {
    const float from = static_cast<float>(1.0 - t), to = static_cast<float>(t);
    for (int i = 0; i < size; i++) out[i] = from * a[i] + to * b[i];
}

void slerp(const float *a, const float *b, int size, double t, float *out) {
    const double la = length_of(a, size), lb = length_of(b, size);
    double cosine = 0.0;
    for (int i = 0; i < size; i++) cosine += a[i] / std::max(la, 1e-12) * (b[i] / std::max(lb, 1e-12));
    const double angle = std::acos(std::min(std::max(cosine, -1.0), 1.0)), sine = std::sin(angle);
    if (sine < NEARLY_PARALLEL || la == 0.0 || lb == 0.0) return lerp(a, b, size, t, out);
    const double length = ((1.0 - t) * la + t * lb) / sine;
    const double from = std::sin((1.0 - t) * angle) / la * length, to = std::sin(t * angle) / lb * length;
    for (int i = 0; i < size; i++) out[i] = static_cast<float>(from * a[i] + to * b[i]);
}

bool weighted(const float *vectors, int count, int size, const double *weights, bool is_spherical, float *out) {
    double sum = 0.0, length = 0.0;
    for (int m = 0; m < count; m++) {
        if (!(weights[m] >= 0.0) || !std::isfinite(weights[m])) return false;
        sum += weights[m];
    }
    if (!(sum > 0.0)) return false;
    std::fill(out, out + size, 0.0f);
    for (int m = 0; m < count; m++) {
        const float share = static_cast<float>(weights[m] / sum), *v = vectors + static_cast<std::size_t>(m) * size;
        for (int i = 0; i < size; i++) out[i] += share * v[i];
        if (is_spherical) length += share * length_of(v, size);
    }
    const double norm = is_spherical ? length_of(out, size) : 0.0;
    if (!is_spherical || norm < 1e-6 * std::max(length, 1e-12)) return true; // a mean without a direction stays
    for (int i = 0; i < size; i++) out[i] = static_cast<float>(out[i] / std::max(norm, 1e-12) * length);
    return true;
}

void aside(const float *way, int places, int size, double from, double to, float *out) {
    if (!(from > 0.0 && to > 0.0)) return;
    const double pair = from + to, at = to / pair * (places - 1);
    const int before = std::min(static_cast<int>(at), places - 2);
    const float *a = way, *b = way + static_cast<std::size_t>(places - 1) * size;
    const float *one = way + static_cast<std::size_t>(before) * size, *two = one + size;
    auto straight = [&](int place, int i) { // in float32, as the live engine does
        const float share = static_cast<float>(place) / static_cast<float>(places - 1);
        return (1.0f - share) * a[i] + share * b[i];
    };
    for (int i = 0; i < size; i++) {
        const float off_one = one[i] - straight(before, i), off_two = two[i] - straight(before + 1, i);
        const double off = (1.0 - (at - before)) * off_one + (at - before) * off_two;
        out[i] = static_cast<float>(out[i] + pair * pair * off);
    }
}

void path(double position, int count, double *weights) {
    const double at = unit(position) * (count - 1);
    for (int m = 0; m < count; m++) weights[m] = std::max(0.0, 1.0 - std::abs(m - at));
}

void pad(double x, double y, const Place *places, int count, double *weights) {
    const Place corners[] = {{0, 0}, {1, 0}, {0, 1}, {1, 1}};
    bool is_square = count == 4;
    for (int m = 0; is_square && m < 4; m++) is_square = places[m].x == corners[m].x && places[m].y == corners[m].y;
    if (is_square) {
        x = unit(x);
        y = unit(y);
        const double four[] = {(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y};
        std::copy(four, four + 4, weights);
        return;
    }
    double nearest = HUGE_VAL, sum = 0.0;
    for (int m = 0; m < count; m++) {
        const double off_x = places[m].x - x, off_y = places[m].y - y;
        weights[m] = std::sqrt(off_x * off_x + off_y * off_y);
        nearest = std::min(nearest, weights[m]);
    }
    for (int m = 0; m < count; m++) {
        const double d = weights[m];
        weights[m] = nearest < 1e-9 ? (d < 1e-9 ? 1.0 : 0.0) : nearest / d * (nearest / d);
        sum += weights[m];
    }
    for (int m = 0; m < count; m++) weights[m] /= sum;
}

std::vector<Place> spread(int count) {
    if (count == 1) return {{0.5, 0.5}};
    if (count == 2) return {{0.0, 0.5}, {1.0, 0.5}};
    if (count == 4) return {{0, 0}, {1, 0}, {0, 1}, {1, 1}};
    std::vector<Place> out;
    auto rounded = [](double v) { return std::round(v * 1e4) / 1e4; };
    for (int m = 0; m < count; m++) {
        const double turns = static_cast<double>(m) / count;
        out.push_back({rounded(0.5 + 0.5 * sine(turns)), rounded(0.5 + 0.5 * cosine(turns))});
    }
    return out;
}

} // namespace latentmix
