// Locks between processes that share a store. Thread-safe.
//
// A process that dies, however it dies, gives back all it held: every lock is the kernel's.
//
//   name lock    exclusive, for as long as somebody builds a model of that name (create, pull):
//                the second waits, and then finds the first one's blobs done
//   store lock   shared for one short step of a writer (a blob renamed into place, a manifest
//                written); exclusive while anything is removed or moved away (rm, gc, repair)
//   session      a file that a writer keeps locked and lists its blobs in (session.h), so that a
//                removal spares blobs that no manifest names yet
//   lease        a file that a reader keeps locked and that holds the manifest it uses (lease.h),
//                so that a removal spares the blobs of a model in use
//
// Taken in this order only: name lock, store lock, then session and lease files, which are only
// ever tried and never waited for by anyone who holds the store lock. So no two processes can wait
// for each other. Nobody waits for a name lock while holding another.
#ifndef INGOT_STORE_LOCKS_H_
#define INGOT_STORE_LOCKS_H_

#include <memory>

#include "core/env.h"
#include "store/layout.h"

namespace ingot::store {

using LockHandle = std::unique_ptr<core::FileLock>;

// Proof that the store is locked, handed to functions that need it.
class StoreLock {
 public:
  StoreLock(LockHandle handle, core::LockMode mode) : handle_(std::move(handle)), mode_(mode) {}
  bool exclusive() const { return mode_ == core::LockMode::kExclusive; }

 private:
  LockHandle handle_;
  core::LockMode mode_;
};

// Makes the directories that locks need. Waits for other processes.
core::Result<StoreLock> LockStore(core::Env& env, const Layout& layout, core::LockMode mode);

// wait false: kBusy at once when another process builds that name.
core::Result<LockHandle> LockName(core::Env& env, const Layout& layout, const ModelName& name,
                                  bool wait);

// The lock on a session or lease file: null when its owner lives.
core::Result<LockHandle> TryLockFile(core::Env& env, const Path& path, core::LockMode mode);

}  // namespace ingot::store

#endif  // INGOT_STORE_LOCKS_H_
