// What tests of kernels beside their plain forms share: weights in MLX's own encoding, and how far
// results are apart. One thread.
#ifndef INGOT_TESTS_OPS_CPU_BESIDE_PLAIN_H_
#define INGOT_TESTS_OPS_CPU_BESIDE_PLAIN_H_

#include <cstdint>
#include <string>
#include <vector>

#include <mlx/ops.h>
#include <mlx/transforms.h>

#include "ops/cpu/choice.h"
#include "ops/linear.h"

namespace ingot::ops {

inline QuantizedTensor QuantizedAs(const Array& weight, quant::Mode mode, int bits, int group) {
  const std::vector<Array> parts =
      mx::quantize(weight, group, bits, std::string(quant::InfoOf(mode).name));
  QuantizedTensor tensor{
      parts[0], parts[1], {}, {}, {mode, static_cast<uint8_t>(bits), static_cast<uint16_t>(group)}};
  if (parts.size() > 2) tensor.biases = parts[2];
  return tensor;
}

inline Linear Quantized(const Array& weight, quant::Mode mode, int bits, int group) {
  return {QuantizedAs(weight, mode, bits, group), {}};
}

// The largest difference from b, which is fp32, in parts of its largest number.
inline float Difference(const Array& a, const Array& b) {
  return (mx::max(mx::abs(ToFloat32(a) - b)) / mx::max(mx::abs(b))).item<float>();
}

// What an operation gives in its plain form.
template <typename Op>
Array Plain(const Op& op) {
  const cpu::PlainForms plain;
  Array y = op();
  mx::eval(y);
  return y;
}

}  // namespace ingot::ops

#endif  // INGOT_TESTS_OPS_CPU_BESIDE_PLAIN_H_
