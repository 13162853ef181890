#include "store/gc.h"

#include <algorithm>

#include "core/strings.h"
#include "store/references.h"
#include "store/remove.h"
#include "store/transfer_files.h"

namespace ingot::store {
namespace {

using core::Code;
using core::DirEntry;
using core::FileInfo;
using core::LockMode;
using core::Result;
using core::Status;
using core::StrCat;

class Collector {
 public:
  Collector(const Store& store, const GcOptions& options) : store_(store), options_(options) {}

  Result<GcReport> Run(const StoreLock& held) {
    INGOT_ASSIGN(const ManifestScan scan, store_.Scan());
    INGOT_ASSIGN(const References references, FindReferences(store_, held, scan));
    INGOT_ASSIGN(const DeadFiles dead, FindDeadFiles(store_, held));
    MarkPulling(PullingOf(store_.layout()), 4);
    INGOT_TRY(SweepBlobs(references));
    for (const auto* files : {&dead.owners, &dead.temps}) {
      for (const Path& path : *files) INGOT_TRY(RemoveLeftover(path));
    }
    INGOT_TRY(SweepDownloads());
    INGOT_TRY(SweepUploads());
    INGOT_TRY(SweepPulling(PullingOf(store_.layout()), 4));
    if (!options_.dry_run) INGOT_TRY(SweepDirs(held, store_.layout().Manifests(), 3));
    return std::move(report_);
  }

 private:
  Status Remove(const Path& path, uint64_t size, GcCount& count) {
    if (!options_.dry_run) INGOT_TRY(store_.env().Remove(path));
    report_.removed.push_back(path);
    count.Add(size);
    return Status::Ok();
  }

  Status RemoveLeftover(const Path& path) {
    const Result<FileInfo> info = store_.env().LStat(path);
    if (!info.ok()) return Status::Ok();  // its owner was just leaving
    return Remove(path, info->size, report_.leftovers);
  }

  Status SweepBlobs(const References& references) {
    const Path blobs = store_.layout().Blobs();
    Result<std::vector<DirEntry>> entries = store_.env().List(blobs);
    if (!entries.ok()) {
      if (entries.status().code() == Code::kNotFound) return Status::Ok();
      return std::move(entries).status();
    }
    // Blobs without even a directory for manifests: a wrong path, or a disk that is not mounted.
    if (!entries->empty() && !store_.env().Stat(store_.layout().Manifests()).ok()) {
      return core::NotFound(StrCat(core::Printable(store_.layout().Manifests().native(), 1000),
                                   ": there is no such directory, yet there are blobs"))
          .WithHint("Nothing was removed. Is INGOT_MODELS right?");
    }
    for (const DirEntry& entry : *entries) INGOT_TRY(SweepBlob(references, blobs, entry));
    return Status::Ok();
  }

  Status SweepBlob(const References& references, const Path& blobs, const DirEntry& entry) {
    const Path path = blobs / entry.name;
    const Result<FileInfo> info = store_.env().LStat(path);
    if (!info.ok()) return Status::Ok();  // another program has just removed it
    const BlobEntry known = ClassifyBlobEntry(entry.name);
    if (known.kind == BlobEntryKind::kPartial) {
      report_.partials.Add(info->size);
    } else if (!known.digest || info->kind == core::FileKind::kDirectory) {
      report_.strangers.Add(info->size);
    } else if (references.models.contains(*known.digest)) {
      report_.needed.Add(info->size);
    } else if (references.in_use.contains(*known.digest)) {
      report_.in_use.Add(info->size);
    } else if (pulling_.contains(*known.digest)) {
      report_.downloads.Add(info->size);
    } else if (references.rescued.contains(*known.digest)) {
      report_.rescued.Add(info->size);
    } else if (store_.clock().WallNs() - info->modified_ns < options_.min_age_ns) {
      report_.young.Add(info->size);
    } else {
      return Remove(path, info->size, report_.blobs);
    }
    return Status::Ok();
  }

  // The two files of a download go together: what one holds means nothing without the other.
  Status SweepDownloads() {
    const Layout& layout = store_.layout();
    const Result<std::vector<DirEntry>> entries = store_.env().List(layout.Partials());
    if (!entries.ok()) return Status::Ok();  // nothing was ever downloaded
    for (const DirEntry& entry : *entries) {
      const Result<Digest> digest = Digest::Parse("sha256:" + entry.name.substr(0, 64));
      if (!digest.ok()) continue;
      INGOT_ASSIGN(const LockHandle lock,
                   TryLockFile(store_.env(), layout.PartialLock(*digest), LockMode::kExclusive));
      INGOT_TRY(SweepDownload(*digest, layout.Partials() / entry.name, /*runs=*/lock == nullptr));
    }
    return Status::Ok();
  }

