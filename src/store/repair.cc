#include "store/repair.h"

#include <algorithm>
#include <map>

#include "core/strings.h"
#include "store/check_blob.h"
#include "store/quarantine.h"
#include "store/remove.h"

namespace ingot::store {
namespace {

using core::Code;
using core::LockMode;
using core::Result;
using core::Status;

class Repairer {
 public:
  explicit Repairer(const Store& store) : store_(store), quarantine_(store) {}

  // held is null in a dry run.
  Result<RepairReport> Run(const VerifyReport& found, const StoreLock* held) {
    for (const BlobFinding& finding : found.findings) INGOT_TRY(Handle(finding, held));
    for (const UnreadableManifest& manifest : found.unreadable) {
      INGOT_TRY(HandleManifest(manifest, held));
    }
    report_.quarantine = quarantine_.directory();
    for (auto& [name, model] : models_) report_.models.push_back(std::move(model));
    return std::move(report_);
  }

 private:
  Status Handle(const BlobFinding& finding, const StoreLock* held) {
    const Path path = store_.layout().Blob(finding.digest);
    switch (finding.fault) {
      case BlobFault::kMissing:
        Lacks(finding);
        return Status::Ok();
      case BlobFault::kBadContent:
        for (const ModelName& name : finding.models) ModelOf(name).bad_content = true;
        return Status::Ok();
      case BlobFault::kSizeMismatch:
        return HandleWrongManifests(finding, held);
      case BlobFault::kOldName:
        return HandleOldName(finding, path, held);
      case BlobFault::kTruncated:
      case BlobFault::kAltered:
      case BlobFault::kUnreadable:
      case BlobFault::kNotAFile:
        return HandleBadFile(finding, path, held);
    }
    return core::Internal("an unknown kind of fault");
  }

  Status HandleBadFile(const BlobFinding& finding, const Path& path, const StoreLock* held) {
    // It may have been replaced by a good one since; and a file that we may not read is no proof of
    // damage.
    const Status now = CheckBlobBytes(store_.env(), path, finding.digest);
    if (now.ok()) return Status::Ok();
    if (now.code() == Code::kPermission) {
      report_.untouched.push_back({path, {}, std::string(now.message())});
      return Status::Ok();
    }
    const std::string why = core::StrCat(FaultName(finding.fault), ": ", finding.detail);
    INGOT_ASSIGN(const bool moved, SetAside(path, why, held));
    if (moved) Lacks(finding);
    return Status::Ok();
  }

  // The blob is sound, so it is the manifest that must not be believed.
  Status HandleWrongManifests(const BlobFinding& finding, const StoreLock* held) {
    for (const ModelName& name : finding.models) {
      const Result<StoredModel> model = store_.ReadExact(name);
      if (!model.ok()) continue;
      bool wrong = false;
      const Result<core::FileInfo> info = store_.env().Stat(store_.layout().Blob(finding.digest));
      if (!info.ok()) continue;
      model->manifest().ForEachBlob([&](const Layer& layer) {
        wrong |= layer.digest == finding.digest && layer.size != info->size;
      });
      if (wrong) INGOT_TRY(SetManifestAside(name, finding.detail, held));
    }
    return Status::Ok();
  }

  Status HandleManifest(const UnreadableManifest& manifest, const StoreLock* held) {
    if (!manifest.name) return Status::Ok();
    const Result<StoredModel> now = store_.ReadExact(*manifest.name);
    if (now.ok() || now.status().code() == Code::kPermission) {
      if (!now.ok()) {
        report_.untouched.push_back({manifest.path, {}, std::string(now.status().message())});
      }
      return Status::Ok();
    }
    return SetManifestAside(*manifest.name, std::string(manifest.error.message()), held);
  }

  Status SetManifestAside(const ModelName& name, const std::string& why, const StoreLock* held) {
    const Path path = store_.layout().ManifestOf(name);
    INGOT_ASSIGN(const bool moved, SetAside(path, why, held));
    if (!moved) return Status::Ok();
    ModelOf(name).manifest_gone = true;
    if (held == nullptr) return Status::Ok();
    INGOT_TRY(store_.env().SyncDir(path.parent_path()));
    return RemoveEmptyDirs(store_, *held, path.parent_path());
  }

  Status HandleOldName(const BlobFinding& finding, const Path& path, const StoreLock* held) {
    const Path old = store_.layout().Blobs() / finding.digest.ToString();
    if (const Status content = CheckBlobBytes(store_.env(), old, finding.digest); !content.ok()) {
      INGOT_ASSIGN(const bool moved, SetAside(old, std::string(content.message()), held));
      if (moved) Lacks(finding);
      return Status::Ok();
    }
    if (held != nullptr) INGOT_TRY(store_.env().RenameNoReplace(old, path));
    report_.renamed.push_back({old, path, "the name of an early version"});
    return Status::Ok();
  }

  // False when the file has gone by itself.
  Result<bool> SetAside(const Path& path, const std::string& why, const StoreLock* held) {
    RepairMove move{path, {}, why};
    if (held != nullptr) {
      Result<Path> target = quarantine_.Take(*held, path);
      if (!target.ok() && target.status().code() == Code::kNotFound &&
          !store_.env().LStat(path).ok()) {
        return false;
      }
      if (!target.ok()) return target.status();
      move.to = *std::move(target);
    }
    report_.quarantined.push_back(std::move(move));
    return true;
  }

  void Lacks(const BlobFinding& finding) {
    for (const ModelName& name : finding.models) {
      DamagedModel& model = ModelOf(name);
      model.missing.push_back(finding.digest);
      model.missing_bytes += finding.size;
    }
  }

  DamagedModel& ModelOf(const ModelName& name) {
    return models_.try_emplace(name, DamagedModel{.name = name, .missing = {}}).first->second;
  }

  const Store& store_;
  Quarantine quarantine_;
  RepairReport report_;
  std::map<ModelName, DamagedModel> models_;
};

}  // namespace

Result<RepairReport> RepairStore(const Store& store, const RepairOptions& options,
                                 core::ProgressSink& sink) {
  INGOT_ASSIGN(const VerifyReport found, VerifyStore(store, options.verify, sink));
  if (found.Clean()) return RepairReport{};
  Repairer repairer(store);
  if (options.dry_run) return repairer.Run(found, nullptr);
  INGOT_ASSIGN(const StoreLock held, LockStore(store.env(), store.layout(), LockMode::kExclusive));
  return repairer.Run(found, &held);
}

}  // namespace ingot::store
