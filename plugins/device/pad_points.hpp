// The points of a line or a plane that are decoded ahead, and what they are decoded for; of melodies and of drums.
#pragma once
#include "../engine/weights.hpp"
#include "parameters.hpp"

namespace latentmix {

// 49: each of two, three or four pieces stands on a point of the line
constexpr int LINE_POINTS = 49, SIDE = 17, MAX_POINTS = SIDE * SIDE;

// What the points lie on: the line along the pieces, the plane among them, or the plane whose sides are the rhythm and the
// pitches, from the first piece to the second.
enum class Field { LINE, PLANE, GROUPS };

struct PadPoints {
    unsigned serial = 0; // counts up; 0: empty
    Field field = Field::LINE;
    int steps = 0, numerator = 4, denominator = 4;

    int count() const { return field == Field::LINE ? LINE_POINTS : MAX_POINTS; }
    int point(double position, double x, double y) const; // the nearest one
    int wanted(const double *values) const { return point(values[POSITION], values[PAD_X], values[PAD_Y]); }
};

// What a pad is decoded for; the rest is done to a piece afterwards.
struct PadSettings {
    Field field = Field::LINE;
    float amounts[MAX_ATTRIBUTES] = {};
    float variation = 0.0f, humanise = 0.0f;
    unsigned seed = 0;

    explicit PadSettings(const double *values);
    PadSettings() = default;
    bool operator==(const PadSettings &other) const;
    bool is_moved() const; // whether a piece that is heard alone is not left as it is

    static bool has(int parameter); // whether it is one of these: then it takes decoding
};

} // namespace latentmix
