#include "pad_points.hpp"

#include <algorithm>
#include <cmath>

namespace latentmix {
namespace {

int nearest(double share, int points) {
    const double at = std::min(std::max(share, 0.0), 1.0) * (points - 1);
    return static_cast<int>(std::floor(at + 0.5));
}

} // namespace

int PadPoints::point(double position, double x, double y) const {
    return field == Field::LINE ? nearest(position, LINE_POINTS) : nearest(y, SIDE) * SIDE + nearest(x, SIDE);
}

PadSettings::PadSettings(const double *values)
    : field(values[MIX_BY] < 0.5 ? Field::LINE : values[AXES] < 0.5 ? Field::PLANE : Field::GROUPS), variation(static_cast<float>(values[VARIATION])),
      humanise(static_cast<float>(values[HUMANISE])), seed(static_cast<unsigned>(values[SEED])) {
    for (int i = 0; i < ATTRIBUTES; i++) amounts[i] = static_cast<float>(values[ATTRIBUTE_1 + i]);
}

bool PadSettings::operator==(const PadSettings &other) const {
    return field == other.field && std::equal(amounts, amounts + MAX_ATTRIBUTES, other.amounts) && humanise == other.humanise &&
           variation == other.variation && (variation == 0.0f || seed == other.seed);
}

bool PadSettings::is_moved() const {
    return variation > 0.0f || std::any_of(amounts, amounts + MAX_ATTRIBUTES, [](float a) { return a != 0.0f; });
}

bool PadSettings::has(int parameter) {
    return parameter == MIX_BY || parameter == AXES || parameter == VARIATION || parameter == SEED || parameter == HUMANISE ||
           (parameter >= ATTRIBUTE_1 && parameter <= ATTRIBUTE_5);
}

} // namespace latentmix
