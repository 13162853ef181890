// The one table of quantization modes. Whoever needs to know what "int4", "nvfp4" or a config's
// {mode, bits, group_size} means (importer, resolver, `show`, kernels) asks here; nobody else
// compares such strings or knows which group sizes exist.
//
// In every mode a row of K values is cut into groups of consecutive values; each group has a scale
// (and in affine mode a bias), each value a code of `bits` bits. The codes of a row are one
// little-endian string of bits, first value lowest, stored as U32 words.
//
// Constant data and pure functions: any thread.
#ifndef INGOT_QUANT_MODES_H_
#define INGOT_QUANT_MODES_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "quant/float_types.h"

namespace ingot::quant {

enum class Mode : uint8_t { kAffine, kNvfp4, kMxfp4, kMxfp8 };

enum class ScaleKind : uint8_t {
  kFloat,  // the type of the source weights
  kE4M3,   // one byte: an 8-bit float, 4 bits of exponent
  kE8M0,   // one byte: a power of two, exponent biased by 127
};

struct ModeInfo {
  Mode mode;
  std::string_view name;  // in config.json's "mode" and MLX's arguments
  ScaleKind scales;
  bool has_biases;
  bool takes_global_scale;  // one F32 a tensor, optional
  std::span<const uint8_t> bits;
  std::span<const uint16_t> group_sizes;
  uint8_t default_bits;  // what a config means that names the mode alone
  uint16_t default_group_size;
};

std::span<const ModeInfo> Modes();
const ModeInfo& InfoOf(Mode mode);
std::optional<Mode> ParseMode(std::string_view name);  // exactly as written in the table

// One row of the table made concrete: what a quantized tensor is in. Only ever a valid combination
// when it comes from MakeFormat, ParseType or FormatsMatching.
struct Format {
  Mode mode = Mode::kAffine;
  uint8_t bits = 4;
  uint16_t group_size = 64;
  friend bool operator==(const Format&, const Format&) = default;
};

// kUnsupported, naming what the mode does have, when it has not these bits or this group size.
core::Result<Format> MakeFormat(Mode mode, uint64_t bits, uint64_t group_size);

// Named types: what a person asks for and what a blob's metadata says (`quant_type`).
struct TypeInfo {
  std::string_view name;
  Format format;                              // with the group size that the name alone means
  std::span<const std::string_view> aliases;  // other spellings, upper case
  bool importable;                            // offered by `create -q`
};

std::span<const TypeInfo> Types();
// The type of a name or alias in any case, blanks around it ignored.
std::optional<Format> ParseType(std::string_view name);
// "int4", "mxfp8": the name of format's type whatever its group size.
std::string_view TypeName(Format format);
// "4-bit affine, groups of 64": for messages.
std::string Describe(Format format);
// The names that `create -q` takes, for messages: "int4, int8, …".
std::string ImportableTypeNames();
// The 8-bit type of the same family, which sensitive tensors are promoted to: int8, or mxfp8.
Format EightBitFormat(Format format);

// Whether rows of `columns` values can be cut into whole groups.
constexpr bool Fits(Format format, uint64_t columns) { return columns % format.group_size == 0; }
// U32 words of codes in a row of `columns` values. columns fits the format and is below 2^58.
constexpr uint64_t PackedWords(Format format, uint64_t columns) {
  return columns * format.bits / 32;
}
constexpr uint64_t GroupsInRow(Format format, uint64_t columns) {
  return columns / format.group_size;
}
// Values in a row of `words` U32 words; nullopt when that is not a whole number of them.
std::optional<uint64_t> UnpackedColumns(Format format, uint64_t words);

constexpr size_t ScaleSize(ScaleKind kind, FloatType source) {
  return kind == ScaleKind::kFloat ? SizeOf(source) : 1;
}

// Every format whose rows of `words` U32 words have `groups` scales of the given width, in the
// order of the table. More than one means that the shapes alone do not say (4-bit groups of 64 look
// like 8-bit groups of 32); none, that they contradict each other.
std::vector<Format> FormatsMatching(uint64_t words, uint64_t groups, bool byte_scales);

}  // namespace ingot::quant

#endif  // INGOT_QUANT_MODES_H_
