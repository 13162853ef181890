// Chains of elementwise operations that a GPU computes in one go: MLX compiles them for whatever
// shapes come.
//
// One thread builds graphs.
#ifndef INGOT_OPS_GPU_COMPILED_H_
#define INGOT_OPS_GPU_COMPILED_H_

#include <optional>
#include <vector>

#include "ops/activation.h"
#include "ops/array.h"

namespace ingot::ops::gpu {

using Chain = std::vector<Array> (*)(const std::vector<Array>&);

// The chain's one result, compiled on a GPU, as it stands elsewhere. `always`: compiled in any
// case.
Array RunChain(Chain chain, const std::vector<Array>& inputs, bool always = false);

}  // namespace ingot::ops::gpu

#endif  // INGOT_OPS_GPU_COMPILED_H_
