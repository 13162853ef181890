// What a pull has to do, decided before anything is fetched: which blobs of a manifest are to come,
// and in which order. A pure function of the manifest and of what is there; values.
#ifndef INGOT_REGISTRY_PLAN_H_
#define INGOT_REGISTRY_PLAN_H_

#include <cstdint>
#include <unordered_set>
#include <vector>

#include "core/status.h"
#include "store/manifest.h"

namespace ingot::registry {

// Each blob of a manifest once, small things first: the config and files of a few kilobytes before
// tensors, and each kind by size. kCorrupt when two layers state different sizes for one digest.
core::Result<std::vector<store::Layer>> BlobsOf(const store::Manifest& manifest);

struct PullPlan {
  std::vector<store::Layer> fetch;  // in this order
  uint64_t fetch_bytes = 0;
  uint64_t present = 0;  // blobs that are there
  uint64_t present_bytes = 0;
};
PullPlan PlanPull(std::vector<store::Layer> blobs,
                  const std::unordered_set<store::Digest>& present);

}  // namespace ingot::registry

#endif  // INGOT_REGISTRY_PLAN_H_
