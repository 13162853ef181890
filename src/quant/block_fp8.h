// Weights that come as 8-bit floats with scales of their own: one a block of 128 by 128 values (as
// DeepSeek's and Qwen's fp8 checkpoints have them), one a row, or one a tensor. Decoded, they are
// BF16 or F32 as any other source.
//
// Pure functions over the caller's buffers; calls share nothing and may run side by side.
#ifndef INGOT_QUANT_BLOCK_FP8_H_
#define INGOT_QUANT_BLOCK_FP8_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "core/cpu.h"
#include "core/status.h"
#include "core/thread_pool.h"
#include "quant/float_types.h"
#include "quant/fp8.h"

namespace ingot::quant {

inline constexpr uint64_t kFp8Block = 128;

enum class Fp8Scaling : uint8_t {
  kBlocks,  // [.., ceil(rows / 128), ceil(columns / 128)]; blocks at the edges are cut
  kRows,    // [.., rows, 1] or [.., rows]
  kTensor,  // one: [], [1], [1, 1], and for stacked weights one each: [E], [E, 1], [E, 1, 1]
};

// A weight of two dimensions, or stacked ones of three.
struct Fp8Layout {
  Fp8Scaling scaling = Fp8Scaling::kTensor;
  uint64_t stack = 1;
  uint64_t rows = 0;
  uint64_t columns = 0;
  bool one_scale = false;  // kTensor: the same for all of a stack
  // Scales of a row, and rows that share them.
  uint64_t scales_in_row() const;
  uint64_t rows_a_scale() const;
};

// How scales of scale_shape belong to a weight of `shape`. kInvalidArgument, naming both shapes and
// what would have fitted, when they do not.
core::Result<Fp8Layout> Fp8LayoutOf(std::span<const uint64_t> shape,
                                    std::span<const uint64_t> scale_shape);

struct Fp8Weight {
  Fp8 kind = Fp8::kE4M3;
  Fp8Layout layout;
  std::span<const std::byte> codes;  // of the whole weight, a byte a value
  FloatType scale_type = FloatType::kF32;
  std::span<const std::byte> scales;  // of the whole weight
};

struct Fp8Options {
  core::ThreadPool* pool = nullptr;  // null: the shared one
  core::Isa isa = core::ActiveIsa();
};

// Rows [first, first + count), counted through the stack, each value times its scale: multiplied as
// F32 and rounded once to `type`. out is count * columns values. NaN codes become NaN.
core::Status DecodeFp8Rows(const Fp8Weight& weight, uint64_t first, uint64_t count, FloatType type,
                           std::span<std::byte> out, const Fp8Options& options = {});

// Plain conversions without scales, as E4M3FromF32 and E5M2FromF32 have them and back. One of the
// spans' sizes must fit the other's.
core::Status DecodeFp8(Fp8 kind, std::span<const std::byte> codes, FloatType type,
                       std::span<std::byte> out, const Fp8Options& options = {});
core::Status EncodeFp8(Fp8 kind, FloatType type, std::span<const std::byte> source,
                       std::span<std::byte> codes, const Fp8Options& options = {});

}  // namespace ingot::quant

#endif  // INGOT_QUANT_BLOCK_FP8_H_
