#include "ops/cpu/weight_arrays.h"

#include "ops/cpu/rows.h"

namespace ingot::ops::cpu {
namespace {

using kernels::Layout;
using kernels::LayoutOf;
using kernels::Matrix;

bool IsFloat(const Array& array) { return FloatTypeOf(array.dtype()).has_value(); }

bool IsReadable(const QuantizedTensor& tensor) {
  if (tensor.codes.dtype() != mx::uint32) return false;
  if (tensor.global_scale && tensor.global_scale->dtype() != mx::float32) return false;
  if (tensor.format.mode != quant::Mode::kAffine) return tensor.scales.dtype() == mx::uint8;
  return tensor.biases && IsFloat(tensor.scales) && tensor.biases->dtype() == tensor.scales.dtype();
}

}  // namespace

bool IsReadable(const Weight& weight, const std::optional<Array>& bias) {
  if (bias && !IsFloat(*bias)) return false;
  const Array* dense = std::get_if<Array>(&weight);
  return dense != nullptr ? IsFloat(*dense) : IsReadable(std::get<QuantizedTensor>(weight));
}

WeightSpec SpecOf(const Weight& weight, const std::optional<Array>& bias) {
  WeightSpec spec{.bias = bias.has_value()};
  if (const auto* tensor = std::get_if<QuantizedTensor>(&weight)) {
    spec.packed = true;
    spec.biases = tensor->biases.has_value();
    spec.global_scale = tensor->global_scale.has_value();
    spec.format = tensor->format;
  }
  return spec;
}

size_t CountOf(const WeightSpec& spec) {
  return size_t{1} + (spec.packed ? 1 : 0) + (spec.biases ? 1 : 0) + (spec.global_scale ? 1 : 0) +
         (spec.bias ? 1 : 0);
}

void AppendArrays(const Weight& weight, const std::optional<Array>& bias,
                  std::vector<Array>& inputs) {
  if (const Array* dense = std::get_if<Array>(&weight)) {
    inputs.push_back(*dense);
  } else {
    const auto& tensor = std::get<QuantizedTensor>(weight);
    inputs.push_back(tensor.codes);
    inputs.push_back(tensor.scales);
    if (tensor.biases) inputs.push_back(*tensor.biases);
    if (tensor.global_scale) inputs.push_back(*tensor.global_scale);
  }
  if (bias) inputs.push_back(*bias);
}

BoundWeight::BoundWeight(const WeightSpec& spec, const std::vector<Array>& inputs, size_t first,
                         mx::Stream stream) {
  size_t next = first;
  const auto take = [&] {
    const Array& input = inputs[next++];
    return input.flags().row_contiguous ? input : CopyInOnePiece(input, stream);
  };
  const Array values = take();
  stack = values.ndim() > 2 ? static_cast<size_t>(values.shape(0)) : 1;
  outputs = static_cast<size_t>(values.shape(-2));
  whole.outputs = stack * outputs;
  whole.values = BytesOf(values);
  whole.inputs = static_cast<size_t>(values.shape(-1));
  if (!spec.packed) {
    whole.type = *FloatTypeOf(values.dtype());
  } else {
    whole.layout = LayoutOf(spec.format.mode);
    whole.format = spec.format;
    whole.inputs = *quant::UnpackedColumns(spec.format, whole.inputs);
    const Array scales = take();
    whole.scales = BytesOf(scales);
    if (spec.biases) {
      whole.type = *FloatTypeOf(scales.dtype());
      whole.biases = BytesOf(take());
    }
    if (spec.global_scale) {
      const Array found = take();
      factors = found.data<float>();
      factor_count = found.size();
    }
  }
  if (spec.bias) {
    const Array found = take();
    bias = BytesOf(found);
    bias_type = *FloatTypeOf(found.dtype());
  }
}

Matrix BoundWeight::MatrixOf(size_t index) const { return PartOf(index, 0, outputs); }

Matrix BoundWeight::PartOf(size_t index, size_t first, size_t count) const {
  Matrix one = whole;
  one.outputs = count;
  const size_t row = index * outputs + first;
  one.values = whole.row(row);
  const size_t groups = row * whole.groups();
  const bool affine = whole.layout == Layout::kAffine;
  const size_t scale = affine ? quant::SizeOf(whole.type) : 1;
  if (whole.scales != nullptr) one.scales = whole.scales + groups * scale;
  if (whole.biases != nullptr) one.biases = whole.biases + groups * scale;
  return one;
}

const float* BoundWeight::FactorOf(size_t index) const {
  if (factors == nullptr) return nullptr;
  return factors + (factor_count > 1 ? index : 0);
}

const std::byte* BoundWeight::BiasOf(size_t index) const {
  return bias == nullptr ? nullptr : bias + index * outputs * quant::SizeOf(bias_type);
}

}  // namespace ingot::ops::cpu
