// What attention over latent columns needs beside products and attention: rows that are normed in
// front and turned at the end, and a product of every head's own. One operation each on the CPU.
//
// One thread builds graphs.
#ifndef INGOT_OPS_LATENT_H_
#define INGOT_OPS_LATENT_H_

#include <optional>

#include "ops/array.h"
#include "ops/fused.h"
#include "ops/linear.h"
#include "ops/rope.h"

namespace ingot::ops {

// x [..., L, D]: the last rope.dims of each row are turned to its position, the first at `offset`;
// what stands before them is normed, or stays as it is.
Array NormAndTurn(const Array& x, const std::optional<NormWeights>& norm, const RopeSpec& rope,
                  int offset);

// Of each head the product with its own matrix in a stack [heads, out, in], and after it the row of
// `tail`: x [B, heads, L, in] and tail [B, heads, L, t] → [B, heads, L, out + t]. Where x or tail
// has one head, all have that.
Array ApplyHeads(const Weight& stack, const Array& x,
                 const std::optional<Array>& tail = std::nullopt);

// A stack as ApplyHeads reads it best: as it is where kernels take it so, else dense in `type`.
Weight HeadStack(const Weight& stack, mx::Dtype type);
// Outputs [begin, end) of every matrix of a stack.
Weight StackOutputs(const Weight& stack, int begin, int end);

}  // namespace ingot::ops

#endif  // INGOT_OPS_LATENT_H_
