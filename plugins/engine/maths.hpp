// Functions of real numbers in few bytes, to about 1e-15: with those of the C library, whose tables are made for speed, the page without
// a server would be 20 kB larger. For what is computed seldom.
#pragma once

namespace latentmix {

double remainder_of(double x, double size); // 0 .. size, also of x below 0
double sine(double turns);                  // of an angle in whole turns
inline double cosine(double turns) { return sine(turns + 0.25); }
double turns_of(double y, double x); // the angle of a point, -0.5 .. 0.5
double exponential_of(double x);
double logarithm(double x); // x > 0, no denormal number

} // namespace latentmix
