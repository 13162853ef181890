// Sixteen registers of sixteen 32-bit lanes, transposed. Include after the target is set.
#ifndef INGOT_KERNELS_SIMD_TRANSPOSE_AVX512_H_
#define INGOT_KERNELS_SIMD_TRANSPOSE_AVX512_H_

#include <immintrin.h>

namespace ingot::kernels {
// Owner makes a copy of this for each file that uses it, compiled for its own instructions.
template <class Owner>
__attribute__((always_inline)) inline void TransposeLanes(__m512i (&r)[16]) {
  __m512i t[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; i += 2) {  // pairs of lanes from two rows
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
#pragma GCC unroll 16
  for (int i = 0; i < 16; i += 4) {  // a column of four rows in each quarter
    r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  // Now r[4 * b + c], quarter q, holds column 4 * q + c of rows 4 * b to 4 * b + 3.
#pragma GCC unroll 16
  for (int c = 0; c < 4; ++c) {
    const __m512i low01 = _mm512_shuffle_i32x4(r[c], r[4 + c], 0x88);   // quarters 0, 2
    const __m512i high01 = _mm512_shuffle_i32x4(r[c], r[4 + c], 0xdd);  // quarters 1, 3
    const __m512i low23 = _mm512_shuffle_i32x4(r[8 + c], r[12 + c], 0x88);
    const __m512i high23 = _mm512_shuffle_i32x4(r[8 + c], r[12 + c], 0xdd);
    t[c] = _mm512_shuffle_i32x4(low01, low23, 0x88);
    t[8 + c] = _mm512_shuffle_i32x4(low01, low23, 0xdd);
    t[4 + c] = _mm512_shuffle_i32x4(high01, high23, 0x88);
    t[12 + c] = _mm512_shuffle_i32x4(high01, high23, 0xdd);
  }
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) r[i] = t[i];
}

}  // namespace ingot::kernels

#endif  // INGOT_KERNELS_SIMD_TRANSPOSE_AVX512_H_
