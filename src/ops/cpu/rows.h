// Where the numbers of evaluated MLX arrays lie, for kernels that take rows.
//
// To be asked while an operation is evaluated, when its inputs have their memory but perhaps not
// yet their values; what is copied is copied when the copy is asked for.
#ifndef INGOT_OPS_CPU_ROWS_H_
#define INGOT_OPS_CPU_ROWS_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "kernels/scratch.h"
#include "ops/array.h"
#include "quant/float_types.h"

namespace ingot::ops::cpu {

// F32, F16 or BF16; nothing for other types.
std::optional<quant::FloatType> FloatTypeOf(mx::Dtype type);

inline const std::byte* BytesOf(const Array& array) {
  return reinterpret_cast<const std::byte*>(array.data<uint8_t>());
}
inline std::byte* BytesOf(Array& array) {
  return reinterpret_cast<std::byte*>(array.data<uint8_t>());
}

// Elements of a strided array, copied in row-major order; valid for as long as the array's memory.
struct Strided {
  explicit Strided(const Array& array);
  // Whether its rows (the last axis) are each in one piece, so that nothing need be copied.
  bool has_whole_rows() const;
  // Where each row begins.
  std::vector<const std::byte*> Rows() const;
  size_t bytes() const { return count * item; }
  void CopyTo(std::byte* out) const;

  const std::byte* data;
  std::vector<size_t> shape;
  std::vector<int64_t> strides;  // in elements
  size_t item;                   // bytes of an element
  size_t count;                  // of elements
};

// The rows of an array, as long as this lives: where they are in pieces, those of a copy.
class RowsOf {
 public:
  explicit RowsOf(const Strided& array);
  const std::byte* operator[](size_t row) const { return rows_[row]; }
  size_t size() const { return rows_.size(); }
  const std::vector<const std::byte*>& all() const { return rows_; }

 private:
  kernels::Scratch copy_;
  std::vector<const std::byte*> rows_;
};

// A copy in row-major order that the stream makes before it goes on with what is sent to it next;
// MLX keeps it until that is done.
Array CopyInOnePiece(const Array& array, mx::Stream stream);

}  // namespace ingot::ops::cpu

#endif  // INGOT_OPS_CPU_ROWS_H_
