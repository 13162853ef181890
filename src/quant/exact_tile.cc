#include "quant/exact_tile.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <span>

#include "quant/exact_group.h"
#include "quant/fp8.h"

namespace ingot::quant {
namespace {

constexpr size_t kMaxGroup = 128;

// Bits [at, at + bits) of a little-endian string of bits; bits <= 8.
uint8_t GetBits(const uint8_t* data, size_t at, size_t bits) {
  uint32_t window = data[at / 8];
  if (at % 8 + bits > 8) window |= uint32_t{data[at / 8 + 1]} << 8;
  return static_cast<uint8_t>((window >> (at % 8)) & ((1u << bits) - 1));
}

void PackCodes(std::span<const uint8_t> codes, size_t bits, std::byte* out) {
  auto* bytes = reinterpret_cast<uint8_t*>(out);
  std::fill_n(bytes, codes.size() * bits / 8, uint8_t{0});
  for (size_t i = 0; i < codes.size(); ++i) {
    const size_t at = i * bits;
    const uint32_t window = uint32_t{codes[i]} << (at % 8);
    bytes[at / 8] |= static_cast<uint8_t>(window);
    if (at % 8 + bits > 8) bytes[at / 8 + 1] |= static_cast<uint8_t>(window >> 8);
  }
}

// How one group ended, as TileMarks counts it.
struct GroupFate {
  bool nonfinite = false;
  bool has_values = false;
  bool live = false;
};

void Mark(const GroupFate& fate, size_t index, TileMarks& marks) {
  const auto bit = static_cast<uint16_t>(1u << index);
  if (fate.nonfinite) marks.nonfinite |= bit;
  if (fate.live) marks.live |= bit;
  if (fate.has_values && !fate.nonfinite && !fate.live) marks.zeroed |= bit;
}

GroupFate EncodeAffineGroup(const EncodeRun& run, size_t group, std::span<const float> values,
                            uint8_t* codes) {
  AffineParameters parameters = ExactAffineGroup(values, run.format.bits, codes);
  // Conversion keeps the sign of a NaN in F16 only; in F32 the bits are stored as they are.
  StoreFloat(run.type, parameters.scale, run.scales, group);
  StoreFloat(run.type, parameters.bias, run.biases, group);
  return {.live = parameters.bias != 0};
}

GroupFate EncodeFpGroup(const EncodeRun& run, size_t group, std::span<const float> values,
                        uint8_t* codes) {
  uint8_t scale = 0;
  switch (run.format.mode) {
    case Mode::kMxfp4:
      scale = ExactMxfp4Group(run.type, values, codes);
      break;
    case Mode::kMxfp8:
      scale = ExactMxfp8Group(run.type, values, codes);
      break;
    default:
      scale = ExactNvfp4Group(run.type, values, run.encode_scale, codes);
      break;
  }
  run.scales[group] = std::byte{scale};
  const uint8_t magnitude = run.format.bits == 8 ? 0x7f : 7;
  const bool any = std::any_of(codes, codes + values.size(),
                               [&](uint8_t code) { return (code & magnitude) != 0; });
  const bool scaled = run.format.mode != Mode::kNvfp4 || (scale & 0x7f) != 0;
  return {.live = any && scaled};
}

// What a code stands for in its group, rounded where MLX rounds.
class GroupDecoder {
 public:
  GroupDecoder(const DecodeRun& run, size_t group) : run_(run) {
    if (run.format.mode == Mode::kAffine) {
      scale_ = LoadFloat(run.scale_type, run.scales, group);
      bias_ = LoadFloat(run.scale_type, run.biases, group);
      return;
    }
    const auto code = static_cast<uint8_t>(run.scales[group]);
    if (run.format.mode != Mode::kNvfp4) {
      scale_ = RoundTo(run.type, F32FromE8M0(code));
    } else if (run.global_scale == nullptr) {
      scale_ = F32FromE4M3(code);
    } else {
      scale_ = F32FromE4M3(code) * (*run.global_scale / (kE4M3Max * kE2M1Max));
    }
  }

  float Value(uint8_t code) const {
    if (run_.format.mode == Mode::kAffine) {
      const float product = RoundTo(run_.scale_type, static_cast<float>(code) * scale_);
      return RoundTo(run_.type, RoundTo(run_.scale_type, product + bias_));
    }
    const float value = run_.format.bits == 8 ? F32FromE4M3(code) : kE2M1Values[code];
    return RoundTo(run_.type, value * scale_);
  }

 private:
  const DecodeRun& run_;
  float scale_ = 0;
  float bias_ = 0;
};

}  // namespace

void EncodeTileExactly(const EncodeRun& run, size_t first, size_t count) {
  const size_t group_size = run.format.group_size;
  std::array<float, kMaxGroup> buffer;
  std::array<uint8_t, kMaxGroup> codes;
  TileMarks marks;
  for (size_t i = 0; i < count; ++i) {
    const size_t group = first + i;
    for (size_t j = 0; j < group_size; ++j) {
      buffer[j] = LoadFloat(run.type, run.source, group * group_size + j);
    }
    const std::span<const float> values(buffer.data(), group_size);
    GroupFate fate = run.format.mode == Mode::kAffine
                         ? EncodeAffineGroup(run, group, values, codes.data())
                         : EncodeFpGroup(run, group, values, codes.data());
    fate.nonfinite = !std::ranges::all_of(values, [](float x) { return std::isfinite(x); });
    fate.has_values = std::ranges::any_of(values, [](float x) { return x != 0; });
    Mark(fate, i, marks);
    PackCodes({codes.data(), group_size}, run.format.bits,
              run.codes + group * group_size * run.format.bits / 8);
  }
  run.marks[first / kTileGroups] = marks;
}

void EncodeTilesExactly(const EncodeRun& run, size_t first, uint32_t unusual) {
  for (; unusual != 0; unusual >>= 1, first += kTileGroups) {
    if ((unusual & 1u) == 0) continue;
    EncodeTileExactly(run, first, std::min(kTileGroups, run.groups - first));
  }
}

void DecodeTileExactly(const DecodeRun& run, size_t first, size_t count) {
  const size_t group_size = run.format.group_size;
  const auto* codes = reinterpret_cast<const uint8_t*>(run.codes);
  for (size_t group = first; group < first + count; ++group) {
    const GroupDecoder decoder(run, group);
    for (size_t i = group * group_size; i < (group + 1) * group_size; ++i) {
      const uint8_t code = GetBits(codes, i * run.format.bits, run.format.bits);
      StoreFloat(run.type, decoder.Value(code), run.out, i);
    }
  }
}

}  // namespace ingot::quant
