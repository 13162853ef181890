// The encoders with float codes: mxfp4 and nvfp4 (E2M1), mxfp8 (E4M3). The rules are those of
// exact_group.h; here a lane is a group while scales are found, and a value afterwards.
#ifndef INGOT_QUANT_SIMD_ENCODE_FP_H_
#define INGOT_QUANT_SIMD_ENCODE_FP_H_

#include "quant/exact_tile.h"
#include "quant/fp8.h"
#include "quant/simd/extremes.h"

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

// What the groups of a block are encoded with: values are divided by the divisor where a mode
// divides, and multiplied by the factor.
struct FpBlock {
  alignas(64) float divisors[kMaxBlockGroups];
  alignas(64) float factors[kMaxBlockGroups];
  alignas(64) uint8_t scales[kMaxBlockGroups];
};

template <class V>
void MarkFpTile(typename V::F largest, typename V::M scale_is_zero, uint32_t used,
                TileMarks& marks) {
  const uint32_t empty = V::Mask(V::Equal(largest, V::Set(0.0f)));
  const uint32_t lost = V::Mask(scale_is_zero);
  marks.nonfinite = 0;
  marks.zeroed = static_cast<uint16_t>(lost & ~empty & used);
  marks.live = static_cast<uint16_t>(~lost & used);
}

// The scales of mxfp4 and mxfp8: the smallest power of two that is at least amax / kMost, that
// quotient rounded to the source's type, or 1 when it is zero. The factor is kTimes over the scale.
// False when that is not a normal float.
template <class V, FloatType kType, int kMost, int kTimes>
bool PowerTile(const EncodeRun& run, const GroupRange& tile, size_t lane, FpBlock& block) {
  using F = typename V::F;
  using I = typename V::I;
  const std::byte* source = run.source + tile.first * 32 * SizeOf(kType);
  F amax;
  if (!TileMagnitudes<V, kType, 2>(source, tile.groups, amax)) return false;
  const F scale = RoundLanes<V, kType>(V::Div(amax, V::Set(kMost)));
  const auto zero = V::Equal(scale, V::Set(0.0f));
  // Adding all mantissa bits carries into the exponent unless the scale is a power of two already.
  const I rounded_up = V::AddInt(V::BitsOf(scale), V::SetInt(0x7fffff));
  const I biased = V::SelectInt(zero, V::SetInt(127), V::template ShiftRight<23>(rounded_up));
  if (V::Mask(V::LessInt(biased, V::SetInt(127 - 120))) != 0) return false;
  // 2^-(biased - 127), and the step down of Quarters.
  F factor = V::FloatOf(V::template ShiftLeft<23>(V::SubInt(V::SetInt(254), biased)));
  if (kTimes != 1) {
    factor = V::Mul(factor, V::Set(kType == FloatType::kF32 ? kTimes : kTimes * kStepDown));
  }
  V::Store(block.factors + lane, factor);
  V::StoreBytes(block.scales + lane, biased);
  MarkFpTile<V>(amax, zero, UsedLanes(tile.groups), run.marks[tile.first / kTileGroups]);
  return true;
}

// Whether nvfp4 values are divided by their scale as such; otherwise one multiplication does for
// that and for what follows, since the step down of Quarters covers its rounding.
template <FloatType kType, bool kGlobal>
inline constexpr bool kNvfp4Divides = kGlobal || kType == FloatType::kF32;

// The scales of nvfp4. Values whose scale is rounded to zero get a factor of zero.
template <class V, FloatType kType, bool kGlobal>
bool Nvfp4Tile(const EncodeRun& run, const GroupRange& tile, size_t lane, FpBlock& block) {
  using F = typename V::F;
  // 448 is the largest scale; up to a few times that, values past 6 still count as 6.
  constexpr float kLargestScale = 448.0f * 4.0f;
  const std::byte* source = run.source + tile.first * 16 * SizeOf(kType);
  const float encode_scale = kGlobal ? *run.encode_scale : 1.0f;
  if (kGlobal && !(encode_scale >= 0x1p-10f && encode_scale <= 0x1p40f)) return false;
  F amax;
  if (!TileMagnitudes<V, kType, 1>(source, tile.groups, amax)) return false;
  F wanted = RoundLanes<V, kType>(V::Div(amax, V::Set(kE2M1Max)));
  if (kGlobal) wanted = V::Mul(wanted, V::Set(encode_scale));
  if (V::Mask(V::Less(wanted, V::Set(kLargestScale))) != 0xffffu) return false;
  const typename V::I codes = V::And(ToE4M3<V>(wanted), V::SetInt(0xff));
  const F scale = FromE4M3<V>(codes);
  const auto zero = V::Equal(scale, V::Set(0.0f));
  const F divisor = V::Select(zero, V::Set(1.0f), scale);
  F factor = V::Set(4.0f * encode_scale);
  if (!kNvfp4Divides<kType, kGlobal>) factor = V::Div(V::Set(4.0f * kStepDown), divisor);
  V::Store(block.divisors + lane, divisor);
  V::Store(block.factors + lane, V::Select(zero, V::Set(0.0f), factor));
  V::StoreBytes(block.scales + lane, codes);
  MarkFpTile<V>(amax, zero, UsedLanes(tile.groups), run.marks[tile.first / kTileGroups]);
  return true;
}

