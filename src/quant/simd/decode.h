// The decoders: codes unpacked to bytes, a tile at a time, then looked up or computed. What they
// compute, and where it is rounded, is DecodeTileExactly's.
#ifndef INGOT_QUANT_SIMD_DECODE_H_
#define INGOT_QUANT_SIMD_DECODE_H_

#include "quant/exact_tile.h"
#include "quant/fp8.h"
#include "quant/simd/common.h"

namespace ingot::quant {

// The codes of a tile, one a byte: unpacked into buffer, or where they are when they are bytes.
template <class V>
const uint8_t* TileCodes(const DecodeRun& run, const GroupRange& tile, uint8_t* buffer) {
  const size_t bits = run.format.bits;
  const size_t values = tile.groups * run.format.group_size;
  const size_t group_bytes = run.format.group_size * bits / 8;
  const auto* in = reinterpret_cast<const uint8_t*>(run.codes) + tile.first * group_bytes;
  if (bits == 8) return in;
  if ((run.groups - tile.first - tile.groups) * group_bytes >= kSlack) {
    UnpackCodes<V>(run.format.bits, in, values, buffer);
    return buffer;
  }
  // Unpacking may read beyond the last codes.
  alignas(64) uint8_t packed[kMaxTileValues + kSlack];
  std::memcpy(packed, in, values * bits / 8);
  UnpackCodes<V>(run.format.bits, packed, values, buffer);
  return buffer;
}

// Where a tile's values go: straight to the output, or to a buffer that Finish streams out.
template <class V>
class TileOutput {
 public:
  TileOutput(const DecodeRun& run, const GroupRange& tile)
      : bytes_(tile.groups * run.format.group_size * SizeOf(run.type)),
        out_(run.out + tile.first * run.format.group_size * SizeOf(run.type)),
        streams_(run.stream) {}
  std::byte* data() { return streams_ ? buffer_ : out_; }
  void Finish() {
    if (streams_) V::StreamOut(out_, buffer_, bytes_);
  }

