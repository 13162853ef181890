// Attention of few queries on a GPU for any width of heads, where MLX's fused form does not fit:
// latent attention has heads of 576 and one head of keys for all. ops/attention.h asks here first.
//
// One thread builds graphs.
#ifndef INGOT_OPS_GPU_ATTENTION_H_
#define INGOT_OPS_GPU_ATTENTION_H_

#include "ops/array.h"
#include "ops/attention.h"
#include "ops/gpu/choice.h"
#include "ops/gpu/kernel.h"

namespace ingot::ops::gpu {

// Whether MLX has a fused form for these on the back end; where it has none it computes all scores
// as one array.
bool HasFused(BackEnd back_end, const Array& q, const Array& k, const Array& v,
              const AttentionSpec& spec);
// Up to how many queries at once the kernel is used.
constexpr int kMostQueries = 8;
// The width of values, in floats, that a group can hold.
constexpr int kWidestValue = 512;
bool FitsWide(const Array& q, const Array& v);

// As ops::AttentionHeads. Keys are shared out to parts that are joined after; they are read as they
// lie in the cache.
Array WideAttention(const Launch& launch, const Array& q, const Array& k, const Array& v,
                    const AttentionSpec& spec);

// As ops::AttentionHeads, by products of matrices, as many queries at a time as keep the array of
// scores small.
Array AttentionInBlocks(const Array& q, const Array& k, const Array& v, const AttentionSpec& spec);

}  // namespace ingot::ops::gpu

#endif  // INGOT_OPS_GPU_ATTENTION_H_
