// What a weight may be stored as when a person asks for smaller weights: the five types that can be
// asked for, and "source" for weights that stay as they came. Values; any thread.
//
// src/quant knows how the types look in memory; the rules of a family need only what stands here.
#ifndef INGOT_FAMILY_PRECISION_H_
#define INGOT_FAMILY_PRECISION_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ingot::family {

enum class Precision : uint8_t { kSource, kInt4, kInt8, kNvfp4, kMxfp4, kMxfp8 };
inline constexpr size_t kPrecisionCount = 6;

// "source", "int4", …
std::string_view NameOf(Precision precision);

// Weights of one row that share a scale; 1 for kSource.
uint32_t GroupSize(Precision precision);
// 4 or 8; 0 for kSource.
uint32_t BitsOf(Precision precision);
// The 8-bit type of the same family: int8 for int4 and int8, mxfp8 for the others.
Precision EightBitOf(Precision precision);
// Rows of this many weights can be cut into whole groups.
bool Fits(Precision precision, uint64_t row_length);

}  // namespace ingot::family

#endif  // INGOT_FAMILY_PRECISION_H_
