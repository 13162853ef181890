#include "store/lease.h"

#include "core/log.h"
#include "store/session.h"
#include "store/temp_file.h"

namespace ingot::store {
namespace {

using core::Code;
using core::LockMode;
using core::Result;
using core::Status;

// Puts the manifest's bytes where the lease lies, unless they are there.
Status WriteLeaseFile(const Store& store, const StoredModel& model, const Path& path) {
  core::Env& env = store.env();
  const Result<std::string> present = core::ReadSmallFile(env, path, kMaxManifestBytes);
  if (present.ok() && *present == model.raw.bytes) return Status::Ok();
  INGOT_TRY(env.CreateDirs(store.layout().Temp()));
  INGOT_TRY(env.CreateDirs(store.layout().Leases()));
  TempFile temp(env, UniqueTempPath(store.layout()));
  INGOT_TRY(temp.Write(model.raw.bytes));
  const Status placed = temp.MoveToNew(path);
  // Another reader may have been faster.
  return placed.code() == Code::kAlreadyExists ? Status::Ok() : placed;
}

Result<LockHandle> HoldLeaseFile(const Store& store, const StoredModel& model) {
  const Path path = store.layout().Lease(model.raw.id);
  INGOT_TRY(WriteLeaseFile(store, model, path));
  INGOT_ASSIGN(LockHandle lock, TryLockFile(store.env(), path, LockMode::kShared));
  if (lock == nullptr) {
    // Only a sweep locks it otherwise, and none runs while the store is locked for reading.
    return core::Internal("a lease is locked by somebody who does not hold the store");
  }
  return lock;
}

}  // namespace

Result<ModelLease> ModelLease::Take(const Store& store, const ModelName& name) {
  Result<StoreLock> held = LockStore(store.env(), store.layout(), LockMode::kShared);
  if (!held.ok() && held.status().code() != Code::kPermission) return held.status();
  INGOT_ASSIGN(StoredModel model, store.Read(name));
  if (!held.ok()) return ModelLease(std::move(model), nullptr);
  Result<LockHandle> lock = HoldLeaseFile(store, model);
  if (lock.ok()) return ModelLease(std::move(model), *std::move(lock));
  const Code code = lock.status().code();
  if (code != Code::kPermission && code != Code::kNoSpace) return lock.status();
  core::LogInfo("a model is used without protection against its removal",
                {{"model", model.name.Short()}, {"why", std::string(lock.status().message())}});
  return ModelLease(std::move(model), nullptr);
}

}  // namespace ingot::store
