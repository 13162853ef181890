// How much of a plan lies in which type: for tables, summaries and JSON. Pure.
#ifndef INGOT_IMPORT_TOTALS_H_
#define INGOT_IMPORT_TOTALS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "import/plan.h"

namespace ingot::import {

struct TypeTotal {
  std::string type;  // "int4", "BF16"
  uint64_t tensors = 0;
  uint64_t elements = 0;
  uint64_t bytes = 0;
};

// The largest first.
std::vector<TypeTotal> TotalsByType(const Plan& plan);

// Bits that a value takes on average, scales and headers included.
double BitsPerWeight(const Plan& plan);

// How long reading, encoding and writing will take, roughly: for a machine like the one that
// bench/import was last run on, with this many threads.
double ExpectedSeconds(const Plan& plan, int threads);

}  // namespace ingot::import

#endif  // INGOT_IMPORT_TOTALS_H_
