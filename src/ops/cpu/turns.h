// Rotary positions as the CPU's kernels apply them: the cosines and sines of a run of positions,
// which all layers and heads of a step share, and turning a row by them.
#ifndef INGOT_OPS_CPU_TURNS_H_
#define INGOT_OPS_CPU_TURNS_H_

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "ops/rope.h"

namespace ingot::ops::cpu {

struct Turn {
  float cosine;
  float sine;
};

// Immutable: any thread.
struct Turns {
  bool interleaved = false;
  size_t half = 0;          // pairs of dimensions that turn
  std::vector<Turn> turns;  // [steps][half]

  // Turns a row that begins with the dimensions that turn.
  void Apply(size_t step, std::span<float> row) const;
};

// Of positions [offset, offset + steps). The last ones asked for by this thread are kept: a graph
// asks for the same in each of its layers.
std::shared_ptr<const Turns> TurnsOf(const RopeSpec& spec, int offset, int steps);

// Whether TurnsOf knows this form, for heads of `width` numbers.
bool ServesTurns(const RopeSpec& spec, int width);

}  // namespace ingot::ops::cpu

#endif  // INGOT_OPS_CPU_TURNS_H_
