// Puts the weights of a source into the canonical layout, before anything is decided about their
// precision: experts stacked in the order of their numbers, gate and up apart (or together, where
// the family has them so), everything else as it is. Only names and rows move here, no values.
//
// Pure. Internal to the room.
#ifndef INGOT_IMPORT_MATRICES_H_
#define INGOT_IMPORT_MATRICES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/status.h"
#include "import/inventory.h"
#include "import/plan.h"
#include "import/weights.h"

namespace ingot::import {

// A weight of the canonical layout.
struct Matrix {
  std::string name;          // of its main tensor
  std::string asked;         // that precision rules are asked with
  std::string group;         // of expert matrices: what they share a blob as; else empty
  tensor::Shape shape;       // of the values
  std::vector<RowRun> rows;  // in order
  uint64_t columns = 0;      // values in each of them
  bool transposed = false;
  uint32_t like = 0;               // a source weight that is encoded as all of them are
  std::vector<std::string> steps;  // what is done, in words: "stack 128 experts"
};

// In the order of their names. Fails, naming the tensors, on experts that are missing, double or
// unlike each other, on a number of experts that config.json contradicts, on fused tensors that
// cannot be cut in two, and on two sources for one name.
core::Result<std::vector<Matrix>> ArrangeMatrices(const Inventory& inventory,
                                                  const std::vector<SourceWeight>& sources);

// Whether one stack, or one joined tensor, can hold both.
bool EncodedAlike(const Inventory& inventory, const SourceWeight& a, const SourceWeight& b);

}  // namespace ingot::import

#endif  // INGOT_IMPORT_MATRICES_H_
