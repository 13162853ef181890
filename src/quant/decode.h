// Dequantizing: codes, scales and biases back to rows of floats, bit for bit as
// mlx.core.dequantize of MLX 0.32.4 does on its CPU device. Streaming and threads as in encode.h.
#ifndef INGOT_QUANT_DECODE_H_
#define INGOT_QUANT_DECODE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/cpu.h"
#include "core/status.h"
#include "core/thread_pool.h"
#include "quant/modes.h"

namespace ingot::quant {

struct QuantizedRows {
  Format format;
  FloatType scale_type = FloatType::kBF16;  // of scales and biases, in affine mode
  uint64_t rows = 0;
  uint64_t columns = 0;  // values in a row, not words
  std::span<const std::byte> codes = {};
  std::span<const std::byte> scales = {};
  std::span<const std::byte> biases = {};  // empty in modes without
  std::optional<float> global_scale = {};  // nvfp4 alone
};

struct DecodeOptions {
  core::ThreadPool* pool = nullptr;  // null: the shared one
  core::Isa isa = core::ActiveIsa();
};

// Fills out, of rows * columns values of `type`. In affine mode products and sums are rounded to
// scale_type before the conversion to `type`, as MLX does; decode scales held as F32 to avoid it.
// kInvalidArgument when a buffer's size does not fit.
core::Status Decode(const QuantizedRows& source, FloatType type, std::span<std::byte> out,
                    const DecodeOptions& options = {});

}  // namespace ingot::quant

#endif  // INGOT_QUANT_DECODE_H_
