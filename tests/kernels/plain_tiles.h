// The product by tiles with nothing that depends on the machine: the algorithm of simd/tile_many.h
// over SoftTiles, and weights read one code after the other.
#ifndef INGOT_TESTS_KERNELS_PLAIN_TILES_H_
#define INGOT_TESTS_KERNELS_PLAIN_TILES_H_

#include <algorithm>
#include <cmath>
#include <cstring>

#include <gtest/gtest.h>

#include "kernels/simd/tile_many.h"
#include "kernels/tiles.h"
#include "quant/fp8.h"
#include "tests/kernels/soft_tiles.h"

namespace ingot::kernels {

struct PlainTiles {
  static SoftTiles& Own() {
    thread_local SoftTiles tiles;
    return tiles;
  }

  class Session {
   public:
    Session() {
      uint8_t setting[64] = {1};
      for (size_t i = 0; i < SoftTiles::kTiles; ++i) {
        setting[16 + 2 * i] = SoftTiles::kMostBytes;
        setting[48 + i] = SoftTiles::kMostRows;
      }
      EXPECT_TRUE(Own().Configure(setting));
    }
    ~Session() { EXPECT_TRUE(Own().Release()); }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
  };

  template <int kTile>
  static void Zero() {
    EXPECT_TRUE(Own().Zero(kTile));
  }
  template <int kTile>
  static void Load(const void* from) {
    EXPECT_TRUE(Own().Load(kTile, static_cast<const std::byte*>(from), 64));
  }
  template <int kTile>
  static void Store(void* to) {
    EXPECT_TRUE(Own().Store(kTile, static_cast<std::byte*>(to), 64));
  }
  template <int kSum, int kA, int kB>
  static void Dot() {
    EXPECT_TRUE(Own().Dot(kSum, kA, kB));
  }
};

struct PlainCodes {
  // Whole numbers, or what they stand for where bf16 holds that.
  static float NumberAt(const Matrix& matrix, size_t output, size_t input) {
    const std::byte* row = matrix.row(output);
    if (matrix.dense()) return quant::LoadFloat(matrix.type, row, input);
    const size_t bits = matrix.format.bits;
    uint32_t code = 0;
    for (size_t i = 0; i < bits; ++i) {
      const size_t at = input * bits + i;
      code |= ((static_cast<uint32_t>(row[at / 8]) >> (at % 8)) & 1U) << i;
    }
    if (matrix.layout == Layout::kAffine) return static_cast<float>(code);
    const auto scale = static_cast<uint8_t>(
        matrix.scales[output * matrix.groups() + input / matrix.format.group_size]);
    const float value = matrix.layout == Layout::kE4M3
                            ? quant::F32FromE4M3(static_cast<uint8_t>(code))
                            : quant::kE2M1Values[code];
    return value * (matrix.format.mode == quant::Mode::kNvfp4 ? quant::F32FromE4M3(scale)
                                                              : quant::F32FromE8M0(scale));
  }

  static void Expand(const Matrix& matrix, size_t output, size_t outputs, size_t at, size_t count,
                     tiles::Stretch& to) {
    for (size_t n = 0; n < kTileOutputs; ++n) {
      for (size_t k = 0; k < tiles::kInputs; ++k) {
        const float number = n < outputs && k < count ? NumberAt(matrix, output + n, at + k) : 0.0F;
        const uint16_t bits = quant::BF16FromF32(number);
        if (!std::isnan(number)) {
          EXPECT_EQ(quant::F32FromBF16(bits), number) << "bf16 does not hold it";
        }
        to.numbers[k / tiles::kStep][n / kTileSide][n % kTileSide][k % tiles::kStep] = bits;
      }
    }
  }

  static void ExpandScales(const Matrix& matrix, size_t output, size_t outputs, size_t at,
                           size_t count, tiles::Stretch& to) {
    const size_t size = matrix.format.group_size;
    for (size_t g = 0; g < count / size; ++g) {
      for (size_t n = 0; n < kTileOutputs; ++n) {
        const size_t from = (output + std::min(n, outputs - 1)) * matrix.groups() + at / size + g;
        to.scales[g][n] = n < outputs ? quant::LoadFloat(matrix.type, matrix.scales, from) : 0;
        to.biases[g][n] = n < outputs ? quant::LoadFloat(matrix.type, matrix.biases, from) : 0;
      }
    }
  }

  template <size_t kGroups, size_t kBlocks>
  static void AddScaled(const tiles::Sums (&groups)[kGroups][kBlocks],
                        const float (*scales)[kTileOutputs], const float (*biases)[kTileOutputs],
                        const float* x_sums, size_t block_sums, tiles::Sums* sums) {
    for (size_t g = 0; g < kGroups; ++g) {
      for (size_t b = 0; b < kBlocks; ++b) {
        for (size_t n = 0; n < kTileOutputs; ++n) {
          for (size_t r = 0; r < kTileSide; ++r) {
            float& sum = sums[b].of[n][r];
            sum += groups[g][b].of[n][r] * scales[g][n];
            sum += x_sums[b * block_sums + g * kTileSide + r] * biases[g][n];
          }
        }
      }
    }
  }

  static void Write(const tiles::Sums& sums, size_t rows, size_t outputs, float* out,
                    size_t out_stride) {
    for (size_t r = 0; r < rows; ++r) {
      for (size_t n = 0; n < outputs; ++n) out[r * out_stride + n] = sums.of[n][r];
    }
  }

  static void Pack(const PackRun& run) {
    const Matrix& matrix = *run.matrix;
    std::memset(run.out, 0, kTileSide * PackedBytes(matrix));
    std::fill_n(run.sums, kTileSide * PackedSums(matrix), 0.0F);
    for (size_t r = 0; r < run.x.size(); ++r) {
      for (size_t k = 0; k < matrix.inputs; ++k) {
        const size_t tile = k / tiles::kStep * tiles::kTileBytes;
        const size_t pair = k % tiles::kStep / 2;
        std::memcpy(run.out + tile + (pair * kTileSide + r) * 4 + k % 2 * 2, run.x[r] + 2 * k, 2);
        if (run.sums == nullptr) continue;
        run.sums[k / matrix.format.group_size * kTileSide + r] +=
            quant::LoadFloat(FloatType::kBF16, run.x[r], k);
      }
    }
  }
};

inline const TileForm kPlainTiles = {
    .name = "plain_tiles",
    .serves =
        [](const Matrix& matrix) { return !matrix.dense() || matrix.type == FloatType::kBF16; },
    .pack = PlainCodes::Pack,
    .many = tiles::Many<PlainTiles, PlainCodes>};

}  // namespace ingot::kernels

#endif  // INGOT_TESTS_KERNELS_PLAIN_TILES_H_
