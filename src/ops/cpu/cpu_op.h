// An MLX operation of one or several results that is computed by a task of ours on the CPU.
//
// One thread builds graphs. MLX calls `prepare` when the inputs have their memory, and runs what it
// returns later, on the thread of the stream, when they have their values.
#ifndef INGOT_OPS_CPU_CPU_OP_H_
#define INGOT_OPS_CPU_CPU_OP_H_

#include <cstddef>
#include <functional>
#include <limits>
#include <vector>

#include "ops/array.h"

namespace ingot::ops::cpu {

using Task = std::function<void()>;
// `out` has its memory, in one piece. Not called for empty results.
using Prepare = std::function<Task(const std::vector<Array>& inputs, Array& out)>;

// A token costs MLX something for every input of every operation. The inputs from `weights_from` on
// are a model's weights: those that are in memory already are not made part of the graph, which
// then need not look at them again. None of them is changed in place.
inline constexpr size_t kNoWeights = std::numeric_limits<size_t>::max();

Array CpuOp(const char* name, const mx::Shape& shape, mx::Dtype type, std::vector<Array> inputs,
            Prepare prepare, size_t weights_from = kNoWeights);

// The same with several results.
struct ResultType {
  mx::Shape shape;
  mx::Dtype type;
  // The input whose memory this result takes over, changed in place; -1: memory of its own. Where
  // somebody else still holds that input, or it is not in one piece, the memory is a copy. Such an
  // input is of this shape and type.
  int in_place_of = -1;
};
// Also called where some of the results are empty.
using PrepareAll =
    std::function<Task(const std::vector<Array>& inputs, std::vector<Array>& outputs)>;

std::vector<Array> CpuOpOf(const char* name, const std::vector<ResultType>& results,
                           std::vector<Array> inputs, PrepareAll prepare,
                           size_t weights_from = kNoWeights);

}  // namespace ingot::ops::cpu

#endif  // INGOT_OPS_CPU_CPU_OP_H_
