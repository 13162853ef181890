// Attention on the CPU as one MLX operation on our kernels; ops/attention.h asks here first.
//
// One thread builds graphs; MLX evaluates on threads of its own.
#ifndef INGOT_OPS_CPU_ATTENTION_H_
#define INGOT_OPS_CPU_ATTENTION_H_

#include "ops/array.h"
#include "ops/attention.h"

namespace ingot::ops::cpu {

bool ServesAttention(const Array& q, const Array& k, const Array& v, const AttentionSpec& spec);
// As ops::AttentionHeads where `merged` is false, as ops::Attention where it is true. In fp32,
// rounded once; a query that sees no key and has no sink gives NaN.
Array Attention(const Array& q, const Array& k, const Array& v, const AttentionSpec& spec,
                bool merged);

}  // namespace ingot::ops::cpu

#endif  // INGOT_OPS_CPU_ATTENTION_H_
