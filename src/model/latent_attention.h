// Attention over latent columns: one narrow column a position, from which every head makes its key
// and its value, plus a part of the key that has the position and is common to all heads. Only the
// columns are cached. Immutable once loaded.
#ifndef INGOT_MODEL_LATENT_ATTENTION_H_
#define INGOT_MODEL_LATENT_ATTENTION_H_

#include <optional>
#include <string_view>

#include "model/batch.h"
#include "model/cache.h"
#include "model/weights.h"
#include "ops/latent.h"
#include "ops/rope.h"

namespace ingot::model {

struct LatentShape {
  int hidden = 0;
  int heads = 0;
  int query_rank = 0;  // 0: queries are made from x in one step
  int rank = 0;        // r: width of the latent part of a column
  int plain_dim = 0;   // of a head's query and key: what has no position,
  int rope_dim = 0;    // and what has
  int value_dim = 0;
  float scale = 1;
};

struct LatentAttention {
  LatentShape shape;
  ops::RopeSpec rope;
  std::optional<ops::Linear> query_down;  // with query_norm, where queries are made in two steps
  std::optional<Array> query_norm;
  ops::Linear query;     // → heads × (plain + rope)
  ops::Linear latent;    // → rank + rope
  Array latent_norm;     // [rank]
  ops::Weight key_up;    // [heads, plain, rank]
  ops::Weight key_down;  // [heads, rank, plain]: the same the other way
  ops::Weight value_up;  // [heads, value, rank]
  ops::Linear output;
  ColumnForm columns;  // of the cache

  // From <name>.kv_b_proj, keys over values a head, or from <name>.embed_q and unembed_out.
  static LatentAttention Load(Weights& weights, std::string_view name, const LatentShape& shape,
                              const ops::RopeSpec& rope);

  LayerCache NewCache() const { return LatentCache(columns); }
  Array operator()(const Array& x, const Batch& batch, size_t layer) const;
  // x + the attention of its norm.
  Array Onto(const Array& x, const ops::NormWeights& norm, const Batch& batch, size_t layer) const;

 private:
  // Of x, or of its norm, before the output projection.
  Array Mix(const Array& x, const std::optional<ops::NormWeights>& norm, const Batch& batch,
            size_t layer) const;
  // Two ways to the same result [B, heads, L, value]: queries brought into the latent space, which
  // reads the columns as they are, or keys and values made from all columns, which costs less where
  // many queries look at them. They round differently: fp32, where a row must not depend on how
  // many come with it, takes the first. queries [B, heads, L, plain + rope], with positions.
  Array Absorbed(const Array& queries, const Array& seen) const;
  Array Expanded(const Array& queries, const Array& seen) const;
};

// From how many queries on the expanded way takes fewer multiplications.
int ExpandFrom(const LatentShape& shape);

}  // namespace ingot::model

#endif  // INGOT_MODEL_LATENT_ATTENTION_H_