  Status SweepDownload(const Digest& digest, const Path& path, bool runs) {
    const Result<FileInfo> info = store_.env().LStat(path);
    if (!info.ok()) return Status::Ok();
    int64_t newest = info->modified_ns;
    for (const Path& other :
         {store_.layout().Partial(digest), store_.layout().PartialJournal(digest)}) {
      if (const auto half = store_.env().LStat(other); half.ok()) {
        newest = std::max(newest, half->modified_ns);
      }
    }
    const bool done = store_.env().Stat(store_.layout().Blob(digest)).ok();
    const bool old = store_.clock().WallNs() - newest >= options_.min_download_age_ns;
    if (!runs && (done || old)) return Remove(path, info->size, report_.leftovers);
    report_.downloads.Add(info->size);
    return Status::Ok();
  }

  // Registries forget an upload that nobody goes on with, most within days.
  Status SweepUploads() {
    const Path directory = UploadsOf(store_.layout());
    const Result<std::vector<DirEntry>> entries = store_.env().List(directory);
    if (!entries.ok()) return Status::Ok();  // nothing was ever pushed
    for (const DirEntry& entry : *entries) {
      const Path path = directory / entry.name;
      const Result<FileInfo> info = store_.env().LStat(path);
      if (!info.ok() || info->kind != core::FileKind::kRegular) continue;
      if (IsOldDownload(*info)) INGOT_TRY(Remove(path, info->size, report_.leftovers));
    }
    return Status::Ok();
  }

  bool IsOldDownload(const FileInfo& info) const {
    return store_.clock().WallNs() - info.modified_ns >= options_.min_download_age_ns;
  }

  // Blobs that an interrupted pull has brought already go on with it.
  void MarkPulling(const Path& directory, int levels) {
    const Result<std::vector<DirEntry>> entries = store_.env().List(directory);
    if (!entries.ok()) return;
    for (const DirEntry& entry : *entries) {
      const Path path = directory / entry.name;
      if (levels > 1) {
        MarkPulling(path, levels - 1);
        continue;
      }
      const Result<FileInfo> info = store_.env().LStat(path);
      if (!info.ok() || IsOldDownload(*info)) continue;
      const auto text = core::ReadSmallFile(store_.env(), path, kMaxManifestBytes);
      const Result<Manifest> manifest =
          text.ok() ? ParseManifest(*text) : Result<Manifest>(text.status());
      if (!manifest.ok()) continue;
      manifest->ForEachBlob([&](const Layer& layer) { pulling_.insert(layer.digest); });
    }
  }

  Status SweepPulling(const Path& directory, int levels) {
    const Result<std::vector<DirEntry>> entries = store_.env().List(directory);
    if (!entries.ok()) return Status::Ok();
    for (const DirEntry& entry : *entries) {
      const Path path = directory / entry.name;
      const Result<FileInfo> info = store_.env().LStat(path);
      if (!info.ok()) continue;
      if (info->kind == core::FileKind::kRegular) {
        if (IsOldDownload(*info)) INGOT_TRY(Remove(path, info->size, report_.leftovers));
      } else if (info->kind == core::FileKind::kDirectory && levels > 1) {
        INGOT_TRY(SweepPulling(path, levels - 1));
      }
    }
    return Status::Ok();
  }

  // Directories below manifests/ that hold nothing, from the leaves up.
  Status SweepDirs(const StoreLock& held, const Path& directory, int levels) {
    const Result<std::vector<DirEntry>> entries = store_.env().List(directory);
    if (!entries.ok()) return Status::Ok();
    for (const DirEntry& entry : *entries) {
      if (entry.kind != core::FileKind::kDirectory) continue;
      const Path path = directory / entry.name;
      if (levels > 1) INGOT_TRY(SweepDirs(held, path, levels - 1));
      if (const auto inside = store_.env().List(path); inside.ok() && inside->empty()) {
        INGOT_TRY(RemoveEmptyDirs(store_, held, path));
      }
    }
    return Status::Ok();
  }

  const Store& store_;
  const GcOptions& options_;
  DigestSet pulling_;  // blobs of models whose pull may go on
  GcReport report_;
};

}  // namespace

Result<GcReport> CollectGarbage(const Store& store, const GcOptions& options) {
  if (!store.env().Stat(store.layout().root()).ok()) return GcReport{};
  INGOT_ASSIGN(const StoreLock held, LockStore(store.env(), store.layout(), LockMode::kExclusive));
  return Collector(store, options).Run(held);
}

}  // namespace ingot::store
