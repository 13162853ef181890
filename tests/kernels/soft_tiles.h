// A thread's tile registers in plain C++, as the instruction set's manual has them: palette 1,
// eight tiles of up to 16 rows of 64 bytes, products of bf16 pairs.
//
// Not safe for two threads; each has its own.
#ifndef INGOT_TESTS_KERNELS_SOFT_TILES_H_
#define INGOT_TESTS_KERNELS_SOFT_TILES_H_

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

namespace ingot::kernels {

class SoftTiles {
 public:
  static constexpr size_t kTiles = 8;
  static constexpr size_t kMostRows = 16;
  static constexpr size_t kMostBytes = 64;

  // Each says whether a processor would have done it, too.

  // From the 64 bytes that LDTILECFG reads.
  bool Configure(const uint8_t* setting) {
    configured_ = false;
    if (setting[0] == 0) return true;
    if (setting[0] != 1 || setting[1] != 0) return false;
    for (size_t i = 2; i < 16; ++i) {
      if (setting[i] != 0) return false;
    }
    for (size_t i = 0; i < 16; ++i) {
      uint16_t bytes = 0;
      std::memcpy(&bytes, setting + 16 + 2 * i, 2);
      const uint8_t rows = setting[48 + i];
      if (i >= kTiles && (bytes != 0 || rows != 0)) return false;
      if (bytes > kMostBytes || rows > kMostRows || (bytes == 0) != (rows == 0)) return false;
      if (i < kTiles) tiles_[i] = {.rows = rows, .bytes = bytes};
    }
    configured_ = true;
    return true;
  }
  bool Release() {
    configured_ = false;
    for (Tile& tile : tiles_) tile = {};
    return true;
  }

  bool Zero(size_t tile) {
    if (!IsSet(tile)) return false;
    std::memset(tiles_[tile].data, 0, sizeof tiles_[tile].data);
    return true;
  }
  bool Load(size_t tile, const std::byte* from, ptrdiff_t stride) {
    if (!Zero(tile)) return false;
    Tile& to = tiles_[tile];
    for (size_t r = 0; r < to.rows; ++r) {
      std::memcpy(to.data[r], from + static_cast<ptrdiff_t>(r) * stride, to.bytes);
    }
    return true;
  }
  bool Store(size_t tile, std::byte* to, ptrdiff_t stride) const {
    if (!IsSet(tile)) return false;
    const Tile& from = tiles_[tile];
    for (size_t r = 0; r < from.rows; ++r) {
      std::memcpy(to + static_cast<ptrdiff_t>(r) * stride, from.data[r], from.bytes);
    }
    return true;
  }
  // TDPBF16PS sum, a, b. The first and the second of all pairs are summed apart, then both together
  // are added.
  bool Dot(size_t sum, size_t a, size_t b) {
    if (!IsSet(sum) || !IsSet(a) || !IsSet(b) || sum == a || sum == b || a == b) return false;
    Tile& c = tiles_[sum];
    const Tile& left = tiles_[a];
    const Tile& right = tiles_[b];
    if (left.bytes % 4 != 0 || right.bytes % 4 != 0 || c.bytes % 4 != 0) return false;
    if (c.rows != left.rows || left.bytes / 4U != right.rows || c.bytes != right.bytes) {
      return false;
    }
    float numbers[kMostRows][kMostBytes / 2];  // of b
    for (size_t k = 0; k < right.rows; ++k) {
      for (size_t n = 0; n < right.bytes / 2U; ++n) numbers[k][n] = NumberAt(right, k, n);
    }
    for (size_t m = 0; m < c.rows; ++m) {
      float of[2][kMostBytes / 4] = {};
      for (size_t k = 0; k < left.bytes / 4U; ++k) {
        const float pair[] = {NumberAt(left, m, 2 * k), NumberAt(left, m, 2 * k + 1)};
        for (size_t n = 0; n < c.bytes / 4U; ++n) {
          for (size_t i = 0; i < 2; ++i) {
            of[i][n] = MulAdd(pair[i], numbers[k][2 * n + i], of[i][n]);
          }
        }
      }
      for (size_t n = 0; n < c.bytes / 4U; ++n) {
        float total = 0;
        std::memcpy(&total, c.data[m] + 4 * n, 4);
        total = Flush(Flush(total) + Flush(of[0][n] + of[1][n]));
        std::memcpy(c.data[m] + 4 * n, &total, 4);
      }
      std::memset(c.data[m] + c.bytes, 0, kMostBytes - c.bytes);
    }
    return true;
  }

 private:
  struct Tile {
    uint8_t rows = 0;
    uint16_t bytes = 0;  // of a row
    std::byte data[kMostRows][kMostBytes] = {};
  };

  bool IsSet(size_t tile) const { return configured_ && tile < kTiles && tiles_[tile].rows > 0; }

  static float NumberAt(const Tile& tile, size_t row, size_t column) {
    uint16_t bits = 0;
    std::memcpy(&bits, tile.data[row] + 2 * column, 2);
    return Flush(std::bit_cast<float>(uint32_t{bits} << 16));
  }
  // What is not a normal number counts as zero, and becomes zero.
  static float Flush(float x) {
    return std::fabs(x) < std::numeric_limits<float>::min() ? std::copysign(0.0F, x) : x;
  }
  // Rounded once. A product of two bf16 numbers is exact while it is a normal number, or zero as
  // one of them is.
  static float MulAdd(float a, float b, float c) {
    const float product = a * b;
    const bool exact = product == 0 ? a == 0 || b == 0
                                    : std::fabs(product) >= std::numeric_limits<float>::min() &&
                                          std::fabs(product) <= std::numeric_limits<float>::max();
    return Flush(exact ? product + c : std::fma(a, b, c));
  }

  bool configured_ = false;
  Tile tiles_[kTiles];
};

}  // namespace ingot::kernels

#endif  // INGOT_TESTS_KERNELS_SOFT_TILES_H_
