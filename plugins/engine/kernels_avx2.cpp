// For x86-64 with AVX2, FMA and F16C (2013 on); compiled with -mavx2 -mfma -mf16c.
#include "kernels.hpp"
#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#include <immintrin.h>
#define LANES 8
#define TILE 4
#define NAME "avx2"
namespace latentmix {
namespace {
inline __m256 load_weights(const std::uint16_t *p) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)); }
} // namespace
} // namespace latentmix
#include "kernels_body.hpp"

const latentmix::Kernels *latentmix::avx2_kernels() { return &TABLE; }
#else
const latentmix::Kernels *latentmix::avx2_kernels() { return nullptr; }
#endif
