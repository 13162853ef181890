// 64 codes of 2, 3, 5 or 6 bits, one a byte, in order. For AVX-512 with VBMI; include after the
// target is set.
#ifndef INGOT_KERNELS_SIMD_WHOLE_CODES_H_
#define INGOT_KERNELS_SIMD_WHOLE_CODES_H_

#include <immintrin.h>

#include "quant/simd/layout.h"

namespace ingot::kernels {

// Reads 8 * kBits bytes.
template <int kBits>
__m512i WholeCodes(const uint8_t* p) {
  // Eight codes are kBits bytes: each lane of 64 bits takes those of its codes, then each byte the
  // bits of its own.
  static constexpr auto kFrom = quant::SpreadBytes<kBits, 64>();
  constexpr uint64_t kShifts = 0x0706050403020100ULL * kBits;
  const __m512i packed = _mm512_maskz_loadu_epi8((uint64_t{1} << (8 * kBits)) - 1, p);
  const __m512i spread = _mm512_permutexvar_epi8(_mm512_loadu_si512(kFrom.data()), packed);
  const __m512i shifted =
      _mm512_multishift_epi64_epi8(_mm512_set1_epi64(static_cast<int64_t>(kShifts)), spread);
  return _mm512_and_si512(shifted, _mm512_set1_epi8((1 << kBits) - 1));
}

}  // namespace ingot::kernels

#endif  // INGOT_KERNELS_SIMD_WHOLE_CODES_H_
