#include "model/latent_attention.h"

#include <array>
#include <limits>
#include <string>
#include <utility>

#include "core/strings.h"
#include "ops/attention.h"
#include "ops/fused.h"

namespace ingot::model {
namespace {

namespace mx = ops::mx;
using core::StrCat;

// Of both norms inside, whatever the model's own is.
constexpr float kInnerEps = 1e-6F;

// The stack [heads, out, in] as [heads, in, out].
ops::Weight Turned(const ops::Weight& stack, mx::Dtype type) {
  return mx::contiguous(mx::swapaxes(ops::AsDense(stack, type), 1, 2));
}

struct UpProjections {
  ops::Weight key;
  ops::Weight key_turned;
  ops::Weight value;
};

// A matrix [heads · rows, in] as a stack of as many.
ops::Weight Stacked(const ops::Weight& weight, int heads) {
  const auto apart = [&](const Array& all) {
    return mx::reshape(all, {heads, all.shape(0) / heads, all.shape(1)});
  };
  if (const Array* dense = std::get_if<Array>(&weight)) return apart(*dense);
  ops::QuantizedTensor stack = std::get<ops::QuantizedTensor>(weight);
  stack.codes = apart(stack.codes);
  stack.scales = apart(stack.scales);
  if (stack.biases) stack.biases = apart(*stack.biases);
  return stack;
}

UpProjections LoadUp(Weights& weights, std::string_view name, const LatentShape& shape) {
  const mx::Dtype type = weights.type();
  const std::string split = StrCat(name, ".embed_q");
  if (weights.Has(split + ".weight")) {
    // Stored for products with queries: [heads, rank, plain], and [heads, value, rank].
    const auto keys = weights.Stack(split, shape.heads, shape.rank, shape.plain_dim);
    const auto values =
        weights.Stack(StrCat(name, ".unembed_out"), shape.heads, shape.value_dim, shape.rank);
    if (!values) weights.Missing(StrCat(name, ".unembed_out.weight"));
    const ops::Weight none = mx::zeros({shape.heads, shape.value_dim, shape.rank}, type);
    return {Turned(keys->weight, type), ops::HeadStack(keys->weight, type),
            values ? ops::HeadStack(values->weight, type) : none};
  }
  const int rows = shape.plain_dim + shape.value_dim;
  const ops::Linear both =
      weights.Linear(StrCat(name, ".kv_b_proj"), shape.heads * rows, shape.rank);
  const ops::Weight stack = ops::HeadStack(Stacked(both.weight, shape.heads), type);
  const ops::Weight keys = ops::StackOutputs(stack, 0, shape.plain_dim);
  return {keys, Turned(keys, type), ops::StackOutputs(stack, shape.plain_dim, rows)};
}

}  // namespace

int ExpandFrom(const LatentShape& shape) {
  // Each query saves this many multiplications a key and head; each key costs that many once.
  const int saved = 2 * shape.rank - shape.plain_dim - shape.value_dim;
  const int cost = shape.rank * (shape.plain_dim + shape.value_dim);
  return saved > 0 ? cost / saved + 1 : std::numeric_limits<int>::max();
}

LatentAttention LatentAttention::Load(Weights& weights, std::string_view name,
                                      const LatentShape& shape, const ops::RopeSpec& rope) {
  const int queries = shape.heads * (shape.plain_dim + shape.rope_dim);
  std::optional<ops::Linear> down;
  std::optional<Array> norm;
  if (shape.query_rank > 0) {
    down = weights.Linear(StrCat(name, ".q_a_proj"), shape.query_rank, shape.hidden);
    norm = weights.Dense(StrCat(name, ".q_a_layernorm.weight"), std::array{shape.query_rank});
  }
  ops::Linear query = down ? weights.Linear(StrCat(name, ".q_b_proj"), queries, shape.query_rank)
                           : weights.Linear(StrCat(name, ".q_proj"), queries, shape.hidden);
  UpProjections up = LoadUp(weights, name, shape);
  return {
      .shape = shape,
      .rope = rope,
      .query_down = std::move(down),
      .query_norm = std::move(norm),
      .query = std::move(query),
      .latent = weights.Linear(StrCat(name, ".kv_a_proj_with_mqa"), shape.rank + shape.rope_dim,
                               shape.hidden),
      .latent_norm = weights.Dense(StrCat(name, ".kv_a_layernorm.weight"), std::array{shape.rank}),
      .key_up = std::move(up.key),
      .key_down = std::move(up.key_turned),
      .value_up = std::move(up.value),
      .output =
          weights.Linear(StrCat(name, ".o_proj"), shape.hidden, shape.heads * shape.value_dim),
      .columns = weights.columns()};
}

Array LatentAttention::Absorbed(const Array& queries, const Array& seen) const {
  const int width = shape.plain_dim + shape.rope_dim;
  const Array asked = ops::ApplyHeads(key_down, ops::LastSlice(queries, 0, shape.plain_dim),
                                      ops::LastSlice(queries, shape.plain_dim, width));
  const Array found =
      ops::AttentionHeads(asked, seen, seen, {.scale = shape.scale, .value_width = shape.rank});
  return ops::ApplyHeads(value_up, found);
}

Array LatentAttention::Expanded(const Array& queries, const Array& seen) const {
  const Array columns = ops::IsPacked(seen)
                            ? ops::UnpackColumns(seen, shape.rank + shape.rope_dim, queries.dtype())
                            : seen;
  const Array plain = ops::LastSlice(columns, 0, shape.rank);
  const Array positioned = ops::LastSlice(columns, shape.rank, shape.rank + shape.rope_dim);
  return ops::AttentionHeads(queries, ops::ApplyHeads(key_up, plain, positioned),
                             ops::ApplyHeads(value_up, plain), {.scale = shape.scale});
}

Array LatentAttention::Mix(const Array& x, const std::optional<ops::NormWeights>& norm,
                           const Batch& batch, size_t layer) const {
  const std::array<const ops::Linear*, 2> first = {query_down ? &*query_down : &query, &latent};
  const std::vector<Array> made = ops::ApplyEach(first, x, norm);
  const auto ask = [&](const Array& rows) {
    const std::array<const ops::Linear*, 1> second = {&query};
    return ops::ApplyEach(second, rows, ops::NormWeights{*query_norm, kInnerEps})[0];
  };
  const auto attend = [&](const BatchPart& part, const Array& asked, const Array& latents) {
    SequenceState& state = *part.state;
    const int offset = state.length();
    const Array queries =
        ops::NormAndTurn(ops::SplitHeads(asked, shape.heads), std::nullopt, rope, offset);
    const Array fresh = ops::NormAndTurn(mx::expand_dims(latents, 1),
                                         ops::NormWeights{latent_norm, kInnerEps}, rope, offset);
    const Array seen = state.Layer<LatentCache>(layer).Update(fresh);
    const bool many = part.rows >= ExpandFrom(shape) && x.dtype() != mx::float32;
    return ops::MergeHeads(many ? Expanded(queries, seen) : Absorbed(queries, seen));
  };
  return batch.Each(attend, query_down ? ask(made[0]) : made[0], made[1]);
}

Array LatentAttention::operator()(const Array& x, const Batch& batch, size_t layer) const {
  return ops::Apply(output, Mix(x, std::nullopt, batch, layer));
}

Array LatentAttention::Onto(const Array& x, const ops::NormWeights& norm, const Batch& batch,
                            size_t layer) const {
  return ops::ApplyOnto(x, output, Mix(x, norm, batch, layer));
}

}  // namespace ingot::model
