#include "ops/experts.h"

#include <string>

#include "ops/cpu/experts.h"
#include "ops/norm.h"

namespace ingot::ops {
namespace {

// From this many (row, expert) pairs on, rows are brought into the order of their experts first, so
// that each expert's weights are read once.
constexpr int kSortFrom = 64;

// x [..., 1, in] times the chosen experts' weights: experts [...] → [..., 1, out].
Array Gather(const ExpertStack& stack, const Array& x, const Array& experts, bool sorted) {
  Array y = x;
  if (const Array* dense = std::get_if<Array>(&stack.weight)) {
    // MLX's CPU form has this product in fp32 only.
    const bool widen = x.dtype() != mx::float32 && mx::default_device() == mx::Device::cpu;
    const Array weights = mx::swapaxes(widen ? ToFloat32(*dense) : *dense, -1, -2);
    y = mx::gather_mm(widen ? ToFloat32(x) : x, weights, std::nullopt, experts, sorted);
  } else {
    const auto& packed = std::get<QuantizedTensor>(stack.weight);
    const bool float_scales = quant::InfoOf(packed.format.mode).scales == quant::ScaleKind::kFloat;
    std::optional<Array> biases;
    if (packed.biases) biases = ToTypeOf(*packed.biases, x);
    y = mx::gather_qmm(x, packed.codes, float_scales ? ToTypeOf(packed.scales, x) : packed.scales,
                       biases, std::nullopt, experts, /*transpose=*/true, packed.format.group_size,
                       packed.format.bits, std::string(quant::InfoOf(packed.format.mode).name),
                       std::nullopt, sorted);
    if (packed.global_scale) {
      Array scale = *packed.global_scale;
      if (scale.size() > 1) scale = mx::expand_dims(mx::take(scale, experts, 0), {-1, -2});
      y = ToFloat32(y) * scale;
    }
  }
  if (stack.bias) y = y + mx::expand_dims(mx::take(*stack.bias, experts, 0), -2);
  return ToTypeOf(y, x);
}

// Outputs begin, begin + step, … of the last axis.
Array Outputs(const Array& x, int begin, int end, int step) {
  mx::Shape from(x.ndim(), 0);
  mx::Shape to = x.shape();
  mx::Shape stride(x.ndim(), 1);
  from.back() = begin;
  to.back() = end;
  stride.back() = step;
  return mx::slice(x, from, to, stride);
}

Array Mlp(const ExpertMlp& mlp, const Array& x, const Array& experts, bool sorted) {
  std::optional<Array> gate;
  if (mlp.gate) gate = Gather(*mlp.gate, x, experts, sorted);
  Array up = Gather(mlp.up, x, experts, sorted);
  const int outputs = up.shape(-1);
  if (mlp.form == GateUp::kJoined) {
    gate = Outputs(up, 0, outputs / 2, 1);
    up = Outputs(up, outputs / 2, outputs, 1);
  } else if (mlp.form == GateUp::kInTurn) {
    gate = Outputs(up, 0, outputs, 2);
    up = Outputs(up, 1, outputs, 2);
  }
  const Array inner = Activate(mlp.activation, gate, up);
  return mx::squeeze(Gather(mlp.down, inner, experts, sorted), -2);
}

}  // namespace

Array ApplyExperts(const ExpertMlp& mlp, const Array& rows_in, const Routing& routing,
                   const std::optional<NormWeights>& norm) {
  if (cpu::Serves(mlp, rows_in, routing, norm)) {
    return cpu::ApplyExperts(mlp, rows_in, routing, norm);
  }
  const Array x = norm ? RmsNorm(rows_in, norm->weight, norm->eps) : rows_in;
  const int rows = x.shape(0);
  const int chosen = routing.experts.shape(1);
  Array y = x;
  if (rows * chosen < kSortFrom) {
    y = Mlp(mlp, mx::expand_dims(x, {-2, -3}), routing.experts, /*sorted=*/false);
  } else {
    const Array flat = mx::flatten(routing.experts);
    const Array order = mx::argsort(flat);
    const Array source = mx::floor_divide(order, Array(chosen, order.dtype()));
    const Array sorted = Mlp(mlp, mx::expand_dims(mx::take(x, source, 0), -2),
                             mx::take(flat, order), /*sorted=*/true);
    const Array back = mx::take(sorted, mx::argsort(order), 0);
    y = mx::reshape(back, {rows, chosen, x.shape(1)});
  }
  const Array weighted = ToFloat32(y) * mx::expand_dims(routing.weights, -1);
  return ToTypeOf(mx::sum(weighted, 1), x);
}

}  // namespace ingot::ops
