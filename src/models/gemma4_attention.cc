#include "models/gemma4_attention.h"

#include <vector>

#include "ops/attention.h"
#include "ops/fused.h"
#include "ops/norm.h"

namespace ingot::models {

using model::Array;
using model::SequenceState;

model::LayerCache Gemma4Attention::NewCache() const {
  if (!key) return std::monostate();
  if (kind.window > 0) return model::WindowCache(kind.window, columns);
  return model::KvCache(columns);
}

model::KeysValues Gemma4Attention::Update(const Array& keys, const Array& values,
                                          SequenceState& state, size_t layer) const {
  const Array made = ops::SplitHeads(keys, kind.key_heads);
  const Array k = ops::Rope(ops::RmsNorm(made, key_norm, eps), kind.rope, state.length());
  const Array v = ops::RmsNorm(ops::SplitHeads(values, kind.key_heads), std::nullopt, eps);
  return kind.window > 0 ? state.Layer<model::WindowCache>(layer).Update(k, v)
                         : state.Layer<model::KvCache>(layer).Update(k, v);
}

Array Gemma4Attention::operator()(const Array& x, const ops::NormWeights& norm,
                                  const model::Batch& batch, size_t layer,
                                  SharedColumns& shared) const {
  const auto attend = [&](const model::BatchPart& part, const Array& queries) {
    const Array asked = ops::RmsNorm(ops::SplitHeads(queries, heads), query_norm, eps);
    const Array q = ops::Rope(asked, kind.rope, part.state->length());
    const SequenceColumns& columns = shared[part.index];
    const std::optional<model::KeysValues>& seen = kind.window > 0 ? columns.sliding : columns.full;
    return ops::Attention(q, seen->keys, seen->values, {.scale = 1, .window = kind.window});
  };
  std::vector<const ops::Linear*> projections = {&query};
  if (key) projections.push_back(&*key);
  if (value) projections.push_back(&*value);
  const std::vector<Array> made = ops::ApplyEach(projections, x, norm);
  if (!key) return ops::Apply(output, batch.Each(attend, made[0]));
  const auto update_and_attend = [&](const model::BatchPart& part, const Array& asked,
                                     const Array& keys, const Array& values) {
    SequenceColumns& columns = shared[part.index];
    (kind.window > 0 ? columns.sliding : columns.full) = Update(keys, values, *part.state, layer);
    return attend(part, asked);
  };
  return ops::Apply(output, batch.Each(update_and_attend, made[0], made[1], made.back()));
}

}  // namespace ingot::models
