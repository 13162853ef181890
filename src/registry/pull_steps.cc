#include "registry/pull_steps.h"

#include "core/strings.h"

namespace ingot::registry {

using core::Code;
using core::Result;
using core::Status;
using core::StrCat;

Result<store::LockHandle> LockModel(const store::Store& store, const store::ModelName& name,
                                    Waiter& waiter, core::ProgressSink& progress) {
  constexpr int64_t kLookAgainNs = 200'000'000;
  for (bool told = false;; told = true) {
    Result<store::LockHandle> lock =
        store::LockName(store.env(), store.layout(), name, /*wait=*/false);
    if (lock.ok() || lock.status().code() != Code::kBusy) return lock;
    if (!told) progress.Line(StrCat("waiting: ", lock.status().message()));
    INGOT_TRY(waiter.Sleep(kLookAgainNs, nullptr));
  }
}

Status CheckSpace(const store::Store& store, const std::vector<store::Layer>& blobs) {
  // Beside what the blobs need: manifest, journals, and what others write meanwhile.
  constexpr uint64_t kSpareBytes = uint64_t{16} << 20;
  uint64_t needed = 0;
  for (const store::Layer& layer : blobs) {
    if (!store.env().Stat(store.layout().Partial(layer.digest)).ok()) needed += layer.size;
  }
  if (needed == 0) return Status::Ok();
  const Result<core::Space> space = store.env().FreeSpace(store.layout().root());
  if (!space.ok() || space->available >= needed + kSpareBytes) return Status::Ok();
  return Status(Code::kNoSpace, StrCat("the model needs ", core::HumanBytes(needed), " more at ",
                                       core::Printable(store.layout().root().native(), 1000),
                                       ", there are ", core::HumanBytes(space->available)))
      .WithHint("`ingot gc` frees what no model uses, `ingot rm` removes models.");
}

}  // namespace ingot::registry
