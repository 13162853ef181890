// Which weights a thread computes with after which. A model's products come in the same order for
// every token: what came after a product the last time comes after it again. So threads that wait
// for the others at a product's end, or for what lies between two products, fetch the weights that
// they will begin the next one with, and memory is not idle meanwhile.
//
// Remembers addresses, never reads them. Each thread that computes has a memory of its own.
#ifndef INGOT_KERNELS_SUCCESSION_H_
#define INGOT_KERNELS_SUCCESSION_H_

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "core/thread_pool.h"
#include "kernels/matrix.h"

namespace ingot::kernels {

// One or two matrices whose blocks are taken together, and into how many blocks they are cut.
struct SuccessionPart {
  Matrix matrix;
  Matrix gate;  // without outputs where there is none
  size_t block_outputs = 0;
  size_t blocks = 0;
};

// A loop over the blocks of all parts, one part after the other.
struct SuccessionStage {
  std::vector<SuccessionPart> parts;
  size_t blocks = 0;
};

class Succession {
 public:
  static Succession& OfThisThread();

  // Products over these are about to be computed in one loop. What followed them the last time, or
  // null; valid until the next call.
  const SuccessionStage* Enter(std::vector<SuccessionPart> parts);
  // The same for a loop whose weights differ from time to time: nothing can be said of it.
  void EnterOther() { before_ = before_ * 31 + 1; }

 private:
  std::unordered_map<uintptr_t, SuccessionStage> after_;
  uintptr_t before_ = 0;  // names the loop before
};

// What the first blocks of one thread's share of a stage consist of: at most kMostAhead pieces, as
// many as the answer says, not too much for a core's own cache.
size_t BeginningOf(const SuccessionStage& stage, size_t share, size_t shares, core::Ahead* ahead);

}  // namespace ingot::kernels

#endif  // INGOT_KERNELS_SUCCESSION_H_
