#include "colour.hpp"

#include <cmath>

namespace latentmix {
namespace {

constexpr double CHROMA = 0.145; // that mixes are brought near to: opposite hues would meet in grey

double linear(unsigned char c) { return c <= 10 ? c / (255.0 * 12.92) : std::pow((c / 255.0 + 0.055) / 1.055, 2.4); }

unsigned char encoded(double c) {
    if (!(c > 0.0)) return 0;
    const double e = c <= 0.0031308 ? 12.92 * c : 1.055 * std::pow(c, 1.0 / 2.4) - 0.055;
    return static_cast<unsigned char>(e >= 1.0 ? 255.0 : 255.0 * e + 0.5);
}

void to_lab(Rgb from, double *lab) {
    const double r = linear(from.r), g = linear(from.g), b = linear(from.b);
    const double l = std::cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
    const double m = std::cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
    const double s = std::cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
    lab[0] = 0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s;
    lab[1] = 1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s;
    lab[2] = 0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s;
}

} // namespace

Rgb mixed(const double *weights, int count) {
    double lab[3] = {}, sum = 0.0;
    for (int i = 0; i < count; i++) {
        double each[3];
        to_lab(HUES[i], each);
        for (int k = 0; k < 3; k++) lab[k] += weights[i] * each[k];
        sum += weights[i];
    }
    for (double &k : lab) k /= sum;
    const double chroma = std::hypot(lab[1], lab[2]);
    const double vivid = chroma < CHROMA ? (chroma + (CHROMA - chroma) * (chroma / (chroma + 0.045))) / (chroma + 1e-6) : 1.0;
    const double a = lab[1] * vivid, b = lab[2] * vivid;
    const double l = std::pow(lab[0] + 0.3963377774 * a + 0.2158037573 * b, 3);
    const double m = std::pow(lab[0] - 0.1055613458 * a - 0.0638541728 * b, 3);
    const double s = std::pow(lab[0] - 0.0894841775 * a - 1.291485548 * b, 3);
    return {encoded(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
            encoded(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
            encoded(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s)};
}

} // namespace latentmix
