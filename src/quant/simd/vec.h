// Sixteen 32-bit lanes, whatever the machine's registers hold. Every kernel is written once, as a
// template over a class V with these operations, and compiled once a form (vec_portable.h,
// vec_neon.h, vec_avx2.h, vec_avx512.h). The promise that makes all forms give the same bits: each
// operation is exact or rounds once, to nearest with ties to even, on finite lanes; none fuses a
// multiplication with an addition unless its result is proved to be the same.
//
//   F, I, M                      sixteen floats, integers, truth values
//   Set, SetInt                  one value in all lanes
//   Load, Store                  16 floats, unaligned
//   LoadAs<T>                    16 elements of FloatType T at a byte address
//   StoreAs<T>                   the same back; x is representable in BF16, or rounded to F16
//   ThroughF16                   x rounded to F16
//   FromF16Bits                  the F16 values whose bits are in the low halves
//   LoadE4M3                     16 bytes of E4M3 as floats, times 2^-8; no byte is NaN
//   LoadBytes, StoreBytes        16 bytes, zero-extended; the low byte of each lane
//   LoadSigned                   16 bytes, sign-extended
//   StoreClamped                 the low byte of each lane, 255 for larger ones; none is negative
//   Add Sub Mul Div Min Max Abs  of floats; Min and Max of numbers
//   SubProduct(c, a, b)          c - a * b where that product is exact, so that fusing is all one
//   RoundEven                    to a whole number, ties to even
//   Quotient(a, b, 1/b)          a / b, good enough for RoundToInt to give what it gives of the
//                                quotient rounded once, if that is below 257; b is a normal float
//                                far from the ends of the range, its reciprocal rounded once.
//                                tests/quant/shortcuts_test.cc proves it
//   Taint(sum, x)                sum, or NaN in lanes where x is not finite; sum is 0 or NaN
//   RoundToInt, Truncate         to int32, ties to even or towards zero; |x| < 2^31, but Truncate
//   of
//                                NaN gives a multiple of 256
//   FromInt, BitsOf, FloatOf     conversion, and views of the same bits
//   AddInt SubInt MinInt MaxInt And Or Xor ShiftLeft<n> ShiftRight<n>   (logical
//                                shifts, signed extremes)
//   Less Equal LessInt EqualInt, Select, SelectInt, Mask     (Mask: lane i is bit i)
//   Lookup(table, i)             lane i & 15 of table
//   ReduceTile<Op>(rows)         lane i is Op over the lanes of rows[i]; 16 rows
//   Pack64<kBits>(codes, out)    64 codes, one a byte, become 64 * kBits bits; writes up to 64
//   bytes Unpack64<kBits>(in, codes)   the reverse; reads up to 64 bytes E2M1FromQuarters(p) 64
//   signed bytes, each the truncated quadruple of a value, become
//                                E2M1 codes in place
//   StreamOut(to, from, bytes)   a copy that goes around the caches
#ifndef INGOT_QUANT_SIMD_VEC_H_
#define INGOT_QUANT_SIMD_VEC_H_

#include <cstddef>
#include <cstdint>

#include "quant/float_types.h"

namespace ingot::quant {

inline constexpr size_t kLanes = 16;

// Operations that the reductions are given.
struct MinOp {
  template <class V>
  static typename V::F Apply(typename V::F a, typename V::F b) {
    return V::Min(a, b);
  }
};
struct MaxOp {
  template <class V>
  static typename V::F Apply(typename V::F a, typename V::F b) {
    return V::Max(a, b);
  }
};
// Of floats without sign, as integers: NaN and infinity win.
struct MaxBitsOp {
  template <class V>
  static typename V::F Apply(typename V::F a, typename V::F b) {
    return V::FloatOf(V::MaxInt(V::BitsOf(a), V::BitsOf(b)));
  }
};
// Of signed 16-bit lanes.
struct MinWideOp {
  template <class V>
  static typename V::W Apply(typename V::W a, typename V::W b) {
    return V::MinWide(a, b);
  }
};
struct MaxWideOp {
  template <class V>
  static typename V::W Apply(typename V::W a, typename V::W b) {
    return V::MaxWide(a, b);
  }
};

}  // namespace ingot::quant

#endif  // INGOT_QUANT_SIMD_VEC_H_
