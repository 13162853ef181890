// The next token from a row of logits on the CPU: changes to single logits, temperature, top-k,
// top-p, min-p and the draw, in two or three passes over the vocabulary that all threads share, and
// without sorting it. ops/sample.h has what is meant by each.
//
// Results do not depend on the number of threads. One thread builds graphs.
#ifndef INGOT_OPS_CPU_DRAW_H_
#define INGOT_OPS_CPU_DRAW_H_

#include <cstddef>
#include <vector>

#include "ops/array.h"
#include "ops/sample.h"
#include "quant/float_types.h"

namespace ingot::ops::cpu {

bool ServesDraw(const Array& logits);
Array Draw(const Array& logits, const DrawSpec& spec);

// Of a row that is in memory. NaN counts as -infinity.
TokenLogprobs LogprobsOfRow(quant::FloatType type, const std::byte* row, size_t size, int chosen,
                            int top);

}  // namespace ingot::ops::cpu

#endif  // INGOT_OPS_CPU_DRAW_H_
