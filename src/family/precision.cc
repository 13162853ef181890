#include "family/precision.h"

#include <array>

namespace ingot::family {
namespace {

struct Entry {
  std::string_view name;
  uint32_t group_size;
  uint32_t bits;
  Precision eight_bit;
};

// In the order of the enum.
constexpr std::array<Entry, kPrecisionCount> kTable = {{
    {"source", 1, 0, Precision::kSource},
    {"int4", 64, 4, Precision::kInt8},
    {"int8", 64, 8, Precision::kInt8},
    {"nvfp4", 16, 4, Precision::kMxfp8},
    {"mxfp4", 32, 4, Precision::kMxfp8},
    {"mxfp8", 32, 8, Precision::kMxfp8},
}};

const Entry& EntryOf(Precision precision) { return kTable[static_cast<size_t>(precision)]; }

}  // namespace

std::string_view NameOf(Precision precision) { return EntryOf(precision).name; }
uint32_t GroupSize(Precision precision) { return EntryOf(precision).group_size; }
uint32_t BitsOf(Precision precision) { return EntryOf(precision).bits; }
Precision EightBitOf(Precision precision) { return EntryOf(precision).eight_bit; }

bool Fits(Precision precision, uint64_t row_length) {
  return row_length > 0 && row_length % GroupSize(precision) == 0;
}

}  // namespace ingot::family
