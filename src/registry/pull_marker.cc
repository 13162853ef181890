#include "registry/pull_marker.h"

#include <utility>

#include "core/log.h"
#include "core/strings.h"
#include "registry/partial_blob.h"
#include "store/locks.h"
#include "store/transfer_files.h"

namespace ingot::registry {

using core::Code;
using core::Result;
using core::Status;

PullMarker::PullMarker(const store::Store& store, const store::ModelName& name,
                       const store::RawManifest& manifest, const PullPlan& plan)
    : store_(store), name_(name) {
  if (plan.fetch.empty()) return;
  const core::Path path = store::PullingOf(store.layout(), name);
  Status written = store.env().CreateDirs(path.parent_path());
  if (written.ok()) written = core::WriteFileAtomic(store.env(), path, manifest.bytes);
  if (!written.ok()) {
    core::LogInfo("a pull cannot be looked at while it runs",
                  {{"why", std::string(written.message())}});
  }
}

void PullMarker::Remove() const {
  const core::Path top = store::PullingOf(store_.layout());
  core::Path path = store::PullingOf(store_.layout(), name_);
  // And the directories that are empty then; another pull may be about to need them.
  while (store_.env().Remove(path).ok() && path.parent_path() != top) path = path.parent_path();
}

Result<std::optional<PartialModel>> FindPartialModel(const store::Store& store,
                                                     const store::ModelName& name) {
  INGOT_ASSIGN(const store::ModelName canonical, store.Canonical(name));
  const core::Path path = store::PullingOf(store.layout(), canonical);
  const Result<core::FileInfo> info = store.env().Stat(path);
  Result<std::string> bytes = core::ReadSmallFile(store.env(), path, store::kMaxManifestBytes);
  if (!info.ok() || !bytes.ok()) {
    const Status status = info.ok() ? bytes.status() : info.status();
    if (status.code() == Code::kNotFound) return std::optional<PartialModel>();
    return status;
  }
  INGOT_ASSIGN(store::RawManifest raw, store::ParseRawManifest(*std::move(bytes)));
  INGOT_ASSIGN(const std::vector<store::Layer> blobs, BlobsOf(raw.manifest));
  PartialModel partial{.model = {canonical, std::move(raw), info->modified_ns}};
  for (const store::Layer& layer : blobs) {
    ++partial.blobs;
    partial.bytes += layer.size;
    const Result<core::FileInfo> blob = store.env().Stat(store.layout().Blob(layer.digest));
    if (blob.ok() && blob->size == layer.size) {
      ++partial.blobs_here;
      partial.bytes_here += layer.size;
    } else {
      partial.bytes_here += PartialBlob::BytesNoted(store, layer.digest, layer.size);
    }
  }
  const auto lock = store::LockName(store.env(), store.layout(), canonical, /*wait=*/false);
  partial.running = lock.status().code() == Code::kBusy;
  return std::optional(std::move(partial));
}

}  // namespace ingot::registry
