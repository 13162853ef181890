// Attention with all that stands around it: norms of the heads of queries and keys, their
// positions, and the cache that keys and values are written into. One operation on the CPU, for any
// number of sequences at once, each with its own cache and length.
//
// One thread builds graphs.
#ifndef INGOT_OPS_CACHED_ATTENTION_H_
#define INGOT_OPS_CACHED_ATTENTION_H_

#include <optional>
#include <span>
#include <vector>

#include "ops/array.h"
#include "ops/attention.h"
#include "ops/fused.h"
#include "ops/rope.h"

namespace ingot::ops {

// Room for the keys and values of a sequence, [1, key heads, capacity, D] and [.., Dv], of which
// columns from `length` on are to be written; or packed ones (ops/packed_columns.h), both of them
// and those of all sequences.
struct CacheRoom {
  Array keys;
  Array values;
};
struct CachedSequence {
  CacheRoom room;  // handed over: changed in place unless somebody else holds it
  int length = 0;  // columns that are there
  int steps = 0;   // columns to come, `length + steps` of them fit
};

struct CachedAttentionSpec {
  AttentionSpec attention;  // causal
  int heads = 0;
  int key_heads = 0;
  std::optional<NormWeights> query_norm = {};  // [D], of each head
  std::optional<NormWeights> key_norm = {};
  std::optional<RopeSpec> rope = {};
  QueryGrowth growth = {};
  // From one head's queries to the next one's, where something else lies between; 0: D.
  int query_pitch = 0;
};

struct CachedAttentionResult {
  Array y;                       // [1, rows, heads·Dv]
  std::vector<CacheRoom> rooms;  // one a sequence, with the new columns
};

// q [1, rows, heads·pitch], k [1, rows, key heads·D] and v [1, rows, key heads·Dv] as the
// projections gave them; the rows of one sequence follow those of the one before. Keys have as many
// numbers a head as queries.
CachedAttentionResult AttendCached(const Array& q, const Array& k, const Array& v,
                                   std::vector<CachedSequence> sequences,
                                   const CachedAttentionSpec& spec);

}  // namespace ingot::ops

#endif  // INGOT_OPS_CACHED_ATTENTION_H_
