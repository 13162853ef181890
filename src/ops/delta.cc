#include "ops/delta.h"

#include <vector>

#include "ops/activation.h"
#include "ops/cpu/recurrent.h"
#include "ops/gpu/choice.h"
#include "ops/gpu/compiled.h"
#include "ops/gpu/delta.h"
#include "ops/gpu/kernel.h"

namespace ingot::ops {
namespace {

// a, bias, rate
std::vector<Array> DecayChain(const std::vector<Array>& inputs) {
  const Array time = Softplus(ToFloat32(inputs[0]) + inputs[1]);
  return {mx::exp(mx::negative(inputs[2] * time))};
}

}  // namespace

ConvResult CausalConv(const Array& u, const Array& weight, const Array& tail) {
  if (gpu::KernelsInUse()) return gpu::CausalConv(gpu::LaunchOnDevice, u, weight, tail);
  if (cpu::ServesConv(u, weight, tail)) return cpu::CausalConv(u, weight, tail);
  const int steps = u.shape(1);
  const int taps = weight.shape(1);
  const Array padded = mx::concatenate({ToTypeOf(tail, u), u}, 1);
  const Array wide = ToFloat32(padded);
  const Array factors = ToFloat32(weight);
  Array y = mx::zeros(u.shape(), mx::float32);
  for (int tap = 0; tap < taps; ++tap) {
    const Array factor = mx::squeeze(LastSlice(factors, tap, tap + 1), -1);
    y = y + TimeSlice(wide, tap, tap + steps) * factor;
  }
  return {y, TimeSlice(padded, steps, steps + taps - 1)};
}

Parting PartingFor(mx::Dtype rows) {
  return rows == mx::float32 ? Parting::kAlike : Parting::kAnywhere;
}

Array StateDecay(const Array& a, const Array& bias, const Array& rate) {
  return gpu::RunChain(&DecayChain, {a, bias, rate});
}

DeltaResult GatedDelta(const Array& q, const Array& k, const Array& v, const Array& decay,
                       const Array& beta, const Array& state, int keep_every, Parting parting) {
  const DeltaInputs in{q, k, v, decay, beta};
  if (gpu::KernelsInUse()) return gpu::GatedDelta(gpu::LaunchOnDevice, in, state, keep_every);
  if (cpu::ServesDelta(in, state)) return cpu::GatedDelta(in, state, keep_every, parting);
  const int batch = v.shape(0);
  const int steps = v.shape(1);
  const int value_heads = v.shape(2);
  const int repeats = value_heads / k.shape(2);
  // At step t, as matrices per head: columns [B, Hv, D, 1], rows [B, Hv, 1, D].
  const auto at = [&](const Array& x, int t) {
    return mx::reshape(TimeSlice(x, t, t + 1), {batch, value_heads, x.shape(3)});
  };
  const Array queries = mx::repeat(ToFloat32(q), repeats, 2);
  const Array keys = mx::repeat(ToFloat32(k), repeats, 2);
  const Array values = ToFloat32(v);
  const Array decays = mx::expand_dims(ToFloat32(decay), -1);
  const Array betas = mx::expand_dims(ToFloat32(beta), -1);

  Array s = ToFloat32(state);
  std::vector<Array> outputs;
  std::vector<Array> between;
  outputs.reserve(static_cast<size_t>(steps));
  for (int t = 0; t < steps; ++t) {
    const Array key = mx::expand_dims(at(keys, t), -2);  // [B, Hv, 1, Dk]
    s = s * mx::expand_dims(at(decays, t), -1);
    const Array recalled = mx::sum(s * key, -1);  // S k: [B, Hv, Dv]
    const Array correction = (at(values, t) - recalled) * at(betas, t);
    s = s + mx::expand_dims(correction, -1) * key;
    outputs.push_back(mx::sum(s * mx::expand_dims(at(queries, t), -2), -1));
    if (keep_every > 0 && (t + 1) % keep_every == 0) between.push_back(s);
  }
  DeltaResult result{ToTypeOf(mx::stack(outputs, 1), v), s, {}};
  if (keep_every > 0) {
    result.between = between.empty()
                         ? mx::zeros({batch, 0, value_heads, v.shape(3), k.shape(3)}, mx::float32)
                         : mx::stack(between, 1);
  }
  return result;
}

}  // namespace ingot::ops
