// ops/cached_attention.h on the CPU's kernels.
//
// One thread builds graphs.
#ifndef INGOT_OPS_CPU_CACHED_ATTENTION_H_
#define INGOT_OPS_CPU_CACHED_ATTENTION_H_

#include <vector>

#include "ops/cached_attention.h"

namespace ingot::ops::cpu {

bool ServesCached(const Array& q, const Array& k, const Array& v,
                  const std::vector<CachedSequence>& sequences, const CachedAttentionSpec& spec);
CachedAttentionResult AttendCached(const Array& q, const Array& k, const Array& v,
                                   std::vector<CachedSequence> sequences,
                                   const CachedAttentionSpec& spec);

}  // namespace ingot::ops::cpu

#endif  // INGOT_OPS_CPU_CACHED_ATTENTION_H_
