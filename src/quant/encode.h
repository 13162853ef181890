// Quantizing: rows of floats to codes, scales and biases.
//
// By default bit for bit what mlx.core.quantize of MLX 0.32.4 gives on its CPU device, for every
// mode, type and value, whatever the instruction set, the number of threads and the way the rows
// are cut into calls. docs/quantization.md says the rules.
//
// Streaming: every call encodes a span of whole rows into buffers of the caller's, so that memory
// never depends on the size of a tensor. Calls share nothing; an EncodeSummary belongs to one
// tensor and to one thread at a time.
#ifndef INGOT_QUANT_ENCODE_H_
#define INGOT_QUANT_ENCODE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/cpu.h"
#include "core/status.h"
#include "core/thread_pool.h"
#include "quant/error.h"
#include "quant/float_types.h"
#include "quant/modes.h"

namespace ingot::quant {

// Contiguous rows: any leading dimensions, multiplied together. The bytes need no alignment.
struct FloatRows {
  FloatType type = FloatType::kF32;
  uint64_t rows = 0;
  uint64_t columns = 0;
  std::span<const std::byte> bytes = {};
};

// Where the results go. Bytes of each part are as the file formats have them: codes little-endian
// U32 words, scales and biases in the type of the source (affine) or one byte each.
struct QuantizedBytes {
  std::span<std::byte> codes = {};
  std::span<std::byte> scales = {};
  std::span<std::byte> biases = {};  // empty in modes without
};
struct QuantizedSizes {
  uint64_t codes = 0;
  uint64_t scales = 0;
  uint64_t biases = 0;
};
// Bytes of each part; kInvalidArgument when the columns are no whole number of groups or a size
// does not fit 64 bits.
core::Result<QuantizedSizes> SizesFor(Format format, FloatType type, uint64_t rows,
                                      uint64_t columns);

// What a tensor's rows held, added up over calls. Costs nothing to keep.
struct EncodeSummary {
  uint64_t rows = 0;
  // Rows with NaN or infinity: their groups decode to whatever the format makes of that.
  uint64_t nonfinite_rows = 0;
  std::optional<uint64_t> first_nonfinite_row;
  // Rows with values that all decode to zero: too small for the mode's scales.
  uint64_t zeroed_rows = 0;
  std::optional<uint64_t> first_zeroed_row;
  // Groups likewise; zeros in the source do not count.
  uint64_t zeroed_groups = 0;
};

enum class Effort : uint8_t {
  kPlain,  // what MLX does
  kHigh,   // searches each group for the scale (and bias) with the least squared error; the result
           // is in the same format, never worse on any group, and no longer MLX's bits
};

struct EncodeOptions {
  Effort effort = Effort::kPlain;
  // nvfp4 alone: the tensor's global scale, which the caller stores with it.
  std::optional<float> global_scale = {};
  // Measures what was lost, in the same pass; adds to what is there.
  QuantError* error = nullptr;
  core::ThreadPool* pool = nullptr;  // null: the shared one
  core::Isa isa = core::ActiveIsa();
};

// kInvalidArgument, naming what was expected and found, when a buffer's size does not fit; nothing
// is written then. Adds to *summary.
core::Status Encode(Format format, const FloatRows& source, const QuantizedBytes& out,
                    EncodeSummary* summary, const EncodeOptions& options = {});

}  // namespace ingot::quant

#endif  // INGOT_QUANT_ENCODE_H_