 private:
  alignas(64) std::byte buffer_[kMaxTileValues * 4];
  size_t bytes_;
  std::byte* out_;
  bool streams_;
};

// StoreAs twice, to neighbouring places.
template <class V, FloatType kType>
void StorePair(std::byte* out, typename V::F x, typename V::F y) {
  if constexpr (kType == FloatType::kBF16 && requires { V::StorePairBF16(out, x, y); }) {
    V::StorePairBF16(out, x, y);
  } else {
    V::template StoreAs<kType>(out, x);
    V::template StoreAs<kType>(out + kLanes * SizeOf(kType), y);
  }
}

// count <= 16 elements of `type` as floats; zeros after them.
template <class V>
typename V::F LoadSome(FloatType type, const std::byte* data, size_t count) {
  alignas(64) std::byte bytes[kLanes * 4] = {};
  std::memcpy(bytes, data, count * SizeOf(type));
  switch (type) {
    case FloatType::kF32:
      return V::template LoadAs<FloatType::kF32>(bytes);
    case FloatType::kF16:
      return V::template LoadAs<FloatType::kF16>(bytes);
    case FloatType::kBF16:
      break;
  }
  return V::template LoadAs<FloatType::kBF16>(bytes);
}

template <class V>
bool AllFinite(typename V::F x) {
  return V::Mask(V::LessInt(Magnitude<V>(x), V::SetInt(0x7f800000))) == 0xffffu;
}

// Finite x, |x| < 2^110, rounded to kType. For BF16 by float arithmetic, which is shorter than by
// bits: x (2^16 + 1), rounded as floats are, keeps of x what 8 bits of significand hold, on top of
// 2^16 x; a value half way goes to the even side because its last bits are zero. Nothing is lost
// below BF16's smallest normal number either, as products and sums of BF16 numbers and codes are
// whole multiples of its smallest subnormal one.
template <class V, FloatType kType>
typename V::F RoundModerate(typename V::F x) {
  if constexpr (kType != FloatType::kBF16) {
    return RoundLanes<V, kType>(x);
  } else {
    const auto scaled = V::Mul(x, V::Set(65537.0f));
    return V::Add(scaled, V::Sub(x, scaled));
  }
}
// The same of x with at most 16 significant bits, whose difference from 2^16 x is exact.
template <class V, FloatType kType>
typename V::F RoundShort(typename V::F x) {
  if constexpr (kType != FloatType::kBF16) {
    return RoundLanes<V, kType>(x);
  } else {
    return V::SubProduct(V::Mul(x, V::Set(65537.0f)), x, V::Set(65536.0f));
  }
}

// code * scale + bias, rounded to the scales' type after each step, then to the output's.
template <class V, FloatType kScale, FloatType kOut>
typename V::F AffineValues(typename V::F codes, typename V::F scale, typename V::F bias) {
  const auto product = RoundShort<V, kScale>(V::Mul(codes, scale));
  const auto sum = RoundModerate<V, kScale>(V::Add(product, bias));
  if constexpr (kScale == kOut) return sum;
  return RoundLanes<V, kOut>(sum);
}

template <class V, FloatType kScale, FloatType kOut>
bool DecodeAffineTile(const DecodeRun& run, const GroupRange& tile) {
  using F = typename V::F;
  constexpr size_t kStep = kLanes * SizeOf(kOut);
  const size_t size = SizeOf(kScale);
  const F scale = LoadSome<V>(kScale, run.scales + tile.first * size, tile.groups);
  const F bias = LoadSome<V>(kScale, run.biases + tile.first * size, tile.groups);
  const F most = V::Max(V::Abs(scale), V::Abs(bias));
  if (!AllFinite<V>(scale) || !AllFinite<V>(bias)) return false;
  if (V::Mask(V::Less(most, V::Set(0x1p100f))) != 0xffffu) return false;
  alignas(64) float scales[kLanes];
  alignas(64) float biases[kLanes];
  V::Store(scales, scale);
  V::Store(biases, bias);

  alignas(64) uint8_t buffer[kMaxTileValues + kSlack];
  const uint8_t* codes = TileCodes<V>(run, tile, buffer);
  const size_t pairs = run.format.group_size / (2 * kLanes);
  TileOutput<V> output(run, tile);
  std::byte* out = output.data();
  const bool has_table = run.format.bits <= 4;
  static constexpr uint8_t kCodes[kLanes] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const F all_codes = V::FromInt(V::LoadBytes(kCodes));
  for (size_t g = 0; g < tile.groups; ++g) {
    const F s = V::Set(scales[g]);
    const F b = V::Set(biases[g]);
    if (has_table) {
      const F table = AffineValues<V, kScale, kOut>(all_codes, s, b);
      for (size_t i = 0; i < pairs; ++i, codes += 2 * kLanes, out += 2 * kStep) {
        StorePair<V, kOut>(out, V::Lookup(table, V::LoadBytes(codes)),
                           V::Lookup(table, V::LoadBytes(codes + kLanes)));
      }
    } else {
      for (size_t i = 0; i < pairs; ++i, codes += 2 * kLanes, out += 2 * kStep) {
        const F x = V::FromInt(V::LoadBytes(codes));
        const F y = V::FromInt(V::LoadBytes(codes + kLanes));
        StorePair<V, kOut>(out, AffineValues<V, kScale, kOut>(x, s, b),
                           AffineValues<V, kScale, kOut>(y, s, b));
      }
    }
  }
  output.Finish();
  return true;
}

// The scales of an fp mode as factors, a lane a group; false when a tile has one that is NaN, or so
// near an end of the range that products may round in a way that only the plain code follows.
template <class V>
bool FpScales(const DecodeRun& run, const GroupRange& tile, float* scales) {
  uint8_t bytes[kLanes];
  std::memset(bytes, 127, sizeof bytes);
  if (run.format.mode == Mode::kNvfp4) std::memset(bytes, 0, sizeof bytes);
  std::memcpy(bytes, run.scales + tile.first, tile.groups);
  const typename V::I codes = V::LoadBytes(bytes);
  if (run.format.mode == Mode::kNvfp4) {
    typename V::F scale = FromE4M3<V>(codes);
    if (run.global_scale != nullptr) {
      const float factor = *run.global_scale / (kE4M3Max * kE2M1Max);
      if (!(factor > 0x1p-100f && factor < 0x1p100f)) return false;
      scale = V::Mul(scale, V::Set(factor));
    }
    V::Store(scales, scale);
    return AllFinite<V>(scale);
  }
  // 2^-96 to 2^110; F16 holds 2^-14 to 2^15 without loss.
  const bool is_f16 = run.type == FloatType::kF16;
  const uint32_t least = is_f16 ? 127 - 14 : 127 - 96;
  const uint32_t most = is_f16 ? 127 + 15 : 127 + 110;
  V::Store(scales, V::FloatOf(V::template ShiftLeft<23>(codes)));
  return (V::Mask(V::LessInt(codes, V::SetInt(least))) |
          V::Mask(V::LessInt(V::SetInt(most), codes))) == 0;
}

template <class V, FloatType kOut>
bool DecodeE2M1Tile(const DecodeRun& run, const GroupRange& tile) {
  using F = typename V::F;
  constexpr size_t kStep = kLanes * SizeOf(kOut);
  alignas(64) float scales[kLanes];
  if (!FpScales<V>(run, tile, scales)) return false;
  alignas(64) uint8_t buffer[kMaxTileValues + kSlack];
  const uint8_t* codes = TileCodes<V>(run, tile, buffer);
  const size_t vectors = run.format.group_size / kLanes;
  TileOutput<V> output(run, tile);
  std::byte* out = output.data();
  const F values = V::Load(kE2M1Values);
  // Products of such values and scales fit BF16, and F16 is rounded to by StoreAs.
  for (size_t g = 0; g < tile.groups; ++g) {
    F table = V::Mul(values, V::Set(scales[g]));
    if (run.global_scale != nullptr) table = RoundLanes<V, kOut>(table);
    for (size_t v = 0; v < vectors; ++v, codes += kLanes, out += kStep) {
      V::template StoreAs<kOut>(out, V::Lookup(table, V::LoadBytes(codes)));
    }
  }
  output.Finish();
  return true;
}

template <class V, FloatType kOut>
bool DecodeMxfp8Tile(const DecodeRun& run, const GroupRange& tile) {
  using F = typename V::F;
  constexpr size_t kStep = kLanes * SizeOf(kOut);
  alignas(64) float scales[kLanes];
  if (!FpScales<V>(run, tile, scales)) return false;
  uint8_t last[64] = {};
  const size_t values = tile.groups * 32;
  const uint8_t* codes = reinterpret_cast<const uint8_t*>(run.codes) + tile.first * 32;
  std::memcpy(last, codes + values / 64 * 64, values % 64);
  bool any_nan = V::AnyE4M3Nan(last);
  for (size_t i = 0; i + 64 <= values; i += 64) any_nan |= V::AnyE4M3Nan(codes + i);
  if (any_nan) return false;
  TileOutput<V> output(run, tile);
  std::byte* out = output.data();
  for (size_t g = 0; g < tile.groups; ++g) {
    const F scale = V::Set(scales[g] * 0x1p8f);
    // Exact but for F16, which storing rounds to.
    StorePair<V, kOut>(out, V::Mul(V::LoadE4M3(codes), scale),
                       V::Mul(V::LoadE4M3(codes + kLanes), scale));
    codes += 2 * kLanes;
    out += 2 * kStep;
  }
  output.Finish();
  return true;
}

template <class V, FloatType kOut>
bool DecodeTile(const DecodeRun& run, const GroupRange& tile) {
  if (run.format.mode == Mode::kMxfp8) return DecodeMxfp8Tile<V, kOut>(run, tile);
  if (run.format.mode != Mode::kAffine) return DecodeE2M1Tile<V, kOut>(run, tile);
  switch (run.scale_type) {
    case FloatType::kF32:
      return DecodeAffineTile<V, FloatType::kF32, kOut>(run, tile);
    case FloatType::kF16:
      return DecodeAffineTile<V, FloatType::kF16, kOut>(run, tile);
    case FloatType::kBF16:
      return DecodeAffineTile<V, FloatType::kBF16, kOut>(run, tile);
  }
  return false;
}

template <class V, FloatType kOut>
void DecodeAll(const DecodeRun& run) {
  for (size_t first = 0; first < run.groups; first += kTileGroups) {
    const GroupRange tile = RangeAt(first, run.groups, kTileGroups);
    if (!DecodeTile<V, kOut>(run, tile)) DecodeTileExactly(run, first, tile.groups);
  }
}

}  // namespace ingot::quant

#endif  // INGOT_QUANT_SIMD_DECODE_H_