// Each of these has the scales of a tile and the codes of a block; kGroup is the group size.
template <class V, FloatType kType>
struct Mxfp8Encoder {
  static constexpr size_t kGroup = 32;
  static bool Scales(const EncodeRun& run, const GroupRange& tile, size_t lane, FpBlock& block) {
    return PowerTile<V, kType, 448, 1>(run, tile, lane, block);
  }
  static void Codes(const EncodeRun& run, const GroupRange& range, const FpBlock& block) {
    constexpr size_t kStep = kLanes * SizeOf(kType);
    const std::byte* source = run.source + range.first * 2 * kStep;
    uint8_t* codes = reinterpret_cast<uint8_t*>(run.codes) + range.first * kGroup;
    for (size_t i = 0; i < 2 * range.groups; ++i) {
      PrefetchAhead<V>(source + i * kStep);
      const auto factor = V::Set(block.factors[i / 2]);
      const auto x = V::Mul(V::template LoadAs<kType>(source + i * kStep), factor);
      V::StoreBytes(codes + i * kLanes, ToE4M3<V>(x));
    }
  }
};

// Quarters of a block, 64-byte aligned and with room for whole chunks of 64, to packed codes.
template <class V>
void StoreE2M1(uint8_t* quarters, size_t count, std::byte* out) {
  for (size_t i = 0; i < count; i += 64) V::E2M1FromQuarters(quarters + i);
  PackCodes<V, 4>(quarters, count, reinterpret_cast<uint8_t*>(out));
}

template <class V, FloatType kType>
struct Mxfp4Encoder {
  static constexpr size_t kGroup = 32;
  static bool Scales(const EncodeRun& run, const GroupRange& tile, size_t lane, FpBlock& block) {
    return PowerTile<V, kType, 6, 4>(run, tile, lane, block);
  }
  static void Codes(const EncodeRun& run, const GroupRange& range, const FpBlock& block) {
    constexpr size_t kStep = kLanes * SizeOf(kType);
    const std::byte* source = run.source + range.first * 2 * kStep;
    alignas(64) uint8_t quarters[kBlockValues + kSlack];
    for (size_t i = 0; i < 2 * range.groups; ++i) {
      PrefetchAhead<V>(source + i * kStep);
      const auto factor = V::Set(block.factors[i / 2]);
      const auto x = V::Mul(V::template LoadAs<kType>(source + i * kStep), factor);
      V::StoreBytes(quarters + i * kLanes, Quarters<V, kType>(x));
    }
    StoreE2M1<V>(quarters, range.groups * kGroup, run.codes + range.first * kGroup / 2);
  }
};

template <class V, FloatType kType, bool kGlobal>
struct Nvfp4Encoder {
  static constexpr size_t kGroup = 16;
  static bool Scales(const EncodeRun& run, const GroupRange& tile, size_t lane, FpBlock& block) {
    return Nvfp4Tile<V, kType, kGlobal>(run, tile, lane, block);
  }
  static void Codes(const EncodeRun& run, const GroupRange& range, const FpBlock& block) {
    constexpr size_t kStep = kLanes * SizeOf(kType);
    constexpr FloatType kStepOf = kGlobal ? FloatType::kF32 : kType;
    const std::byte* source = run.source + range.first * kStep;
    alignas(64) uint8_t quarters[kBlockValues + kSlack];
    for (size_t g = 0; g < range.groups; ++g) {
      PrefetchAhead<V>(source + g * kStep);
      auto x = V::template LoadAs<kType>(source + g * kStep);
      if constexpr (kNvfp4Divides<kType, kGlobal>) {
        x = RoundLanes<V, kType>(V::Div(x, V::Set(block.divisors[g])));
      }
      x = V::Mul(x, V::Set(block.factors[g]));
      V::StoreBytes(quarters + g * kLanes, Quarters<V, kStepOf>(x));
    }
    StoreE2M1<V>(quarters, range.groups * kGroup, run.codes + range.first * kGroup / 2);
  }
};

template <class Encoder>
void EncodeFp(const EncodeRun& run) {
  constexpr size_t kBlockGroups = kBlockValues / Encoder::kGroup;
  FpBlock block;
  for (size_t first = 0; first < run.groups; first += kBlockGroups) {
    const GroupRange range = RangeAt(first, run.groups, kBlockGroups);
    uint32_t unusual = 0;  // a bit a tile, for the plain code
    for (size_t lane = 0; lane < range.groups; lane += kTileGroups) {
      const GroupRange tile = RangeAt(first + lane, run.groups, kTileGroups);
      if (!Encoder::Scales(run, tile, lane, block)) {
        unusual |= 1u << (lane / kTileGroups);
        for (size_t i = 0; i < kTileGroups; ++i) block.divisors[lane + i] = 1.0f;
        for (size_t i = 0; i < kTileGroups; ++i) block.factors[lane + i] = 0.0f;
        std::memset(block.scales + lane, 0, kTileGroups);
      }
    }
    Encoder::Codes(run, range, block);
    std::memcpy(run.scales + first, block.scales, range.groups);
    EncodeTilesExactly(run, first, unusual);
  }
}

template <class V, FloatType kType>
void EncodeFpMode(const EncodeRun& run) {
  switch (run.format.mode) {
    case Mode::kMxfp4:
      return EncodeFp<Mxfp4Encoder<V, kType>>(run);
    case Mode::kMxfp8:
      return EncodeFp<Mxfp8Encoder<V, kType>>(run);
    case Mode::kNvfp4:
      return run.encode_scale == nullptr ? EncodeFp<Nvfp4Encoder<V, kType, false>>(run)
                                         : EncodeFp<Nvfp4Encoder<V, kType, true>>(run);
    case Mode::kAffine:
      break;
  }
}

}  // namespace ingot::quant

#endif  // INGOT_QUANT_SIMD_ENCODE_FP_H_
