// The encoders with float codes: mxfp4 and nvfp4 (E2M1), mxfp8 (E4M3). The rules are those of
// exact_group.h; here a lane is a group while scales are found, and a value afterwards.
#ifndef INGOT_QUANT_SIMD_ENCODE_FP_H_
#define INGOT_QUANT_SIMD_ENCODE_FP_H_

#include "quant/exact_tile.h"
#include "quant/fp8.h"
#include "quant/simd/common.h"

namespace ingot::quant {

// E2M1 codes come from "quarters": four times the value, truncated, after the smallest step towards
// zero. All midpoints between E2M1 values are whole quarters, and a value on a midpoint belongs to
// the smaller magnitude, so that step puts it, and nothing else, on the right side. Sources of 8 or
// 11 significant bits leave so much room around midpoints that a slightly smaller factor is the
// same step (the gap to the next source value is 2^-11 or more); F32 sources have their last bit
// decremented.
inline constexpr float kStepDown = 1.0f - 0x1p-20f;

template <class V, FloatType kType>
typename V::I Quarters(typename V::F quadruple) {
  if constexpr (kType == FloatType::kF32) {
    // The bits of ±0 become those of a NaN, which Truncate gives as a code of zero.
    return V::Truncate(V::FloatOf(V::SubInt(V::BitsOf(quadruple), V::SetInt(1))));
  } else {
    return V::Truncate(quadruple);
  }
}

// The largest magnitude of each group of the tile, as a lane; false when a value is not finite.
template <class V, FloatType kType, size_t kVectors>
bool LargestMagnitudes(const std::byte* source, size_t groups, typename V::F& largest) {
  using F = typename V::F;
  constexpr size_t kStep = kLanes * SizeOf(kType);
  F rows[kTileGroups];
  for (size_t g = 0; g < kTileGroups; ++g) {
    if (g >= groups) {
      rows[g] = V::Set(0.0f);
      continue;
    }
    const std::byte* p = source + g * kVectors * kStep;
    auto most = Magnitude<V>(V::template LoadAs<kType>(p));
    for (size_t v = 1; v < kVectors; ++v) {
      most = V::MaxInt(most, Magnitude<V>(V::template LoadAs<kType>(p + v * kStep)));
    }
    rows[g] = V::FloatOf(most);
  }
  largest = V::template ReduceTile<MaxBitsOp>(rows);
  return V::Mask(V::LessInt(V::BitsOf(largest), V::SetInt(0x7f800000))) == 0xffffu;
}

template <class V>
void MarkFpTile(const EncodeRun& run, const Tile& tile, typename V::F largest,
                typename V::M scale_is_zero) {
  const uint32_t empty = V::Mask(V::Equal(largest, V::Set(0.0f)));
  const uint32_t lost = V::Mask(scale_is_zero);
  TileMarks& marks = run.marks[tile.first / kTileGroups];
  marks.nonfinite = 0;
  marks.zeroed = static_cast<uint16_t>(lost & ~empty & tile.mask);
  marks.live = static_cast<uint16_t>(~lost & tile.mask);
}

template <class V>
void StoreScaleBytes(const EncodeRun& run, const Tile& tile, typename V::I codes) {
  uint8_t bytes[kLanes];
  V::StoreBytes(bytes, codes);
  std::memcpy(run.scales + tile.first, bytes, tile.groups);
}

// quarters: 64-byte aligned, room for whole chunks of 64.
template <class V>
void StoreE2M1(const EncodeRun& run, const Tile& tile, uint8_t* quarters) {
  const size_t count = tile.groups * run.format.group_size;
  for (size_t i = 0; i < count; i += 64) V::E2M1FromQuarters(quarters + i);
  alignas(64) uint8_t packed[kMaxTileValues / 2 + kSlack];
  PackTile<V, 4>(quarters, count, packed);
  std::memcpy(run.codes + tile.first * run.format.group_size / 2, packed, count / 2);
}

// The exponent of the smallest power of two that is at least amax / largest_code, that quotient
// rounded to the source's type; 0 when it is zero. False when the power or its inverse times 4 is
// not a normal float.
template <class V, FloatType kType>
bool PowerScales(typename V::F amax, float largest_code, typename V::I& exponent,
                 typename V::M& zero) {
  using I = typename V::I;
  const auto scale = RoundLanes<V, kType>(V::Div(amax, V::Set(largest_code)));
  zero = V::Equal(scale, V::Set(0.0f));
  // Adding all mantissa bits carries into the exponent unless the scale is a power of two already.
  const I rounded_up = V::AddInt(V::BitsOf(scale), V::SetInt(0x7fffff));
  const I biased = V::SelectInt(zero, V::SetInt(127), V::template ShiftRight<23>(rounded_up));
  exponent = V::SubInt(biased, V::SetInt(127));
  return V::Mask(V::LessInt(biased, V::SetInt(127 - 120))) == 0;
}

// 2^(shift - exponent).
template <class V>
typename V::F InversePower(typename V::I exponent, uint32_t shift) {
  return V::FloatOf(V::template ShiftLeft<23>(V::SubInt(V::SetInt(127 + shift), exponent)));
}

template <class V, FloatType kType>
bool EncodeMxfp4Tile(const EncodeRun& run, const Tile& tile) {
  using F = typename V::F;
  constexpr size_t kStep = kLanes * SizeOf(kType);
  const std::byte* source = run.source + tile.first * 2 * kStep;
  F amax;
  if (!LargestMagnitudes<V, kType, 2>(source, tile.groups, amax)) return false;
  typename V::I exponent;
  typename V::M zero;
  if (!PowerScales<V, kType>(amax, kE2M1Max, exponent, zero)) return false;

  F factor = InversePower<V>(exponent, 2);
  if (kType != FloatType::kF32) factor = V::Mul(factor, V::Set(kStepDown));
  alignas(64) float factors[kLanes];
  V::Store(factors, factor);
  alignas(64) uint8_t quarters[kTileGroups * 32 + kSlack];
  for (size_t g = 0; g < tile.groups; ++g) {
    const F by = V::Set(factors[g]);
    for (size_t v = 0; v < 2; ++v) {
      const F x = V::template LoadAs<kType>(source + (2 * g + v) * kStep);
      V::StoreBytes(quarters + (2 * g + v) * kLanes, Quarters<V, kType>(V::Mul(x, by)));
    }
  }
  StoreE2M1<V>(run, tile, quarters);
  StoreScaleBytes<V>(run, tile, V::AddInt(exponent, V::SetInt(127)));
  MarkFpTile<V>(run, tile, amax, zero);
  return true;
}

template <class V, FloatType kType>
bool EncodeMxfp8Tile(const EncodeRun& run, const Tile& tile) {
  using F = typename V::F;
  constexpr size_t kStep = kLanes * SizeOf(kType);
  const std::byte* source = run.source + tile.first * 2 * kStep;
  F amax;
  if (!LargestMagnitudes<V, kType, 2>(source, tile.groups, amax)) return false;
  typename V::I exponent;
  typename V::M zero;
  if (!PowerScales<V, kType>(amax, kE4M3Max, exponent, zero)) return false;

  alignas(64) float factors[kLanes];
  V::Store(factors, InversePower<V>(exponent, 0));
  uint8_t* codes = reinterpret_cast<uint8_t*>(run.codes) + tile.first * 32;
  for (size_t g = 0; g < tile.groups; ++g) {
    const F by = V::Set(factors[g]);
    for (size_t v = 0; v < 2; ++v) {
      const F x = V::template LoadAs<kType>(source + (2 * g + v) * kStep);
      V::StoreBytes(codes + (2 * g + v) * kLanes, ToE4M3<V>(V::Mul(x, by)));
    }
  }
  StoreScaleBytes<V>(run, tile, V::AddInt(exponent, V::SetInt(127)));
  MarkFpTile<V>(run, tile, amax, zero);
  return true;
}

// Values whose scale is rounded to zero are divided by one and multiplied by zero.
template <class V, FloatType kType, bool kGlobal>
bool EncodeNvfp4Tile(const EncodeRun& run, const Tile& tile) {
  using F = typename V::F;
  constexpr size_t kStep = kLanes * SizeOf(kType);
  // 448 is the largest scale; up to a few times that, values past 6 still count as 6.
  constexpr float kLargestScale = 448.0f * 4.0f;
  const std::byte* source = run.source + tile.first * kStep;
  const float encode_scale = kGlobal ? *run.encode_scale : 1.0f;
  if (kGlobal && !(encode_scale >= 0x1p-10f && encode_scale <= 0x1p40f)) return false;
  F amax;
  if (!LargestMagnitudes<V, kType, 1>(source, tile.groups, amax)) return false;
  F wanted = RoundLanes<V, kType>(V::Div(amax, V::Set(kE2M1Max)));
  if (kGlobal) wanted = V::Mul(wanted, V::Set(encode_scale));
  if (V::Mask(V::Less(wanted, V::Set(kLargestScale))) != 0xffffu) return false;
  const typename V::I scale_codes = V::And(ToE4M3<V>(wanted), V::SetInt(0xff));
  const F scale = FromE4M3<V>(scale_codes);
  const auto zero = V::Equal(scale, V::Set(0.0f));

  alignas(64) float divisors[kLanes];
  alignas(64) float factors[kLanes];
  const F divisor = V::Select(zero, V::Set(1.0f), scale);
  F factor = V::Set(4.0f * encode_scale);
  // One multiplication does for both steps where the step down covers its rounding.
  constexpr bool kDivides = kGlobal || kType == FloatType::kF32;
  if (!kDivides) factor = V::Div(V::Set(4.0f * kStepDown), divisor);
  V::Store(divisors, divisor);
  V::Store(factors, V::Select(zero, V::Set(0.0f), factor));
  alignas(64) uint8_t quarters[kTileGroups * 16 + kSlack];
  for (size_t g = 0; g < tile.groups; ++g) {
    F x = V::template LoadAs<kType>(source + g * kStep);
    if (kDivides) x = RoundLanes<V, kType>(V::Div(x, V::Set(divisors[g])));
    x = V::Mul(x, V::Set(factors[g]));
    constexpr FloatType kStepOf = kGlobal ? FloatType::kF32 : kType;
    V::StoreBytes(quarters + g * kLanes, Quarters<V, kStepOf>(x));
  }
  StoreE2M1<V>(run, tile, quarters);
  StoreScaleBytes<V>(run, tile, scale_codes);
  MarkFpTile<V>(run, tile, amax, zero);
  return true;
}

template <class V, FloatType kType>
bool EncodeFpTile(const EncodeRun& run, const Tile& tile) {
  switch (run.format.mode) {
    case Mode::kMxfp4:
      return EncodeMxfp4Tile<V, kType>(run, tile);
    case Mode::kMxfp8:
      return EncodeMxfp8Tile<V, kType>(run, tile);
    case Mode::kNvfp4:
      return run.encode_scale == nullptr ? EncodeNvfp4Tile<V, kType, false>(run, tile)
                                         : EncodeNvfp4Tile<V, kType, true>(run, tile);
    case Mode::kAffine:
      break;
  }
  return false;
}

template <class V, FloatType kType>
void EncodeFp(const EncodeRun& run) {
  for (size_t first = 0; first < run.groups; first += kTileGroups) {
    const Tile tile = TileAt<V>(first, run.groups);
    if (!EncodeFpTile<V, kType>(run, tile)) EncodeTileExactly(run, first, tile.groups);
  }
}

}  // namespace ingot::quant

#endif  // INGOT_QUANT_SIMD_ENCODE_FP_H_
