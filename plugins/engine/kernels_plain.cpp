// For every processor: vectors of four, which is SSE2 on x86-64, NEON on Arm and SIMD128 in WebAssembly.
#include "kernels.hpp"
#define LANES 4
#define TILE 2
#define NAME "plain"
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-tree-ter") // which moves all that a sum needs to its end, where registers run out: a tenth slower
#endif
#include "kernels_body.hpp"

const latentmix::Kernels *latentmix::plain_kernels() { return &TABLE; }
