#include "store/remove.h"

#include <algorithm>

#include "store/references.h"

namespace ingot::store {
namespace {

using core::Code;
using core::LockMode;
using core::Result;
using core::Status;

void RemoveBlobs(const Store& store, const Manifest& manifest, const References& references,
                 RemoveReport& report, Status& status) {
  DigestSet seen;
  manifest.ForEachBlob([&](const Layer& layer) {
    if (!seen.insert(layer.digest).second) return;
    const Path path = store.layout().Blob(layer.digest);
    const Result<core::FileInfo> info = store.env().LStat(path);
    if (!info.ok()) return;
    if (references.in_use.contains(layer.digest)) {
      report.bytes_in_use += info->size;
    } else if (references.Needs(layer.digest)) {
      report.bytes_shared += info->size;
    } else if (const Status removed = store.env().Remove(path); removed.ok()) {
      ++report.blobs_removed;
      report.bytes_freed += info->size;
    } else if (status.ok()) {
      status = removed;  // the first failure is reported, the other blobs go all the same
    }
  });
}

}  // namespace

Status RemoveEmptyDirs(const Store& store, const StoreLock&, Path directory) {
  core::Env& env = store.env();
  for (; directory != store.layout().Manifests(); directory = directory.parent_path()) {
    const Result<std::vector<core::DirEntry>> entries = env.List(directory);
    if (!entries.ok()) return entries.status();
    if (!entries->empty()) return Status::Ok();
    const Status removed = env.Remove(directory);
    // Something may have been put there by a program that knows no locks.
    if (!removed.ok()) return env.List(directory).ok() ? Status::Ok() : removed;
  }
  return Status::Ok();
}

Result<RemoveReport> RemoveModel(const Store& store, const ModelName& name) {
  core::Env& env = store.env();
  INGOT_ASSIGN(const StoreLock held, LockStore(env, store.layout(), LockMode::kExclusive));
  INGOT_ASSIGN(const ModelName canonical, store.Canonical(name));
  const Result<StoredModel> model = store.Read(canonical);
  if (!model.ok() && model.status().code() == Code::kNotFound) return model.status();

  const Path manifest = store.layout().ManifestOf(canonical);
  INGOT_TRY(env.Remove(manifest));
  // Were a blob to go first, a power cut could bring back a manifest without it.
  INGOT_TRY(env.SyncDir(manifest.parent_path()));
  INGOT_TRY(RemoveEmptyDirs(store, held, manifest.parent_path()));

  RemoveReport report{.name = canonical, .kept_because = {}};
  if (!model.ok()) {
    report.kept_because = model.status();
    return report;
  }
  INGOT_ASSIGN(const ManifestScan scan, store.Scan());
  const Result<References> references = FindReferences(store, held, scan);
  if (!references.ok()) {
    report.kept_because = references.status();
    return report;
  }
  Status status;
  RemoveBlobs(store, model->manifest(), *references, report, status);
  if (!status.ok()) return status;
  return report;
}

}  // namespace ingot::store
