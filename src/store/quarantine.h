// Where files go that cannot be trusted: out of everybody's way, but never deleted, since a damaged
// file may still be somebody's only copy. One object a run; one thread. The caller holds the store
// lock, in either mode.
#ifndef INGOT_STORE_QUARANTINE_H_
#define INGOT_STORE_QUARANTINE_H_

#include <optional>
#include <vector>

#include "core/status.h"
#include "store/digest.h"
#include "store/locks.h"
#include "store/store.h"

namespace ingot::store {

class Quarantine {
 public:
  explicit Quarantine(const Store& store) : store_(store) {}

  // Moves a file of the store to <quarantine>/<time>/<its path below the root> and says where that
  // is. kNotFound when it is gone already.
  core::Result<Path> Take(const StoreLock& held, const Path& file);

  // This run's directory; empty until something was taken.
  const Path& directory() const { return directory_; }

 private:
  const Store& store_;
  Path directory_;
};

// The digests that manifests in quarantine mention, found by searching their text, since such a
// manifest need not parse. Their blobs may be the rest of a model that somebody wants to save.
core::Result<std::vector<Digest>> DigestsInQuarantine(const Store& store);

}  // namespace ingot::store

#endif  // INGOT_STORE_QUARANTINE_H_
