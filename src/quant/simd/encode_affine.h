// The affine encoder: per group scale and bias from the extremes, codes by division. The rule is
// ExactAffineGroup's; this does sixteen groups at once.
#ifndef INGOT_QUANT_SIMD_ENCODE_AFFINE_H_
#define INGOT_QUANT_SIMD_ENCODE_AFFINE_H_

#include "quant/exact_tile.h"
#include "quant/simd/extremes.h"

namespace ingot::quant {

// What the groups of a block are encoded with.
struct AffineBlock {
  alignas(64) float scales[kMaxBlockGroups];
  alignas(64) float biases[kMaxBlockGroups];
  alignas(64) float reciprocals[kMaxBlockGroups];  // of the scales
};

// A tile's scales and biases into lanes of the block. False when some scale is beyond what the
// quotients later are exact for.
template <class V>
bool AffineScales(typename V::F low, typename V::F high, float top, uint32_t used, size_t lane,
                  AffineBlock& block, TileMarks& marks) {
  using F = typename V::F;
  const F zero = V::Set(0.0f);
  const auto low_is_edge = V::Less(V::Abs(high), V::Abs(low));
  F scale = V::Max(V::Div(V::Sub(high, low), V::Set(top)), V::Set(1e-7f));
  scale = V::Select(low_is_edge, scale, V::Sub(zero, scale));
  const F edge = V::Select(low_is_edge, low, high);
  const F steps = V::RoundEven(V::Div(edge, scale));
  const auto no_step = V::Equal(steps, zero);
  scale = V::Select(no_step, scale, V::Div(edge, steps));
  V::Store(block.scales + lane, scale);
  V::Store(block.biases + lane, V::Select(no_step, zero, edge));
  V::Store(block.reciprocals + lane, V::Div(V::Set(1.0f), scale));

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
bool AffineTile(const EncodeRun& run, const GroupRange& tile, size_t lane, AffineBlock& block) {
  using F = typename V::F;
  const std::byte* source = run.source + tile.first * kVectors * kLanes * SizeOf(kType);
  const float top = static_cast<float>((1 << run.format.bits) - 1);
  F low;
  F high;
  if (!TileExtremes<V, kType, kVectors>(source, tile.groups, low, high)) return false;
  return AffineScales<V>(low, high, top, UsedLanes(tile.groups), lane, block,
                         run.marks[tile.first / kTileGroups]);
}

template <class V, FloatType kType, size_t kVectors>
void AffineCodes(const EncodeRun& run, const GroupRange& range, const AffineBlock& block) {
  using F = typename V::F;
  constexpr size_t kStep = kLanes * SizeOf(kType);
  constexpr size_t kGroup = kLanes * kVectors;
  const size_t bits = run.format.bits;
  const size_t code_bytes = kGroup * bits / 8;
  alignas(64) uint8_t buffer[kBlockValues + kSlack];
  uint8_t* out = reinterpret_cast<uint8_t*>(run.codes) + range.first * code_bytes;
  uint8_t* codes = bits == 8 ? out : buffer;
  const std::byte* source = run.source + range.first * kVectors * kStep;
  for (size_t g = 0; g < range.groups; ++g) {
    const F scale = V::Set(block.scales[g]);
    const F bias = V::Set(block.biases[g]);
    const F reciprocal = V::Set(block.reciprocals[g]);
    for (size_t v = 0; v < kVectors; ++v) {
      const size_t at = g * kVectors + v;
      PrefetchAhead<V>(source + at * kStep);
      const F offset = V::Sub(V::template LoadAs<kType>(source + at * kStep), bias);
      // Never negative: the bias is the extreme on the side that the scale's sign points away from.
      // One too large is possible; clamping and packing see to it.
      const auto code = V::RoundToInt(V::Quotient(offset, scale, reciprocal));
      V::StoreClamped(codes + at * kLanes, code);
    }
  }
  if (bits == 8) return;
  PackCodes<V>(run.format.bits, codes, range.groups * kGroup, out);
}

template <class V, FloatType kType>
void StoreFloats(const float* lanes, size_t count, std::byte* out) {
  alignas(64) std::byte all[kMaxBlockGroups * SizeOf(kType)];
  for (size_t i = 0; i < count; i += kLanes) {
    V::template StoreAs<kType>(all + i * SizeOf(kType), RoundLanes<V, kType>(V::Load(lanes + i)));
  }
  std::memcpy(out, all, count * SizeOf(kType));
}

template <class V, FloatType kType, size_t kVectors>
void EncodeAffine(const EncodeRun& run) {
  constexpr size_t kBlockGroups = kBlockValues / (kLanes * kVectors);
  AffineBlock block;
  for (size_t first = 0; first < run.groups; first += kBlockGroups) {
    const GroupRange range = RangeAt(first, run.groups, kBlockGroups);
    uint32_t unusual = 0;  // a bit a tile, for the plain code
    for (size_t lane = 0; lane < range.groups; lane += kTileGroups) {
      const GroupRange tile = RangeAt(first + lane, run.groups, kTileGroups);
      if (!AffineTile<V, kType, kVectors>(run, tile, lane, block)) {
        unusual |= 1u << (lane / kTileGroups);
        for (size_t i = 0; i < kTileGroups; ++i) block.scales[lane + i] = 1.0f;
        for (size_t i = 0; i < kTileGroups; ++i) block.biases[lane + i] = 0.0f;
        for (size_t i = 0; i < kTileGroups; ++i) block.reciprocals[lane + i] = 1.0f;
      }
    }
    AffineCodes<V, kType, kVectors>(run, range, block);
    StoreFloats<V, kType>(block.scales, range.groups, run.scales + first * SizeOf(kType));
    StoreFloats<V, kType>(block.biases, range.groups, run.biases + first * SizeOf(kType));
    EncodeTilesExactly(run, first, unusual);
  }
}

}  // namespace ingot::quant

#endif  // INGOT_QUANT_SIMD_ENCODE_AFFINE_H_
