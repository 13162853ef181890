#include "model/dense_layers.h"

#include <array>
#include <cmath>

#include "core/strings.h"
#include "ops/activation.h"

namespace ingot::model {

using core::StrCat;

GatedMlp GatedMlp::Load(Weights& weights, std::string_view name, int hidden, int inner) {
  return {weights.Linear(StrCat(name, ".gate_proj"), inner, hidden),
          weights.Linear(StrCat(name, ".up_proj"), inner, hidden),
          weights.Linear(StrCat(name, ".down_proj"), hidden, inner)};
}

Array GatedMlp::operator()(const Array& x) const {
  return ops::Apply(down, ops::SwiGlu(ops::Apply(gate, x), ops::Apply(up, x)));
}

RotaryAttention RotaryAttention::Load(Weights& weights, std::string_view name,
                                      const AttentionShape& shape, const ops::RopeSpec& rope,
                                      int window, bool head_norms) {
  const int queries = shape.heads * shape.head_dim;
  const int keys = shape.key_heads * shape.head_dim;
  RotaryAttention layer{.shape = shape,
                        .spec = {.scale = 1.0F / std::sqrt(static_cast<float>(shape.head_dim)),
                                 .window = window,
                                 .sinks = {}},
                        .rope = rope,
                        .query = weights.Linear(StrCat(name, ".q_proj"), queries, shape.hidden),
                        .key = weights.Linear(StrCat(name, ".k_proj"), keys, shape.hidden),
                        .value = weights.Linear(StrCat(name, ".v_proj"), keys, shape.hidden),
                        .output = weights.Linear(StrCat(name, ".o_proj"), shape.hidden, queries),
                        .query_norm = {},
                        .key_norm = {}};
  if (head_norms) {
    const std::array size = {shape.head_dim};
    layer.query_norm = weights.Dense(StrCat(name, ".q_norm.weight"), size);
    layer.key_norm = weights.Dense(StrCat(name, ".k_norm.weight"), size);
  }
  return layer;
}

Array RotaryAttention::operator()(const Array& x, SequenceState& state, size_t layer) const {
  const auto heads = [&](const ops::Linear& projection, int count,
                         const std::optional<Array>& norm) {
    const Array split = ops::SplitHeads(ops::Apply(projection, x), count);
    return norm ? ops::RmsNorm(split, norm, shape.norm_eps) : split;
  };
  const int offset = state.length();
  const Array q = ops::Rope(heads(query, shape.heads, query_norm), rope, offset);
  const Array k = ops::Rope(heads(key, shape.key_heads, key_norm), rope, offset);
  const Array v = heads(value, shape.key_heads, std::nullopt);
  const KeysValues seen = spec.window > 0 ? state.Layer<WindowCache>(layer).Update(k, v)
                                          : state.Layer<KvCache>(layer).Update(k, v);
  return ops::Apply(output, ops::Attention(q, seen.keys, seen.values, spec));
}

}  // namespace ingot::model
