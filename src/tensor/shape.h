// The shape of a tensor: at most eight dimensions, each at most 2^31 - 1 (what array libraries can
// index), held in place. A Shape that exists is within these bounds; its element count may still
// exceed 64 bits, so counts are computed with checks. Values only; any thread may use them.
#ifndef INGOT_TENSOR_SHAPE_H_
#define INGOT_TENSOR_SHAPE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

#include "core/status.h"
#include "tensor/dtype.h"

namespace ingot::tensor {

class Shape {
 public:
  static constexpr size_t kMaxRank = 8;
  static constexpr uint64_t kMaxDim = 0x7FFFFFFF;

  constexpr Shape() = default;  // of a scalar: rank 0, one element
  // For literals, checked by the compiler: Shape{2, 3}.
  consteval Shape(std::initializer_list<uint32_t> dims) {
    for (uint32_t dim : dims) {
      if (rank_ == kMaxRank || dim > kMaxDim) throw "a Shape literal is out of bounds";
      dims_[rank_++] = dim;
    }
  }
  // For dimensions that were computed or read. Fails when there are too many or one is too large.
  static core::Result<Shape> Make(std::span<const uint64_t> dims);

  constexpr size_t rank() const { return rank_; }
  // 64 bits wide, so that products of two dimensions do not wrap.
  constexpr uint64_t operator[](size_t axis) const { return dims_[axis]; }
  constexpr uint64_t back() const { return dims_[rank_ - size_t{1}]; }
  std::span<const uint32_t> dims() const { return {dims_.data(), rank_}; }
  const uint32_t* begin() const { return dims_.data(); }
  const uint32_t* end() const { return dims_.data() + rank_; }

  friend constexpr bool operator==(const Shape&, const Shape&) = default;

 private:
  std::array<uint32_t, kMaxRank> dims_ = {};  // zero beyond the rank
  uint8_t rank_ = 0;
};

// "[2, 3]"; "[]" for a scalar.
std::string ToString(const Shape& shape);

// The product of the dimensions: 1 for a scalar, 0 where one is 0. Fails beyond 64 bits.
core::Result<uint64_t> ElementCount(const Shape& shape);

// The bytes that a dense tensor takes. Fails beyond 64 bits, and where elements narrower than a
// byte do not fill a whole number of bytes.
core::Result<uint64_t> ByteSize(DType dtype, const Shape& shape);

}  // namespace ingot::tensor

#endif  // INGOT_TENSOR_SHAPE_H_
