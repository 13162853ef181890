// The affine encoder: per group scale and bias from the extremes, codes by division. The rule is
// ExactAffineGroup's; this does sixteen groups at once.
#ifndef INGOT_QUANT_SIMD_ENCODE_AFFINE_H_
#define INGOT_QUANT_SIMD_ENCODE_AFFINE_H_

#include "quant/exact_tile.h"
#include "quant/simd/common.h"

namespace ingot::quant {

// What the groups of a tile are encoded with, a lane a group.
template <class V>
struct AffineLanes {
  alignas(64) float scale[kLanes];
  alignas(64) float bias[kLanes];
  alignas(64) float reciprocal[kLanes];  // of scale
};

// False when some scale is beyond what the division below is exact for.
template <class V>
bool AffineScales(typename V::F low, typename V::F high, float top, uint32_t used,
                  AffineLanes<V>& lanes, TileMarks& marks) {
  using F = typename V::F;
  const F zero = V::Set(0.0f);
  const auto low_is_edge = V::Less(V::Abs(high), V::Abs(low));
  F scale = V::Max(V::Div(V::Sub(high, low), V::Set(top)), V::Set(1e-7f));
  scale = V::Select(low_is_edge, scale, V::Sub(zero, scale));
  const F edge = V::Select(low_is_edge, low, high);
  const F steps = V::RoundEven(V::Div(edge, scale));
  const auto no_step = V::Equal(steps, zero);
  scale = V::Select(no_step, scale, V::Div(edge, steps));
  const F bias = V::Select(no_step, zero, edge);
  V::Store(lanes.scale, scale);
  V::Store(lanes.bias, bias);
  V::Store(lanes.reciprocal, V::Div(V::Set(1.0f), scale));

  const uint32_t empty = V::Mask(V::Equal(edge, zero));  // all values are zero
  const uint32_t lost = V::Mask(no_step);
  marks.nonfinite = 0;
  marks.zeroed = static_cast<uint16_t>(lost & ~empty & used);
  marks.live = static_cast<uint16_t>(~lost & used);
  const F size = V::Abs(scale);
  return (V::Mask(V::Less(V::Set(0x1p-60f), size)) & V::Mask(V::Less(size, V::Set(0x1p100f)))) ==
         0xffffu;
}

template <class V, FloatType kType, size_t kVectors>
bool EncodeAffineTile(const EncodeRun& run, const Tile& tile) {
  using F = typename V::F;
  constexpr size_t kStep = kLanes * SizeOf(kType);
  constexpr size_t kGroup = kLanes * kVectors;
  const std::byte* source = run.source + tile.first * kVectors * kStep;

  F low[kTileGroups];
  F high[kTileGroups];
  F taint = V::Set(0.0f);  // becomes NaN when a value is not finite
  const F zero = V::Set(0.0f);
  for (size_t g = 0; g < kTileGroups; ++g) {
    if (g >= tile.groups) {
      low[g] = high[g] = zero;
      continue;
    }
    const std::byte* p = source + g * kVectors * kStep;
    low[g] = high[g] = V::template LoadAs<kType>(p);
    taint = V::Add(taint, V::Mul(low[g], zero));
    for (size_t v = 1; v < kVectors; ++v) {
      const F x = V::template LoadAs<kType>(p + v * kStep);
      low[g] = V::Min(low[g], x);
      high[g] = V::Max(high[g], x);
      taint = V::Add(taint, V::Mul(x, zero));
    }
  }
  if (V::Mask(V::Equal(taint, taint)) != 0xffffu) return false;

  const int bits = run.format.bits;
  const float top = static_cast<float>((1 << bits) - 1);
  AffineLanes<V> lanes;
  TileMarks marks;
  if (!AffineScales<V>(V::template ReduceTile<MinOp>(low), V::template ReduceTile<MaxOp>(high), top,
                       tile.mask, lanes, marks)) {
    return false;
  }

  alignas(64) uint8_t buffer[kMaxTileValues + kSlack];
  const size_t code_bytes = kGroup * static_cast<size_t>(bits) / 8;
  uint8_t* out = reinterpret_cast<uint8_t*>(run.codes) + tile.first * code_bytes;
  uint8_t* codes = bits == 8 ? out : buffer;
  const F limit = V::Set(top);
  for (size_t g = 0; g < tile.groups; ++g) {
    const F scale = V::Set(lanes.scale[g]);
    const F bias = V::Set(lanes.bias[g]);
    const F reciprocal = V::Set(lanes.reciprocal[g]);
    for (size_t v = 0; v < kVectors; ++v) {
      const size_t at = g * kVectors + v;
      const F offset = V::Sub(V::template LoadAs<kType>(source + at * kStep), bias);
      // Never negative: the bias is the extreme on the side that the scale's sign points away from.
      const F code = V::Min(V::Quotient(offset, scale, reciprocal), limit);
      V::StoreBytes(codes + at * kLanes, V::RoundToInt(code));
    }
  }
  if (bits != 8) {
    alignas(64) uint8_t packed[kMaxTileValues + kSlack];
    PackTile<V>(bits, codes, tile.groups * kGroup, packed);
    std::memcpy(out, packed, tile.groups * code_bytes);
  }

  alignas(64) std::byte scales[kLanes * 4];
  alignas(64) std::byte biases[kLanes * 4];
  V::template StoreAs<kType>(scales, RoundLanes<V, kType>(V::Load(lanes.scale)));
  V::template StoreAs<kType>(biases, RoundLanes<V, kType>(V::Load(lanes.bias)));
  const size_t size = SizeOf(kType);
  std::memcpy(run.scales + tile.first * size, scales, tile.groups * size);
  std::memcpy(run.biases + tile.first * size, biases, tile.groups * size);
  run.marks[tile.first / kTileGroups] = marks;
  return true;
}

template <class V, FloatType kType, size_t kVectors>
void EncodeAffine(const EncodeRun& run) {
  for (size_t first = 0; first < run.groups; first += kTileGroups) {
    const Tile tile = TileAt<V>(first, run.groups);
    if (!EncodeAffineTile<V, kType, kVectors>(run, tile)) {
      EncodeTileExactly(run, first, tile.groups);
    }
  }
}

}  // namespace ingot::quant

#endif  // INGOT_QUANT_SIMD_ENCODE_AFFINE_H_
