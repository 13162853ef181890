#include "ops/fused.h"

#include "ops/cpu/fused.h"
#include "ops/norm.h"

namespace ingot::ops {
namespace {

Array PlainMlp(const MlpWeights& mlp, const Array& x) {
  std::optional<Array> gate;
  if (mlp.gate != nullptr) gate = Apply(*mlp.gate, x);
  return Apply(*mlp.down, Activate(mlp.activation, gate, Apply(*mlp.up, x)));
}

}  // namespace

std::vector<Array> ApplyEach(std::span<const Linear* const> linears, const Array& x,
                             const std::optional<NormWeights>& norm) {
  if (cpu::ServesEach(linears, x, norm)) return cpu::ApplyEach(linears, x, norm);
  const Array rows = norm ? RmsNorm(x, norm->weight, norm->eps) : x;
  std::vector<Array> results;
  results.reserve(linears.size());
  for (const Linear* linear : linears) results.push_back(Apply(*linear, rows));
  return results;
}

Array ApplyOnto(const Array& addend, const Linear& linear, const Array& x) {
  if (cpu::ServesOnto(addend, linear, x)) return cpu::ApplyOnto(addend, linear, x);
  return addend + Apply(linear, x);
}

Array ApplyMlp(const MlpWeights& mlp, const Array& x, const std::optional<NormWeights>& norm) {
  if (cpu::ServesMlp(mlp, x, norm)) return cpu::ApplyMlp(mlp, x, norm, /*onto=*/false);
  return PlainMlp(mlp, norm ? RmsNorm(x, norm->weight, norm->eps) : x);
}

Array ApplyMlpOnto(const MlpWeights& mlp, const Array& x, const NormWeights& norm) {
  if (cpu::ServesMlp(mlp, x, norm)) return cpu::ApplyMlp(mlp, x, norm, /*onto=*/true);
  return x + PlainMlp(mlp, RmsNorm(x, norm.weight, norm.eps));
}

}  // namespace ingot::ops
