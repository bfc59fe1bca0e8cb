// For x86-64 with AVX-512F; compiled with -mavx512f -mfma -mf16c -mprefer-vector-width=512.
#include "kernels.hpp"
#if defined(__AVX512F__)
#ifndef __clang__ // which knows no such warning
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized" // of GCC 12 in its own header
#endif
#include <immintrin.h>
#define LANES 16
#define TILE 8
#define NAME "avx512"
namespace latentmix {
namespace {
inline __m512 load_weights(const std::uint16_t *p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p)); }
} // namespace
} // namespace latentmix
#include "kernels_body.hpp"

const latentmix::Kernels *latentmix::avx512_kernels() { return &TABLE; }
#else
const latentmix::Kernels *latentmix::avx512_kernels() { return nullptr; }
#endif
