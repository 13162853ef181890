#include "models/gemma4_attention.h"

#include "ops/attention.h"
#include "ops/norm.h"

namespace ingot::models {

using model::Array;
using model::SequenceState;

model::LayerCache Gemma4Attention::NewCache() const {
  if (!key) return std::monostate();
  if (kind.window > 0) return model::WindowCache(kind.window);
  return model::KvCache();
}

model::KeysValues Gemma4Attention::Update(const Array& x, SequenceState& state,
                                          size_t layer) const {
  const Array made = ops::SplitHeads(ops::Apply(*key, x), kind.key_heads);
  const Array k = ops::Rope(ops::RmsNorm(made, key_norm, eps), kind.rope, state.length());
  const Array raw = value ? ops::SplitHeads(ops::Apply(*value, x), kind.key_heads) : made;
  const Array v = ops::RmsNorm(raw, std::nullopt, eps);
  return kind.window > 0 ? state.Layer<model::WindowCache>(layer).Update(k, v)
                         : state.Layer<model::KvCache>(layer).Update(k, v);
}

Array Gemma4Attention::operator()(const Array& x, SequenceState& state, size_t layer,
                                  SharedColumns& shared) const {
  const Array asked = ops::SplitHeads(ops::Apply(query, x), heads);
  const Array q = ops::Rope(ops::RmsNorm(asked, query_norm, eps), kind.rope, state.length());
  std::optional<model::KeysValues>& seen = kind.window > 0 ? shared.sliding : shared.full;
  if (key) seen = Update(x, state, layer);
  return ops::Apply(
      output, ops::Attention(q, seen->keys, seen->values, {.scale = 1, .window = kind.window}));
}

}  // namespace ingot::models
