// Products with weights, dense or quantized, and looking up rows of them: projections, embedding
// tables, output heads. A Linear owns handles on its weights; models call it without knowing how
// they are stored.
//
// One thread builds graphs; a Linear itself is immutable.
#ifndef INGOT_OPS_LINEAR_H_
#define INGOT_OPS_LINEAR_H_

#include <optional>
#include <variant>

#include "ops/array.h"
#include "quant/modes.h"

namespace ingot::ops {

// codes [..., out, words] U32, scales and biases [..., out, groups]. The value of a code is
// (scale * decoded + bias) * global_scale, where the last two exist.
struct QuantizedTensor {
  Array codes;
  Array scales;
  std::optional<Array> biases;
  std::optional<Array> global_scale;  // float32: one element, or one a stacked expert [E]
  quant::Format format;
};

// [out, in] row-major, in the type of the activations; or quantized.
using Weight = std::variant<Array, QuantizedTensor>;

struct Linear {
  Weight weight;
  std::optional<Array> bias;  // [out]

  int outputs() const;
};

// x [..., in] → [..., out], in x's type.
Array Apply(const Linear& linear, const Array& x);

// Rows of the table: ids [...] → [..., in], in `type`.
Array Rows(const Linear& table, const Array& ids, mx::Dtype type);

// The weight as [..., out, in] in `type`: for small weights and for tests.
Array Dequantize(const QuantizedTensor& tensor, mx::Dtype type);
Array AsDense(const Weight& weight, mx::Dtype type);

}  // namespace ingot::ops

#endif  // INGOT_OPS_LINEAR_H_
