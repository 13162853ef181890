#include "ops/delta_layer.h"

#include <cmath>

#include "ops/activation.h"
#include "ops/cpu/delta_layer.h"
#include "ops/delta.h"
#include "ops/norm.h"

namespace ingot::ops {
namespace {

// It belongs to the sum of squares, as in the checkpoints' own code.
constexpr float kL2Eps = 1e-6F;

}  // namespace

DeltaLayerWeights DeltaLayerWeights::Of(const Array& conv, const Array& rate, const Array& dt_bias,
                                        const Array& norm, float eps) {
  return {conv, mx::contiguous(mx::transpose(ToFloat32(conv))), rate, dt_bias, norm, eps};
}

DeltaLayerResult ApplyDeltaLayer(const DeltaHeads& heads, const DeltaLayerWeights& weights,
                                 const DeltaLayerInputs& in) {
  if (cpu::ServesDeltaLayer(heads, weights, in)) {
    return cpu::ApplyDeltaLayer(heads, weights, in, kL2Eps);
  }
  const int batch = in.qkv.shape(0);
  const int steps = in.qkv.shape(1);
  const ConvResult mixed = CausalConv(in.qkv, weights.conv, in.tail);
  const Array u = Silu(mixed.y);
  const auto part = [&](int begin, int count, int width) {
    return mx::reshape(LastSlice(u, begin, begin + count * width), {batch, steps, count, width});
  };
  const Array q = L2Norm(part(0, heads.key_heads, heads.key_dim), kL2Eps) *
                  Scalar(1.0F / std::sqrt(static_cast<float>(heads.key_dim)), u);
  const Array k = L2Norm(part(heads.keys(), heads.key_heads, heads.key_dim), kL2Eps);
  const Array v = part(2 * heads.keys(), heads.value_heads, heads.value_dim);
  const DeltaResult found =
      GatedDelta(q, k, v, StateDecay(in.a, weights.dt_bias, weights.rate),
                 mx::sigmoid(ToFloat32(in.beta)), in.state, 0, PartingFor(in.qkv.dtype()));
  const Array z = mx::reshape(in.z, v.shape());
  const Array gated = SiluGated(RmsNorm(found.y, weights.norm, weights.eps), z);
  return {ToTypeOf(mx::reshape(gated, {batch, steps, heads.values()}), in.qkv), mixed.tail,
          found.state};
}

}  // namespace ingot::ops
