#include "ops/linear.h"

#include <string>
#include <vector>

#include "ops/cpu/linear.h"
#include "ops/cpu/table.h"
#include "ops/gpu/compiled.h"

namespace ingot::ops {
namespace {

std::string ModeName(const quant::Format& format) {
  return std::string(quant::InfoOf(format.mode).name);
}

// Scales of the affine mode are in the weights' own type: they follow the activations, so that the
// product is computed in one type.
Array ScalesFor(const QuantizedTensor& tensor, const Array& scales, const Array& x) {
  return quant::InfoOf(tensor.format.mode).scales == quant::ScaleKind::kFloat ? ToTypeOf(scales, x)
                                                                              : scales;
}

// In fp32: a small global scale rounded to bf16 would cost what the codes have gained.
std::vector<Array> ScaledChain(const std::vector<Array>& inputs) {
  return {ToTypeOf(ToFloat32(inputs[0]) * inputs[1], inputs[0])};
}

Array Product(const QuantizedTensor& tensor, const Array& x) {
  std::optional<Array> biases;
  if (tensor.biases) biases = ToTypeOf(*tensor.biases, x);
  Array y = mx::quantized_matmul(x, tensor.codes, ScalesFor(tensor, tensor.scales, x), biases,
                                 /*transpose=*/true, tensor.format.group_size, tensor.format.bits,
                                 ModeName(tensor.format));
  if (!tensor.global_scale) return y;
  return gpu::RunChain(&ScaledChain, {y, *tensor.global_scale});
}

}  // namespace

int Linear::outputs() const {
  const Array& stored = std::holds_alternative<Array>(weight)
                            ? std::get<Array>(weight)
                            : std::get<QuantizedTensor>(weight).codes;
  return stored.shape(-2);
}

Array Apply(const Linear& linear, const Array& x) {
  if (cpu::Serves(linear, x)) return cpu::Apply(linear, x);
  Array y = std::holds_alternative<Array>(linear.weight)
                ? mx::matmul(x, mx::transpose(std::get<Array>(linear.weight)))
                : Product(std::get<QuantizedTensor>(linear.weight), x);
  return linear.bias ? y + ToTypeOf(*linear.bias, x) : y;
}

Array Rows(const Linear& table, const Array& ids, mx::Dtype type) {
  if (cpu::ServesRows(table, ids, type)) return cpu::Rows(table, ids, type);
  if (const Array* dense = std::get_if<Array>(&table.weight)) {
    return mx::astype(mx::take(*dense, ids, 0), type);
  }
  // Only the rows that are asked for are decoded.
  QuantizedTensor rows = std::get<QuantizedTensor>(table.weight);
  rows.codes = mx::take(rows.codes, ids, 0);
  rows.scales = mx::take(rows.scales, ids, 0);
  if (rows.biases) rows.biases = mx::take(*rows.biases, ids, 0);
  return Dequantize(rows, type);
}

Array Dequantize(const QuantizedTensor& tensor, mx::Dtype type) {
  // In fp32 throughout, then rounded once.
  std::optional<Array> biases;
  if (tensor.biases) biases = ToFloat32(*tensor.biases);
  const bool float_scales = quant::InfoOf(tensor.format.mode).scales == quant::ScaleKind::kFloat;
  Array values =
      mx::dequantize(tensor.codes, float_scales ? ToFloat32(tensor.scales) : tensor.scales, biases,
                     tensor.format.group_size, tensor.format.bits, ModeName(tensor.format),
                     std::nullopt, mx::float32);
  if (tensor.global_scale) {
    Array scale = *tensor.global_scale;
    // One a stacked expert: [E] → [E, 1, 1].
    if (scale.size() > 1) scale = mx::reshape(scale, {static_cast<int>(scale.size()), 1, 1});
    values = values * scale;
  }
  return mx::astype(values, type);
}

Array AsDense(const Weight& weight, mx::Dtype type) {
  if (const Array* dense = std::get_if<Array>(&weight)) return mx::astype(*dense, type);
  return Dequantize(std::get<QuantizedTensor>(weight), type);
}

}  // namespace ingot::ops
