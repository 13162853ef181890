// Tables that place codes in bytes, computed at compile time, and the packing of eight codes in one
// 64-bit word for machines without a better way.
#ifndef INGOT_QUANT_SIMD_LAYOUT_H_
#define INGOT_QUANT_SIMD_LAYOUT_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace ingot::quant {

// How many of the seven midpoints between E2M1 magnitudes (in quarters: 1, 3, 5, 7, 10, 14, 20) a
// value has passed whose quadruple, truncated towards zero after the smallest step towards zero, is
// `quarters`: its code without sign.
constexpr uint8_t E2M1FromQuarter(int quarters) {
  uint8_t code = 0;
  for (int midpoint : {1, 3, 5, 7, 10, 14, 20}) code += quarters >= midpoint ? 1 : 0;
  return code;
}
inline constexpr int8_t kMaxQuarters = 31;

// By the low six bits of a signed number of quarters in ±31. Zero has no negative code.
inline constexpr std::array<uint8_t, 64> kE2M1ByQuarters = [] {
  std::array<uint8_t, 64> table{};
  for (int q = 0; q <= kMaxQuarters; ++q) {
    const uint8_t code = E2M1FromQuarter(q);
    table[static_cast<size_t>(q)] = code;
    if (code != 0) table[static_cast<size_t>(64 - q)] = code | 8;
  }
  return table;
}();

constexpr uint64_t RepeatBits(uint64_t pattern, int width) {
  uint64_t all = 0;
  for (int at = 0; at < 64; at += width) all |= pattern << at;
  return all;
}

// Eight codes, one a byte, lowest first, become 8 * kBits bits at the bottom of the word.
template <int kBits>
constexpr uint64_t PackWord(uint64_t x) {
  constexpr uint64_t kBytes = RepeatBits(0xff, 16);
  constexpr uint64_t kHalves = RepeatBits(0xffff, 32);
  x = (x & kBytes) | ((x & ~kBytes) >> (8 - kBits));
  x = (x & kHalves) | ((x & ~kHalves) >> (16 - 2 * kBits));
  return (x & 0xffffffffu) | ((x >> 32) << (4 * kBits));
}

template <int kBits>
constexpr uint64_t UnpackWord(uint64_t x) {
  constexpr uint64_t kCodes = RepeatBits((1u << kBits) - 1, 8);
  x = (x & 0xffffffffu) | ((x >> (4 * kBits)) << 32);
  constexpr uint64_t kHalves = RepeatBits(0xffff, 32);
  x = (x & kHalves) | ((x << (16 - 2 * kBits)) & ~kHalves);
  constexpr uint64_t kBytes = RepeatBits(0xff, 16);
  x = (x & kBytes) | ((x << (8 - kBits)) & ~kBytes);
  return x & kCodes;
}

// Bytes of a register of `Size` bytes whose 8-byte lanes hold kBits bytes of codes each, moved
// together. Positions that no code fills take byte 0.
template <int kBits, size_t kSize>
constexpr std::array<uint8_t, kSize> CompactBytes() {
  std::array<uint8_t, kSize> from{};
  for (size_t to = 0; to < kSize / 8 * kBits; ++to) {
    from[to] = static_cast<uint8_t>(to / kBits * 8 + to % kBits);
  }
  return from;
}

// The reverse: each 8-byte lane takes its kBits bytes.
template <int kBits, size_t kSize>
constexpr std::array<uint8_t, kSize> SpreadBytes() {
  std::array<uint8_t, kSize> from{};
  for (size_t to = 0; to < kSize; ++to) {
    if (to % 8 < kBits) from[to] = static_cast<uint8_t>(to / 8 * kBits + to % 8);
  }
  return from;
}

}  // namespace ingot::quant

#endif  // INGOT_QUANT_SIMD_LAYOUT_H_
