#include "model/dense_layers.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "core/strings.h"
#include "model/cache_room.h"
#include "ops/cached_attention.h"
#include "ops/fused.h"

namespace ingot::model {

namespace mx = ops::mx;
using core::StrCat;

namespace {

// The store's room with space for columns of this shape from `at` on, taken out of the store, so
// that it can be written over. Whoever does gives the store what comes of that.
Array TakeRoom(ColumnStore& store, const mx::Shape& columns, mx::Dtype type, int at) {
  const int end = at + columns[2];
  std::optional<Array> room = store.Take();
  if (room && room->shape(2) >= end) return std::move(*room);
  mx::Shape shape = columns;
  shape[2] = RoomColumns(room ? room->shape(2) : 0, end);
  Array larger = mx::zeros(shape, type);
  if (at == 0) return larger;
  mx::Shape written = columns;
  written[2] = at;
  return mx::slice_update(larger, mx::slice(*room, {0, 0, 0, 0}, written), {0, 0, 0, 0}, written);
}

// One operation for all sequences, each of which has a KvCache.
Array AttendTogether(const SelfAttention& attention, const std::array<Array, 3>& rows,
                     const Batch& batch, size_t layer) {
  const AttentionShape& shape = attention.shape;
  const auto norm = [&](const std::optional<Array>& weight) {
    return weight ? std::optional(ops::NormWeights{*weight, shape.norm_eps}) : std::nullopt;
  };
  std::vector<ops::CachedSequence> sequences;
  for (const BatchPart& part : batch.parts()) {
    auto& cache = part.state->Layer<KvCache>(layer);
    const auto room = [&](size_t store, const Array& columns) {
      const int numbers = columns.shape(2) / shape.key_heads;
      const bool packed = cache.form() == ColumnForm::kPacked;
      const int width = packed ? ops::PackedWidth(numbers) : numbers;
      return TakeRoom(cache.store(store), {1, shape.key_heads, part.rows, width},
                      packed ? mx::int8 : columns.dtype(), cache.length());
    };
    sequences.push_back({.room = {room(0, rows[1]), room(1, rows[2])},
                         .length = cache.length(),
                         .steps = part.rows});
  }
  ops::CachedAttentionResult result =
      ops::AttendCached(rows[0], rows[1], rows[2], std::move(sequences),
                        {.attention = attention.spec,
                         .heads = shape.heads,
                         .key_heads = shape.key_heads,
                         .query_norm = norm(attention.query_norm),
                         .key_norm = norm(attention.key_norm),
                         .rope = attention.rope,
                         .growth = attention.growth,
                         .query_pitch = rows[0].shape(2) / shape.heads});
  for (const BatchPart& part : batch.parts()) {
    auto& cache = part.state->Layer<KvCache>(layer);
    ops::CacheRoom& room = result.rooms[part.index];
    cache.Restore({std::move(room.keys), std::move(room.values)}, cache.length() + part.rows);
  }
  return result.y;
}

}  // namespace

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

Array Mlp::operator()(const Array& x) const { return ops::ApplyMlp(Parts(), x); }

Array Mlp::Onto(const Array& x, const ops::NormWeights& norm) const {
  return ops::ApplyMlpOnto(Parts(), x, norm);
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
                      .key_norm = {},
                      .columns = weights.columns()};
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
  if (spec.window > 0) return WindowCache(spec.window, columns);
  return KvCache(columns);
}

Array SelfAttention::Attend(const Array& q, const Array& k, const Array& v, const Batch& batch,
                            size_t layer) const {
  if (spec.window == 0 && q.shape(0) == 1) return AttendTogether(*this, {q, k, v}, batch, layer);
  const auto attend = [&](const BatchPart& part, const Array& asked, const Array& keys,
                          const Array& values) {
    SequenceState& state = *part.state;
    const auto positioned = [&](const Array& rows, int count, const std::optional<Array>& norm) {
      Array heads = ops::SplitHeads(rows, count);
      if (heads.shape(-1) > shape.head_dim) heads = ops::LastSlice(heads, 0, shape.head_dim);
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

Array SelfAttention::HeadsOf(const Array& x, const std::optional<ops::NormWeights>& norm,
                             const Batch& batch, size_t layer) const {
  const std::array<const ops::Linear*, 3> projections = {&query, &key, &value};
  const std::vector<Array> made = ops::ApplyEach(projections, x, norm);
  return Attend(made[0], made[1], made[2], batch, layer);
}

Array SelfAttention::Heads(const Array& x, const Batch& batch, size_t layer) const {
  return HeadsOf(x, std::nullopt, batch, layer);
}

Array SelfAttention::operator()(const Array& x, const Batch& batch, size_t layer) const {
  return ops::Apply(output, Heads(x, batch, layer));
}

Array SelfAttention::Onto(const Array& x, const ops::NormWeights& norm, const Batch& batch,
                          size_t layer) const {
  return ops::ApplyOnto(x, output, HeadsOf(x, norm, batch, layer));
}

}  // namespace ingot::model
