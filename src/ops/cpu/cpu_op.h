// An MLX operation with one result that is computed by a task of ours on the CPU.
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

}  // namespace ingot::ops::cpu

#endif  // INGOT_OPS_CPU_CPU_OP_H_
