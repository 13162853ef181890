// A model in use: as long as the lease lives, `ingot rm`, `ingot gc` and `ingot repair`, in
// whatever process, leave its blobs where they are, even after its manifest has gone.
//
// The lease is a copy of the manifest under <root>/ingot/leases, locked for reading; the kernel
// unlocks it when the process dies, and the next sweep removes it. In a store that may only be read
// there is no such file, and nobody who could remove anything asks: the lease protects nothing
// then. Movable; one thread at a time.
#ifndef INGOT_STORE_LEASE_H_
#define INGOT_STORE_LEASE_H_

#include "core/status.h"
#include "store/locks.h"
#include "store/store.h"

namespace ingot::store {

class ModelLease {
 public:
  // Reads the model and holds it. Same errors as Store::Read.
  static core::Result<ModelLease> Take(const Store& store, const ModelName& name);

  const StoredModel& model() const { return model_; }
  bool protects() const { return lock_ != nullptr; }

 private:
  ModelLease(StoredModel model, LockHandle lock)
      : model_(std::move(model)), lock_(std::move(lock)) {}

  StoredModel model_;
  LockHandle lock_;
};

}  // namespace ingot::store

#endif  // INGOT_STORE_LEASE_H_
