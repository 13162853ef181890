// Garbage collection by mark and sweep: removes blobs that no manifest names, and what dead
// processes of ours left behind. Careful before it is thorough:
//
//   - nothing is removed while any manifest cannot be read, or where there is no manifests
//   directory
//   - blobs younger than an hour stay: another program may be about to name them
//   - so do downloads that run, or were interrupted less than two weeks ago
//   - so do blobs of models in use, blobs that a writer claimed, blobs that a manifest in
//   quarantine
//     mentions, other programs' unfinished downloads, and files we know nothing about
//
// Any thread. Holds the exclusive store lock while it works.
#ifndef INGOT_STORE_GC_H_
#define INGOT_STORE_GC_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/status.h"
#include "store/store.h"

namespace ingot::store {

inline constexpr int64_t kMinAgeNs = int64_t{3600} * 1'000'000'000;
// Long enough to come back to a download after a week away from the network.
inline constexpr int64_t kMinDownloadAgeNs = int64_t{14} * 24 * 3600 * 1'000'000'000;

struct GcOptions {
  bool dry_run = false;  // says what would go, removes nothing
  int64_t min_age_ns = kMinAgeNs;
  int64_t min_download_age_ns = kMinDownloadAgeNs;  // of interrupted downloads and uploads
};

struct GcCount {
  uint64_t files = 0;
  uint64_t bytes = 0;
  void Add(uint64_t size) {
    ++files;
    bytes += size;
  }
};

struct GcReport {
  std::vector<Path> removed;  // or, in a dry run, what would be
  GcCount blobs;              // removed: blobs that nobody needs
  GcCount leftovers;          // removed: temp files, sessions and leases of processes that are gone
  GcCount needed;             // kept: models need them
  GcCount young;              // kept: unneeded, but under an hour old
  GcCount in_use;             // kept: only a running process needs them
  GcCount rescued;            // kept: only a manifest in quarantine mentions them
  GcCount downloads;          // kept: interrupted pulls, which go on from there
  GcCount partials;           // kept: other programs' unfinished work
  GcCount strangers;          // kept: names we know nothing about
};

core::Result<GcReport> CollectGarbage(const Store& store, const GcOptions& options);

}  // namespace ingot::store

#endif  // INGOT_STORE_GC_H_
