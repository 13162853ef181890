#include "model/latent_attention.h"

#include <array>
#include <limits>
#include <string>
#include <utility>

#include "core/strings.h"
#include "ops/attention.h"
#include "ops/norm.h"

namespace ingot::model {
namespace {

namespace mx = ops::mx;
using core::StrCat;

// Of both norms inside, whatever the model's own is.
constexpr float kInnerEps = 1e-6F;

struct UpProjections {
  Array key;
  Array value;
};

UpProjections LoadUp(Weights& weights, std::string_view name, const LatentShape& shape) {
  const auto part = [&](const Array& both, int begin, int end) {
    return mx::contiguous(mx::slice(both, {0, begin, 0}, {shape.heads, end, shape.rank}));
  };
  const std::string split = StrCat(name, ".embed_q");
  if (weights.Has(split + ".weight")) {
    // Stored for products with queries: [heads, rank, plain], and [heads, value, rank].
    const auto keys = weights.Stack(split, shape.heads, shape.rank, shape.plain_dim);
    const auto values =
        weights.Stack(StrCat(name, ".unembed_out"), shape.heads, shape.value_dim, shape.rank);
    if (!values) weights.Missing(StrCat(name, ".unembed_out.weight"));
    const Array key =
        mx::contiguous(mx::swapaxes(ops::AsDense(keys->weight, weights.type()), 1, 2));
    return {key, values ? ops::AsDense(values->weight, weights.type())
                        : mx::zeros({shape.heads, shape.value_dim, shape.rank}, weights.type())};
  }
  const int rows = shape.plain_dim + shape.value_dim;
  const ops::Linear both =
      weights.Linear(StrCat(name, ".kv_b_proj"), shape.heads * rows, shape.rank);
  const Array dense =
      mx::reshape(ops::AsDense(both.weight, weights.type()), {shape.heads, rows, shape.rank});
  return {part(dense, 0, shape.plain_dim), part(dense, shape.plain_dim, rows)};
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
      .value_up = std::move(up.value),
      .output =
          weights.Linear(StrCat(name, ".o_proj"), shape.hidden, shape.heads * shape.value_dim)};
}

LatentAttention::Queries LatentAttention::MakeQueries(const Array& rows, int offset) const {
  const Array heads = ops::SplitHeads(rows, shape.heads);
  const int width = shape.plain_dim + shape.rope_dim;
  return {ops::LastSlice(heads, 0, shape.plain_dim),
          ops::Rope(mx::contiguous(ops::LastSlice(heads, shape.plain_dim, width)), rope, offset)};
}

Array LatentAttention::MakeColumns(const Array& rows, int offset) const {
  const Array both = mx::expand_dims(rows, 1);
  const Array plain = ops::RmsNorm(ops::LastSlice(both, 0, shape.rank), latent_norm, kInnerEps);
  const Array positioned =
      mx::contiguous(ops::LastSlice(both, shape.rank, shape.rank + shape.rope_dim));
  return mx::concatenate({plain, ops::Rope(positioned, rope, offset)}, -1);
}

Array LatentAttention::Absorbed(const Queries& q, const Array& columns) const {
  const Array asked = mx::concatenate({mx::matmul(q.plain, key_up), q.positioned}, -1);
  const Array values = ops::LastSlice(columns, 0, shape.rank);
  const Array found = ops::AttentionHeads(asked, columns, values, {.scale = shape.scale});
  return mx::matmul(found, mx::swapaxes(value_up, 1, 2));
}

Array LatentAttention::Expanded(const Queries& q, const Array& columns) const {
  const Array plain = ops::LastSlice(columns, 0, shape.rank);
  const Array positioned = ops::LastSlice(columns, shape.rank, shape.rank + shape.rope_dim);
  const Array keys = mx::matmul(plain, mx::swapaxes(key_up, 1, 2));  // [B, heads, T, plain]
  mx::Shape common = keys.shape();
  common.back() = shape.rope_dim;
  return ops::AttentionHeads(mx::concatenate({q.plain, q.positioned}, -1),
                             mx::concatenate({keys, mx::broadcast_to(positioned, common)}, -1),
                             mx::matmul(plain, mx::swapaxes(value_up, 1, 2)),
                             {.scale = shape.scale});
}

Array LatentAttention::operator()(const Array& x, const Batch& batch, size_t layer) const {
  const Array asked =
      query_down ? ops::RmsNorm(ops::Apply(*query_down, x), query_norm, kInnerEps) : x;
  const auto attend = [&](const BatchPart& part, const Array& queries, const Array& latents) {
    SequenceState& state = *part.state;
    const int offset = state.length();
    const Queries q = MakeQueries(queries, offset);
    const Array columns = state.Layer<LatentCache>(layer).Update(MakeColumns(latents, offset));
    const bool many = part.rows >= ExpandFrom(shape) && x.dtype() != mx::float32;
    return ops::MergeHeads(many ? Expanded(q, columns) : Absorbed(q, columns));
  };
  return ops::Apply(output, batch.Each(attend, ops::Apply(query, asked), ops::Apply(latent, x)));
}

}  // namespace ingot::model
