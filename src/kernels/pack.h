// Columns of keys and values in 8 bits. A column's numbers stand in groups of 64, the last of which
// may be shorter; each group has an fp32 scale, its largest magnitude over 127, and each number is
// a whole one, its quotient by the scale rounded to nearest, ties to even. What comes back is off
// by at most half the group's scale and the rounding of fp32. A group with a NaN or an infinity
// comes back as NaN; one whose scale is no normal number, as zeros.
//
// A packed column is all its whole numbers, one byte each, then all its scales, without gaps.
#ifndef INGOT_KERNELS_PACK_H_
#define INGOT_KERNELS_PACK_H_

#include <cstddef>

namespace ingot::kernels {

inline constexpr size_t kPackGroup = 64;

constexpr size_t PackGroups(size_t width) { return (width + kPackGroup - 1) / kPackGroup; }
constexpr size_t PackedBytes(size_t width) { return width + PackGroups(width) * sizeof(float); }
// The width of a column of so many bytes; 0 where no column has so many.
constexpr size_t WidthOfPacked(size_t bytes) {
  constexpr size_t kWhole = kPackGroup + sizeof(float);
  const size_t scales = (bytes + kWhole - 1) / kWhole * sizeof(float);
  return bytes > scales && PackedBytes(bytes - scales) == bytes ? bytes - scales : 0;
}

}  // namespace ingot::kernels

#endif  // INGOT_KERNELS_PACK_H_
