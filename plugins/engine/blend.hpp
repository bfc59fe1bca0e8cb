// Blends of latents by weights, along arcs and between places on a plane: `realtime.blend` in Python.
#pragma once
#include <vector>

namespace latentmix {

struct Place { // on the pad, both 0 .. 1; y goes up
    double x, y;
};

// (size) at share t of the straight line from a to b, or of the arc, lengths going over evenly (Shoemake 1985).
void lerp(const float *a, const float *b, int size, double t, float *out);
void slerp(const float *a, const float *b, int size, double t, float *out);

// vectors (count, size) by weights, which are divided by their sum; false where no weight is above 0 or one is below.
bool weighted(const float *vectors, int count, int size, const double *weights, bool is_spherical, float *out);

// Adds to `out` (size) how far off the straight mix the even way between two melodies goes, whose weights these are (out of a
// sum of 1): way (places, size), evenly spaced, whose ends are the melodies themselves.
void aside(const float *way, int places, int size, double from, double to, float *out);

// Weights (count) at a position 0 .. 1 along melodies that are evenly spaced.
void path(double position, int count, double *weights);

// Weights at a place on the pad: bilinear between four in the corners, else by inverse squared distance (Shepard 1968).
void pad(double x, double y, const Place *places, int count, double *weights);

// Where so many melodies stand unless somebody moved them.
std::vector<Place> spread(int count);

} // namespace latentmix
