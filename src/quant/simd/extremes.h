// The extremes of the groups of a tile, a lane a group: least and greatest value, or greatest
// magnitude. F16 and BF16 are compared as 16-bit integers, twice as many at a time as floats.
//
// Both return false when a value is not finite.
#ifndef INGOT_QUANT_SIMD_EXTREMES_H_
#define INGOT_QUANT_SIMD_EXTREMES_H_

#include "quant/simd/common.h"

namespace ingot::quant {

// What absent groups of the last tile are read as.
alignas(64) inline constexpr std::byte kZeroBytes[64] = {};

// The bits of a 16-bit type's infinity, and 16-bit patterns in the low halves of lanes as floats.
template <FloatType kType>
inline constexpr uint32_t kInfinityBits = kType == FloatType::kF16 ? 0x7c00 : 0x7f80;
template <class V, FloatType kType>
typename V::F FromHalves(typename V::I halves) {
  if constexpr (kType == FloatType::kF16) {
    return V::FromF16Bits(halves);
  } else {
    return V::FloatOf(V::template ShiftLeft<16>(halves));
  }
}
// The same from their rank as signed integers, see OrderedWide.
template <class V, FloatType kType>
typename V::F FromOrdered(typename V::I rank) {
  const auto flip = V::And(V::HighInt(rank), V::SetInt(0x7fff));
  return FromHalves<V, kType>(V::And(V::Xor(rank, flip), V::SetInt(0xffff)));
}

template <class V, FloatType kType, size_t kVectors>
bool WideMagnitudes(const std::byte* source, size_t groups, typename V::F& largest) {
  using W = typename V::W;
  constexpr size_t kGroupBytes = kVectors * kLanes * 2;
  W rows[8];
  if constexpr (kVectors == 1) {  // two groups fill a wide register
    for (size_t i = 0; i < 8; ++i) {
      const std::byte* p = i < groups ? source + i * kGroupBytes : kZeroBytes;
      const std::byte* q = i + 8 < groups ? source + (i + 8) * kGroupBytes : kZeroBytes;
      rows[i] = V::MagnitudeWide(V::LoadPair(p, q));
    }
  } else {
    W most[kTileGroups];
    for (size_t g = 0; g < kTileGroups; ++g) {
      if (g >= groups) {
        most[g] = V::LoadWide(kZeroBytes);
        continue;
      }
      const std::byte* p = source + g * kGroupBytes;
      most[g] = V::MagnitudeWide(V::LoadWide(p));
      for (size_t at = 64; at < kGroupBytes; at += 64) {
        most[g] = V::MaxWide(most[g], V::MagnitudeWide(V::LoadWide(p + at)));
      }
    }
    for (size_t i = 0; i < 8; ++i) {
      rows[i] = V::template HalveWide<MaxWideOp>(most[i], most[i + 8]);
    }
  }
  const typename V::I pairs = V::template ReducePairs<MaxWideOp>(rows);
  const typename V::I bits = V::MaxInt(V::LowInt(pairs), V::HighInt(pairs));
  largest = FromHalves<V, kType>(bits);
  return V::Mask(V::LessInt(bits, V::SetInt(kInfinityBits<kType>))) == 0xffffu;
}

template <class V, FloatType kType, size_t kVectors>
bool WideExtremes(const std::byte* source, size_t groups, typename V::F& low, typename V::F& high) {
  using I = typename V::I;
  using W = typename V::W;
  constexpr size_t kGroupBytes = kVectors * kLanes * 2;
  static_assert(kVectors >= 2);
  W least[kTileGroups];
  W most[kTileGroups];
  for (size_t g = 0; g < kTileGroups; ++g) {
    if (g >= groups) {
      least[g] = most[g] = V::LoadWide(kZeroBytes);
      continue;
    }
    const std::byte* p = source + g * kGroupBytes;
    least[g] = most[g] = V::OrderedWide(V::LoadWide(p));
    for (size_t at = 64; at < kGroupBytes; at += 64) {
      const W x = V::OrderedWide(V::LoadWide(p + at));
      least[g] = V::MinWide(least[g], x);
      most[g] = V::MaxWide(most[g], x);
    }
  }
  W low_rows[8];
  W high_rows[8];
  for (size_t i = 0; i < 8; ++i) {
    low_rows[i] = V::template HalveWide<MinWideOp>(least[i], least[i + 8]);
    high_rows[i] = V::template HalveWide<MaxWideOp>(most[i], most[i + 8]);
  }
  const I low_pairs = V::template ReducePairs<MinWideOp>(low_rows);
  const I high_pairs = V::template ReducePairs<MaxWideOp>(high_rows);
  const I low_rank = V::MinInt(V::LowInt(low_pairs), V::HighInt(low_pairs));
  const I high_rank = V::MaxInt(V::LowInt(high_pairs), V::HighInt(high_pairs));
  low = FromOrdered<V, kType>(low_rank);
  high = FromOrdered<V, kType>(high_rank);
  const I infinity = V::SetInt(kInfinityBits<kType>);
  const I minus_infinity = V::SetInt(~kInfinityBits<kType>);
  return (V::Mask(V::LessInt(high_rank, infinity)) &
          V::Mask(V::LessInt(minus_infinity, low_rank))) == 0xffffu;
}

// kVectors: 16 values each, in a group.
template <class V, FloatType kType, size_t kVectors>
bool TileMagnitudes(const std::byte* source, size_t groups, typename V::F& largest) {
  if constexpr (kType != FloatType::kF32) {
    return WideMagnitudes<V, kType, kVectors>(source, groups, largest);
  } else {
    constexpr size_t kStep = kLanes * 4;
    typename V::F rows[kTileGroups];
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
}

template <class V, FloatType kType, size_t kVectors>
bool TileExtremes(const std::byte* source, size_t groups, typename V::F& low, typename V::F& high) {
  using F = typename V::F;
  if constexpr (kType != FloatType::kF32) {
    return WideExtremes<V, kType, kVectors>(source, groups, low, high);
  } else {
    constexpr size_t kStep = kLanes * 4;
    F least[kTileGroups];
    F most[kTileGroups];
    F taint = V::Set(0.0f);
    for (size_t g = 0; g < kTileGroups; ++g) {
      if (g >= groups) {
        least[g] = most[g] = V::Set(0.0f);
        continue;
      }
      const std::byte* p = source + g * kVectors * kStep;
      least[g] = most[g] = V::template LoadAs<kType>(p);
      taint = V::Taint(taint, least[g]);
      for (size_t v = 1; v < kVectors; ++v) {
        const F x = V::template LoadAs<kType>(p + v * kStep);
        least[g] = V::Min(least[g], x);
        most[g] = V::Max(most[g], x);
        taint = V::Taint(taint, x);
      }
    }
    low = V::template ReduceTile<MinOp>(least);
    high = V::template ReduceTile<MaxOp>(most);
    return V::Mask(V::Equal(taint, taint)) == 0xffffu;
  }
}

}  // namespace ingot::quant

#endif  // INGOT_QUANT_SIMD_EXTREMES_H_
