#include "kernels/succession.h"

#include <algorithm>
#include <utility>

namespace ingot::kernels {
namespace {

// Of several models' products. Beyond that somebody computes with matrices that come only once.
constexpr size_t kMostKnown = 8192;
// What a thread fetches at most: well within a core's second cache.
constexpr size_t kMostBytes = size_t{384} << 10;

// What `outputs` rows of a matrix from `first` on consist of, into `ahead`; how many pieces.
size_t Pieces(const Matrix& matrix, size_t first, size_t outputs, core::Ahead* ahead) {
  ahead[0] = {matrix.row(first), outputs * matrix.row_bytes()};
  if (matrix.scales == nullptr) return 1;
  const size_t row =
      matrix.groups() * (matrix.layout == Layout::kAffine ? quant::SizeOf(matrix.type) : 1);
  ahead[1] = {matrix.scales + first * row, outputs * row};
  if (matrix.biases == nullptr) return 2;
  ahead[2] = {matrix.biases + first * row, outputs * row};
  return 3;
}

}  // namespace

Succession& Succession::OfThisThread() {
  thread_local Succession succession;
  return succession;
}

const SuccessionStage* Succession::Enter(std::vector<SuccessionPart> parts) {
  SuccessionStage stage{.parts = std::move(parts), .blocks = 0};
  for (const SuccessionPart& part : stage.parts) stage.blocks += part.blocks;
  const auto name = reinterpret_cast<uintptr_t>(stage.parts.front().matrix.values);
  if (after_.size() > kMostKnown) after_.clear();
  after_[before_] = std::move(stage);
  before_ = name;
  const auto next = after_.find(name);
  return next == after_.end() ? nullptr : &next->second;
}

size_t BeginningOf(const SuccessionStage& stage, size_t share, size_t shares, core::Ahead* ahead) {
  const size_t begin = stage.blocks * share / shares;
  const size_t end = stage.blocks * (share + 1) / shares;
  size_t before = 0;  // blocks of the parts before
  for (const SuccessionPart& part : stage.parts) {
    if (begin >= before + part.blocks) {
      before += part.blocks;
      continue;
    }
    const bool gated = part.gate.outputs > 0;
    const size_t first = (begin - before) * part.block_outputs;
    const size_t output_bytes = std::max<size_t>(part.matrix.row_bytes(), 1) * (gated ? 2 : 1);
    const size_t outputs =
        std::min({part.matrix.outputs - first, (end - begin) * part.block_outputs,
                  std::max<size_t>(kMostBytes / output_bytes, 1)});
    const size_t count = Pieces(part.matrix, first, outputs, ahead);
    return gated ? count + Pieces(part.gate, first, outputs, ahead + count) : count;
  }
  return 0;
}

}  // namespace ingot::kernels
