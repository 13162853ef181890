#include "ops/cpu/rows.h"

#include <cstring>

#include <mlx/backend/cpu/encoder.h>

namespace ingot::ops::cpu {
namespace {

// Calls visit with the offset, in elements, of each index of the first `axes` axes, in order.
template <typename Visit>
void Walk(const Strided& array, size_t axes, const Visit& visit) {
  size_t total = 1;
  for (size_t axis = 0; axis < axes; ++axis) total *= array.shape[axis];
  std::vector<size_t> index(axes, 0);
  int64_t offset = 0;
  for (size_t i = 0; i < total; ++i) {
    visit(offset);
    for (size_t axis = axes; axis-- > 0;) {
      offset += array.strides[axis];
      if (++index[axis] < array.shape[axis]) break;
      offset -= array.strides[axis] * static_cast<int64_t>(array.shape[axis]);
      index[axis] = 0;
    }
  }
}

}  // namespace

std::optional<quant::FloatType> FloatTypeOf(mx::Dtype type) {
  if (type == mx::float32) return quant::FloatType::kF32;
  if (type == mx::float16) return quant::FloatType::kF16;
  if (type == mx::bfloat16) return quant::FloatType::kBF16;
  return std::nullopt;
}

Strided::Strided(const Array& array)
    : data(BytesOf(array)),
      shape(array.shape().begin(), array.shape().end()),
      strides(array.strides().begin(), array.strides().end()),
      item(array.itemsize()),
      count(array.size()) {}

bool Strided::has_whole_rows() const {
  return shape.empty() || shape.back() <= 1 || strides.back() == 1;
}

std::vector<const std::byte*> Strided::Rows() const {
  std::vector<const std::byte*> rows;
  if (count == 0) return rows;
  rows.reserve(shape.empty() ? 1 : count / shape.back());
  Walk(*this, shape.empty() ? 0 : shape.size() - 1,
       [&](int64_t offset) { rows.push_back(data + offset * static_cast<int64_t>(item)); });
  return rows;
}

void Strided::CopyTo(std::byte* out) const {
  if (count == 0) return;
  const bool rows = !shape.empty() && has_whole_rows();
  const size_t piece = rows ? shape.back() * item : item;
  Walk(*this, rows ? shape.size() - 1 : shape.size(), [&](int64_t offset) {
    std::memcpy(out, data + offset * static_cast<int64_t>(item), piece);
    out += piece;
  });
}

RowsOf::RowsOf(const Strided& array)
    : copy_(array.has_whole_rows() ? 0 : array.bytes()), rows_(array.Rows()) {
  if (array.has_whole_rows() || rows_.empty()) return;
  array.CopyTo(copy_.data());
  const size_t bytes = array.bytes() / rows_.size();
  for (size_t r = 0; r < rows_.size(); ++r) rows_[r] = copy_.data() + r * bytes;
}

Array CopyInOnePiece(const Array& array, mx::Stream stream) {
  Array copy(array.shape(), array.dtype(), nullptr, {});
  copy.set_data(mx::allocator::malloc(copy.nbytes()));
  mx::cpu::CommandEncoder& encoder = mx::cpu::get_command_encoder(stream);
  encoder.dispatch([from = Strided(array), to = BytesOf(copy)] { from.CopyTo(to); });
  encoder.add_temporary(copy);
  return copy;
}

}  // namespace ingot::ops::cpu
