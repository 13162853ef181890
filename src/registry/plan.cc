#include "registry/plan.h"

#include <algorithm>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "core/strings.h"

namespace ingot::registry {

core::Result<std::vector<store::Layer>> BlobsOf(const store::Manifest& manifest) {
  std::vector<store::Layer> blobs;
  std::unordered_map<store::Digest, uint64_t> sizes;
  core::Status status;
  manifest.ForEachBlob([&](const store::Layer& layer) {
    const auto [known, fresh] = sizes.emplace(layer.digest, layer.size);
    if (fresh) {
      blobs.push_back(layer);
    } else if (known->second != layer.size && status.ok()) {
      status = core::Corrupt(core::StrCat("the manifest says that ", layer.digest.ToString(),
                                          " has ", known->second, " bytes, and ", layer.size));
    }
  });
  if (!status.ok()) return status;
  const auto order = [](const store::Layer& layer) {
    const bool weights = layer.media_type == store::kTensorMediaType ||
                         layer.media_type == store::kGgufModelMediaType;
    return std::make_tuple(weights, layer.size);
  };
  std::stable_sort(blobs.begin(), blobs.end(), [&](const store::Layer& a, const store::Layer& b) {
    return order(a) < order(b);
  });
  return blobs;
}

PullPlan PlanPull(std::vector<store::Layer> blobs,
                  const std::unordered_set<store::Digest>& present) {
  PullPlan plan;
  for (store::Layer& layer : blobs) {
    if (present.contains(layer.digest)) {
      ++plan.present;
      plan.present_bytes += layer.size;
    } else {
      plan.fetch_bytes += layer.size;
      plan.fetch.push_back(std::move(layer));
    }
  }
  return plan;
}

}  // namespace ingot::registry
