// A matrix of weights as the CPU kernels see it: where its bytes lie and how they are to be read.
// Nothing is copied or repacked: these are the bytes of the mapped file.
//
// A view: whoever makes one keeps the bytes alive. Pointers need no alignment.
#ifndef INGOT_KERNELS_MATRIX_H_
#define INGOT_KERNELS_MATRIX_H_

#include <cstddef>
#include <cstdint>

#include "quant/float_types.h"
#include "quant/modes.h"

namespace ingot::kernels {

using quant::FloatType;

enum class Layout : uint8_t {
  kDense,   // numbers of `type`
  kAffine,  // scale * code + bias, of 2 to 8 bits
  kE2M1,    // scale * a float of 4 bits
  kE4M3,    // scale * a float of 8 bits
};

// [outputs, inputs], row-major.
struct Matrix {
  Layout layout = Layout::kDense;
  FloatType type = FloatType::kF32;  // of dense numbers; of scales and biases in affine mode
  quant::Format format = {};         // unless dense
  size_t outputs = 0;
  size_t inputs = 0;
  const std::byte* values = nullptr;  // numbers or codes
  const std::byte* scales = nullptr;  // unless dense
  const std::byte* biases = nullptr;  // in affine mode

  bool dense() const { return layout == Layout::kDense; }
  size_t row_bytes() const {
    return dense() ? inputs * quant::SizeOf(type) : inputs * format.bits / 8;
  }
  size_t groups() const { return dense() ? 0 : inputs / format.group_size; }
  const std::byte* row(size_t output) const { return values + output * row_bytes(); }
};

constexpr Layout LayoutOf(quant::Mode mode) {
  switch (mode) {
    case quant::Mode::kAffine:
      return Layout::kAffine;
    case quant::Mode::kNvfp4:
    case quant::Mode::kMxfp4:
      return Layout::kE2M1;
    case quant::Mode::kMxfp8:
      return Layout::kE4M3;
  }
  return Layout::kDense;
}

}  // namespace ingot::kernels

#endif  // INGOT_KERNELS_MATRIX_H_
