#include "store/locks.h"

#include "core/strings.h"

namespace ingot::store {

using core::LockMode;
using core::Result;

Result<StoreLock> LockStore(core::Env& env, const Layout& layout, LockMode mode) {
  Result<LockHandle> handle = env.Lock(layout.StoreLock(), mode, /*wait=*/true);
  if (!handle.ok() && handle.status().code() == core::Code::kNotFound) {
    INGOT_TRY(env.CreateDirs(layout.Locks()));
    handle = env.Lock(layout.StoreLock(), mode, /*wait=*/true);
  }
  if (!handle.ok()) return std::move(handle).status().Context("locking the model store");
  return StoreLock(*std::move(handle), mode);
}

Result<LockHandle> LockName(core::Env& env, const Layout& layout, const ModelName& name,
                            bool wait) {
  INGOT_TRY(env.CreateDirs(layout.Locks()));
  Result<LockHandle> handle = env.Lock(layout.NameLock(name), LockMode::kExclusive, wait);
  if (handle.ok()) return handle;
  if (handle.status().code() == core::Code::kBusy) {
    return core::Status(core::Code::kBusy,
                        core::StrCat("another process is working on ", name.Short()));
  }
  return std::move(handle).status().Context(core::StrCat("locking ", name.Short()));
}

Result<LockHandle> TryLockFile(core::Env& env, const Path& path, LockMode mode) {
  Result<LockHandle> handle = env.Lock(path, mode, /*wait=*/false);
  if (!handle.ok() && handle.status().code() == core::Code::kBusy) return LockHandle();
  return handle;
}

}  // namespace ingot::store
