// A Weight as inputs of an MLX operation, and back: graphs hold arrays, kernels want a Matrix.
//
// Plain values.
#ifndef INGOT_OPS_CPU_WEIGHT_ARRAYS_H_
#define INGOT_OPS_CPU_WEIGHT_ARRAYS_H_

#include <vector>

#include "kernels/matrix.h"
#include "ops/array.h"
#include "ops/linear.h"

namespace ingot::ops::cpu {

using quant::FloatType;

// Which arrays follow each other among an operation's inputs, and how the first is to be read.
struct WeightSpec {
  bool packed = false;
  bool biases = false;
  bool global_scale = false;
  bool bias = false;  // the layer's own, added to its results
  quant::Format format = {};
};

// Whether kernels can read weights, scales and bias of these types.
bool IsReadable(const Weight& weight, const std::optional<Array>& bias);
WeightSpec SpecOf(const Weight& weight, const std::optional<Array>& bias);
// How many arrays that are.
size_t CountOf(const WeightSpec& spec);
void AppendArrays(const Weight& weight, const std::optional<Array>& bias,
                  std::vector<Array>& inputs);

// The weights among `inputs` from `first` on, once they have their memory. What is not in one piece
// (a transposed matrix) is copied at each evaluation, by the stream.
struct BoundWeight {
  BoundWeight(const WeightSpec& spec, const std::vector<Array>& inputs, size_t first,
              mx::Stream stream);

  // Of expert `index` in a stack [E, out, in]; of the one matrix for 0.
  kernels::Matrix MatrixOf(size_t index) const;
  // `count` of its outputs from `first` on.
  kernels::Matrix PartOf(size_t index, size_t first, size_t count) const;
  const float* FactorOf(size_t index) const;  // or null
  const std::byte* BiasOf(size_t index) const;

  kernels::Matrix whole;  // as if the stack's matrices were one above the other
  size_t stack = 1;
  size_t outputs = 0;  // of one matrix
  const float* factors = nullptr;
  size_t factor_count = 0;
  const std::byte* bias = nullptr;
  FloatType bias_type = FloatType::kF32;
};

}  // namespace ingot::ops::cpu

#endif  // INGOT_OPS_CPU_WEIGHT_ARRAYS_H_
