#include "ops/mamba.h"

#include <vector>

#include "ops/activation.h"
#include "ops/cpu/recurrent.h"
#include "ops/gpu/choice.h"
#include "ops/gpu/compiled.h"
#include "ops/gpu/kernel.h"
#include "ops/gpu/mamba.h"

namespace ingot::ops {
namespace {

// dt, bias, least, most
std::vector<Array> StepChain(const std::vector<Array>& inputs) {
  return {mx::clip(Softplus(ToFloat32(inputs[0]) + inputs[1]), inputs[2], inputs[3])};
}

}  // namespace

ScanResult SelectiveScan(const ScanInputs& in, const Array& state, Parting parting) {
  if (gpu::KernelsInUse()) return gpu::SelectiveScan(gpu::LaunchOnDevice, in, state);
  if (cpu::ServesScan(in, state)) return cpu::SelectiveScan(in, state, parting);
  const int batch = in.x.shape(0);
  const int steps = in.x.shape(1);
  const int heads = in.x.shape(2);
  const int repeats = heads / in.input.shape(2);
  const Array x = ToFloat32(in.x);
  const Array step = ToFloat32(in.step);
  const Array decay = mx::exp(mx::negative(step * in.rate));         // [B, T, Hm]
  const Array taken = x * mx::expand_dims(step, -1);                 // [B, T, Hm, P]
  const Array spread = mx::repeat(ToFloat32(in.input), repeats, 2);  // [B, T, Hm, N]
  const Array read = mx::repeat(ToFloat32(in.output), repeats, 2);
  const auto at = [&](const Array& values, int t) {
    return mx::reshape(TimeSlice(values, t, t + 1), {batch, heads, values.shape(3)});
  };

  Array s = ToFloat32(state);
  std::vector<Array> outputs;
  outputs.reserve(static_cast<size_t>(steps));
  for (int t = 0; t < steps; ++t) {
    const Array kept = mx::reshape(TimeSlice(decay, t, t + 1), {batch, heads, 1, 1});
    s = s * kept + mx::expand_dims(at(taken, t), -1) * mx::expand_dims(at(spread, t), -2);
    outputs.push_back(mx::sum(s * mx::expand_dims(at(read, t), -2), -1));
  }
  const Array passed = x * mx::expand_dims(in.direct, -1);
  return {ToTypeOf(mx::stack(outputs, 1) + passed, in.x), s};
}

Array StepSizes(const Array& dt, const Array& bias, float least, float most) {
  return gpu::RunChain(&StepChain, {dt, bias, Array(least), Array(most)});
}

}  // namespace ingot::ops
