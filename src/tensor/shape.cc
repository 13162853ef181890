#include "tensor/shape.h"

#include <algorithm>
#include <optional>

#include "core/checked.h"
#include "core/strings.h"

namespace ingot::tensor {

using core::StrCat;

core::Result<Shape> Shape::Make(std::span<const uint64_t> dims) {
  if (dims.size() > kMaxRank) {
    return core::Unsupported(
        StrCat("a shape of ", dims.size(), " dimensions; at most ", kMaxRank, " are supported"));
  }
  Shape shape;
  for (uint64_t dim : dims) {
    if (dim > kMaxDim) {
      return core::Unsupported(StrCat("dimension ", shape.rank_, " of a shape is ", dim,
                                      "; at most ", kMaxDim, " is supported"));
    }
    shape.dims_[shape.rank_++] = static_cast<uint32_t>(dim);
  }
  return shape;
}

std::string ToString(const Shape& shape) {
  std::string text = "[";
  for (size_t axis = 0; axis < shape.rank(); ++axis) {
    if (axis > 0) text += ", ";
    core::AppendPiece(text, shape[axis]);
  }
  text += ']';
  return text;
}

core::Result<uint64_t> ElementCount(const Shape& shape) {
  std::array<uint64_t, Shape::kMaxRank> wide = {};
  std::copy(shape.begin(), shape.end(), wide.begin());
  const std::optional<uint64_t> count = core::CheckedProduct({wide.data(), shape.rank()});
  if (!count) {
    return core::Corrupt(StrCat("shape ", ToString(shape), " has more than 2^64 elements"));
  }
  return *count;
}

core::Result<uint64_t> ByteSize(DType dtype, const Shape& shape) {
  INGOT_ASSIGN(const uint64_t count, ElementCount(shape));
  const uint64_t bits = InfoOf(dtype).bits;
  if (bits % 8 == 0) {
    const std::optional<uint64_t> bytes = core::CheckedMul(count, bits / 8);
    if (bytes) return *bytes;
  } else {
    // Eight elements of any type fill `bits` whole bytes; only the rest can fail to.
    const uint64_t rest_bits = count % 8 * bits;
    if (rest_bits % 8 != 0) {
      return core::Corrupt(StrCat(NameOf(dtype), " of shape ", ToString(shape), " has ", count,
                                  " elements of ", bits, " bits, not a whole number of bytes"));
    }
    return count / 8 * bits + rest_bits / 8;  // at most 3/4 of the count: cannot wrap
  }
  return core::Corrupt(
      StrCat(NameOf(dtype), " of shape ", ToString(shape), " takes more than 2^64 bytes"));
}

}  // namespace ingot::tensor
