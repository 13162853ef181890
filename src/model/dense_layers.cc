#include "model/dense_layers.h"

#include <array>
#include <cmath>

#include "core/strings.h"

namespace ingot::model {

using core::StrCat;

Array LoadNorm(Weights& weights, std::string_view name, int width, bool zero_centred) {
  const std::array shape = {width};
  if (!zero_centred) return weights.Dense(name, shape);
  return weights.DenseFloat32(name, shape) + Array(1.0F);
}

Mlp Mlp::Load(Weights& weights, std::string_view name, const MlpShape& shape) {
  std::optional<ops::Linear> gate;
  if (shape.activation.kind != ops::MlpActivation::Kind::kReluSquared) {
    gate = weights.Linear(StrCat(name, ".gate_proj"), shape.inner, shape.hidden);
  }
  return {std::move(gate), weights.Linear(StrCat(name, ".up_proj"), shape.inner, shape.hidden),
          weights.Linear(StrCat(name, ".down_proj"), shape.hidden, shape.inner), shape.activation};
}

Array Mlp::operator()(const Array& x) const {
  std::optional<Array> gated;
  if (gate) gated = ops::Apply(*gate, x);
  return ops::Apply(down, ops::Activate(activation, gated, ops::Apply(up, x)));
}

SelfAttention SelfAttention::Load(Weights& weights, std::string_view name,
                                  const AttentionShape& shape, const AttentionOptions& options) {
  const int queries = shape.heads * shape.head_dim;
  const int keys = shape.key_heads * shape.head_dim;
  const float plain_scale = 1.0F / std::sqrt(static_cast<float>(shape.head_dim));
  SelfAttention layer{.shape = shape,
                      .spec = {.scale = options.scale > 0 ? options.scale : plain_scale,
                               .window = options.window,
                               .sinks = {}},
                      .rope = options.rope,
                      .growth = options.growth,
                      .query = weights.Linear(StrCat(name, ".q_proj"), queries, shape.hidden),
                      .key = weights.Linear(StrCat(name, ".k_proj"), keys, shape.hidden),
                      .value = weights.Linear(StrCat(name, ".v_proj"), keys, shape.hidden),
                      .output = weights.Linear(StrCat(name, ".o_proj"), shape.hidden, queries),
                      .query_norm = {},
                      .key_norm = {}};
  if (options.norms != HeadNorms::kNone) {
    const bool centred = options.norms == HeadNorms::kZeroCentred;
    layer.query_norm = LoadNorm(weights, StrCat(name, ".q_norm.weight"), shape.head_dim, centred);
    layer.key_norm = LoadNorm(weights, StrCat(name, ".k_norm.weight"), shape.head_dim, centred);
  }
  if (options.sinks) {
    layer.spec.sinks = weights.Dense(StrCat(name, ".sinks"), std::array{shape.heads});
  }
  return layer;
}

LayerCache SelfAttention::NewCache() const {
  if (spec.window > 0) return WindowCache(spec.window);
  return KvCache();
}

Array SelfAttention::Attend(const Array& q, const Array& k, const Array& v, const Batch& batch,
                            size_t layer) const {
  const auto attend = [&](const BatchPart& part, const Array& asked, const Array& keys,
                          const Array& values) {
    SequenceState& state = *part.state;
    const auto positioned = [&](const Array& rows, int count, const std::optional<Array>& norm) {
      Array heads = ops::SplitHeads(rows, count);
      if (norm) heads = ops::RmsNorm(heads, norm, shape.norm_eps);
      return rope ? ops::Rope(heads, *rope, state.length()) : heads;
    };
    const Array who = ops::Grow(positioned(asked, shape.heads, query_norm), growth, state.length());
    const Array at = positioned(keys, shape.key_heads, key_norm);
    const Array what = ops::SplitHeads(values, shape.key_heads);
    const KeysValues seen = spec.window > 0 ? state.Layer<WindowCache>(layer).Update(at, what)
                                            : state.Layer<KvCache>(layer).Update(at, what);
    return ops::Attention(who, seen.keys, seen.values, spec);
  };
  return batch.Each(attend, q, k, v);
}

Array SelfAttention::Heads(const Array& x, const Batch& batch, size_t layer) const {
  return Attend(ops::Apply(query, x), ops::Apply(key, x), ops::Apply(value, x), batch, layer);
}

Array SelfAttention::operator()(const Array& x, const Batch& batch, size_t layer) const {
  return ops::Apply(output, Heads(x, batch, layer));
}

}  // namespace ingot::model
