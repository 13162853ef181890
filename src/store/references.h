// The first half of mark and sweep: which blobs somebody still needs. Used under the exclusive
// store lock, so that no reference can appear while it is looked for.
#ifndef INGOT_STORE_REFERENCES_H_
#define INGOT_STORE_REFERENCES_H_

#include <cstdint>
#include <unordered_set>
#include <vector>

#include "core/status.h"
#include "store/locks.h"
#include "store/store.h"

namespace ingot::store {

using DigestSet = std::unordered_set<Digest>;

struct References {
  DigestSet models;   // named by a manifest
  DigestSet in_use;   // of a model that a process has leased, or claimed by one that writes
  DigestSet rescued;  // mentioned by a manifest in quarantine

  bool Needs(const Digest& digest) const {
    return models.contains(digest) || in_use.contains(digest) || rescued.contains(digest);
  }
};

// Fails where any manifest, lease of a living process or directory cannot be read: then nothing may
// be removed. scan is what Store::Scan said under the same lock.
core::Result<References> FindReferences(const Store& store, const StoreLock& held,
                                        const ManifestScan& scan);

// Session and lease files whose owners are gone, and temp files that belong to no living session.
// Their owners' locks are proof, so age does not matter for the first two; temp files are listed
// whatever their age.
struct DeadFiles {
  std::vector<Path> owners;
  std::vector<Path> temps;
};
core::Result<DeadFiles> FindDeadFiles(const Store& store, const StoreLock& held);

}  // namespace ingot::store

#endif  // INGOT_STORE_REFERENCES_H_
