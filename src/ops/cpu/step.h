// A step of few rows: operations of ours are computed in the order in which they are called,
// instead of becoming nodes of a graph that MLX walks afterwards. A graph of a hundred and more
// small operations costs as much as a tenth of what it computes.
//
// Results have their memory at once and their values when the stream's thread has come to them,
// which Finish waits for: nobody reads values (eval and data, item) between a scope's begin and its
// end. MLX's own operations may stand between ours; they stay lazy until one of ours wants their
// results. Memory is taken for all results of a step together, so that a step of many rows is
// better left to the graph.
//
// One thread makes steps. On a GPU, and with plain forms, a scope does nothing.
#ifndef INGOT_OPS_CPU_STEP_H_
#define INGOT_OPS_CPU_STEP_H_

#include <vector>

#include "ops/array.h"
#include "ops/cpu/cpu_op.h"

namespace ingot::ops::cpu {

class StepScope {
 public:
  // Beyond this a graph is no burden beside what it computes.
  static constexpr int kMostRows = 64;

  explicit StepScope(int rows);
  ~StepScope();  // finishes, if nobody has
  StepScope(const StepScope&) = delete;
  StepScope& operator=(const StepScope&) = delete;

  // The one that lives on this thread, or null.
  static StepScope* Current();

  // Ends the step and waits for its results. Throws what one of its tasks threw.
  void Finish();

  // For CpuOpOf, whose arguments these are.
  std::vector<Array> Start(const std::vector<ResultType>& results, const std::vector<Array>& inputs,
                           const PrepareAll& prepare);

 private:
  Array Made(const ResultType& result, const std::vector<Array>& inputs);

  mx::Stream stream_;
  bool open_ = false;
};

}  // namespace ingot::ops::cpu

#endif  // INGOT_OPS_CPU_STEP_H_
