// Attention of the newest columns of a sequence over its keys and values. Heads of queries may
// share heads of keys (their number is a multiple). Computed in q's type, softmax in fp32.
#ifndef INGOT_OPS_ATTENTION_H_
#define INGOT_OPS_ATTENTION_H_

#include <optional>

#include "ops/array.h"

namespace ingot::ops {

struct AttentionSpec {
  float scale = 1;
  int window = 0;                   // keys that a query sees, itself included; 0: all before it
  std::optional<Array> sinks = {};  // [heads]: a logit that takes weight and gives no value
  bool causal = true;               // false: every query sees every key, and there is no window
  int value_width = 0;              // of a value only its first numbers count; 0: all do
};

// q [B, Hq, L, D], k [B, Hkv, T, D], v [B, Hkv, T, Dv] → [B, L, Hq·Dv]. The columns of the keys are
// consecutive positions and the queries stand at the last L of them: each sees keys up to its own.
// A single query may find the keys in any order, as a ring buffer has them. Keys and values may be
// packed (ops/packed_columns.h), both of them.
Array Attention(const Array& q, const Array& k, const Array& v, const AttentionSpec& spec);
// The same with the heads apart: [B, Hq, L, Dv].
Array AttentionHeads(const Array& q, const Array& k, const Array& v, const AttentionSpec& spec);

// [B, L, heads·D] → [B, heads, L, D], and back.
Array SplitHeads(const Array& x, int heads);
Array MergeHeads(const Array& x);

}  // namespace ingot::ops

#endif  // INGOT_OPS_ATTENTION_H_
