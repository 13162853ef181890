// An MLX operation of one or several results that is computed by a task of ours on the CPU.
//
// One thread builds graphs. MLX calls `prepare` when the inputs have their memory, and runs what it
// returns later, on the thread of the stream, when they have their values.
#ifndef INGOT_OPS_CPU_CPU_OP_H_
#define INGOT_OPS_CPU_CPU_OP_H_

#include <functional>
#include <vector>

#include "ops/array.h"

namespace ingot::ops::cpu {

using Task = std::function<void()>;
// `out` has its memory, in one piece. Not called for empty results.
using Prepare = std::function<Task(const std::vector<Array>& inputs, Array& out)>;

Array CpuOp(const char* name, const mx::Shape& shape, mx::Dtype type, std::vector<Array> inputs,
            Prepare prepare);

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
                           const std::vector<Array>& inputs, PrepareAll prepare);

}  // namespace ingot::ops::cpu

#endif  // INGOT_OPS_CPU_CPU_OP_H_
