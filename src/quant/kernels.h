// The vector kernels behind Encode and Decode, as a table of functions with one entry a form
// (portable, neon, avx2, avx512). All forms give the same bits; which one runs is chosen once a
// call by name. Kernels are pure: they touch what their arguments point to and nothing else.
#ifndef INGOT_QUANT_KERNELS_H_
#define INGOT_QUANT_KERNELS_H_

#include <cstddef>
#include <cstdint>

#include "core/cpu.h"
#include "quant/error.h"
#include "quant/fp8.h"
#include "quant/modes.h"

namespace ingot::quant {

// Kernels work on tiles of this many groups: one lane a group while scales are computed.
inline constexpr size_t kTileGroups = 16;

constexpr size_t TilesFor(size_t groups) { return (groups + kTileGroups - 1) / kTileGroups; }

// What became of the groups of one tile, a bit a group.
struct TileMarks {
  uint16_t nonfinite = 0;  // the source holds NaN or infinity
  uint16_t zeroed = 0;     // the source has values, and every one of them decodes to zero
  uint16_t live = 0;       // some value decodes to something else than zero
};

// A run of consecutive groups: rows are contiguous, so it may begin and end anywhere in them.
// Pointers need no alignment.
struct EncodeRun {
  Format format;
  FloatType type;
  size_t groups;
  const std::byte* source;
  const float* encode_scale;  // 2688 / global scale, or null
  std::byte* codes;
  std::byte* scales;
  std::byte* biases;  // null in modes without
  TileMarks* marks;   // TilesFor(groups) of them
};

struct DecodeRun {
  Format format;
  FloatType scale_type;  // of scales and biases in affine mode
  FloatType type;        // of out
  size_t groups;
  const std::byte* codes;
  const std::byte* scales;
  const std::byte* biases;
  const float* global_scale;  // or null
  std::byte* out;
  bool stream;  // the output is too large to be wanted from the caches: write around them
};

// Codes of an 8-bit float, each times the scale of its block of `block` values, rounded to `type`.
struct Fp8DecodeRun {
  Fp8 kind;
  FloatType type;
  size_t count;
  const std::byte* codes;
  const float* scales;
  size_t block;  // above 0
  std::byte* out;
};

struct Fp8EncodeRun {
  Fp8 kind;
  FloatType type;
  size_t count;
  const std::byte* source;
  std::byte* codes;
};

// Source and decoded values of a stretch of one row, a multiple of 16 values long; adds to *sums.
struct MeasureRun {
  FloatType type;
  size_t count;
  const std::byte* source;
  const float* decoded;
  QuantError* sums;
};

// Squared errors of groups, each within a millionth where nothing under- or overflows.
struct GroupErrorRun {
  FloatType type;
  size_t group_size;
  size_t groups;
  const std::byte* source;
  const float* decoded;
  double* errors;  // one a group
};

struct Kernels {
  core::Isa isa;
  void (*encode)(const EncodeRun& run);
  // What a search for less squared error proposes in place of encode's results; not always better,
  // and the marks are left alone. See effort.h.
  void (*search)(const EncodeRun& run);
  void (*decode)(const DecodeRun& run);
  void (*decode_fp8)(const Fp8DecodeRun& run);
  void (*encode_fp8)(const Fp8EncodeRun& run);
  void (*measure)(const MeasureRun& run);
  void (*group_errors)(const GroupErrorRun& run);
};

// The kernels of the best form that `isa` can run.
const Kernels& KernelsFor(core::Isa isa);

// The forms, each in its own file; only those of the architecture at hand exist.
extern const Kernels kPortableKernels;
extern const Kernels kNeonKernels;
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;

}  // namespace ingot::quant

#endif  // INGOT_QUANT_KERNELS_H_
