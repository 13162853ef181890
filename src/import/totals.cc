#include "import/totals.h"

#include <algorithm>
#include <map>

namespace ingot::import {
namespace {

// Bytes a second and thread. Writing and hashing bound copies; encoding adds to that.
constexpr double kCopyRate = 0.8e9;
constexpr double kEncodeRate = 1.5e9;

}  // namespace

std::vector<TypeTotal> TotalsByType(const Plan& plan) {
  std::map<std::string, TypeTotal> by_type;
  for (const PlannedBlob& blob : plan.blobs) {
    for (const PlannedWeight& weight : blob.weights) {
      TypeTotal& total = by_type[StoredType(weight)];
      ++total.tensors;
      total.elements += weight.elements;
      total.bytes += weight.stored_bytes;
    }
  }
  std::vector<TypeTotal> totals;
  for (auto& [type, total] : by_type) {
    total.type = type;
    totals.push_back(std::move(total));
  }
  std::ranges::stable_sort(totals, std::ranges::greater(), &TypeTotal::bytes);
  return totals;
}

double BitsPerWeight(const Plan& plan) {
  if (plan.elements == 0) return 0;
  return 8.0 * static_cast<double>(plan.stored_bytes) / static_cast<double>(plan.elements);
}

double ExpectedSeconds(const Plan& plan, int threads) {
  uint64_t encoded = 0;
  for (const PlannedBlob& blob : plan.blobs) {
    for (const PlannedWeight& weight : blob.weights) {
      if (weight.action != Action::kCopy) encoded += weight.source_bytes;
    }
  }
  const double copied = static_cast<double>(std::max(plan.source_bytes, plan.stored_bytes));
  return (copied / kCopyRate + static_cast<double>(encoded) / kEncodeRate) / std::max(threads, 1);
}

}  // namespace ingot::import
