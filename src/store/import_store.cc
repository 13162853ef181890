#include "store/import_store.h"

#include <algorithm>
#include <mutex>
#include <unordered_set>
#include <utility>

#include "core/file_sharing.h"
#include "core/interrupt.h"
#include "core/strings.h"
#include "core/thread_pool.h"
#include "store/blob_writer.h"
#include "store/hash_file.h"
#include "store/locks.h"
#include "store/session.h"
#include "store/temp_file.h"

namespace ingot::store {
namespace {

using core::Code;
using core::Result;
using core::Status;
using core::StrCat;
using Outcome = ImportedModel::Outcome;

enum class How { kPresent, kCloned, kLinked, kCopied };

class Importer {
 public:
  Importer(const Store& source, WriteSession& session, const ImportStoreOptions& options,
           core::ProgressSink& sink)
      : source_(source), session_(session), options_(options), sink_(sink) {}

  Result<ImportStoreReport> Run(const std::vector<StoredModel>& models) {
    for (const StoredModel& model : models) {
      INGOT_TRY(core::CheckInterrupted());
      ImportedModel entry{.name = model.name, .id = model.raw.id, .error = Status::Ok()};
      Result<Outcome> outcome = Take(model);
      if (outcome.ok()) {
        entry.outcome = *outcome;
      } else if (outcome.status().code() == Code::kCancelled ||
                 outcome.status().code() == Code::kNoSpace) {
        return outcome.status().Context(model.name.Short());
      } else {
        entry.error = std::move(outcome).status();
      }
      report_.models.push_back(std::move(entry));
    }
    return std::move(report_);
  }

 private:
  Result<Outcome> Take(const StoredModel& model) {
    const Store& target = session_.store();
    INGOT_ASSIGN(const ModelName name, target.Canonical(model.name));
    INGOT_ASSIGN(const LockHandle lock,
                 LockName(target.env(), target.layout(), name, /*wait=*/true));
    const Result<StoredModel> here = target.ReadExact(name);
    const bool same = here.ok() && here->raw.id == model.raw.id;
    if (!same && here.status().code() != Code::kNotFound && !options_.replace) {
      return Outcome::kKept;
    }
    INGOT_ASSIGN(const bool changed, TakeBlobs(model));
    if (same && !changed) return Outcome::kUnchanged;
    INGOT_TRY(session_.Commit(name, model.raw.bytes).status());
    return Outcome::kImported;
  }

  // True when any blob was not here, or not whole.
  Result<bool> TakeBlobs(const StoredModel& model) {
    std::vector<Layer> blobs;
    std::unordered_set<Digest> seen;
    uint64_t bytes = 0;
    model.manifest().ForEachBlob([&](const Layer& layer) {
      if (done_.contains(layer.digest) || !seen.insert(layer.digest).second) return;
      blobs.push_back(layer);
      bytes += layer.size;
    });
    // The largest first, so that no thread begins one when the others are done.
    std::stable_sort(blobs.begin(), blobs.end(),
                     [](const Layer& a, const Layer& b) { return a.size > b.size; });
    core::Progress progress(sink_, "importing " + model.name.Short(), core::ProgressUnit::kBytes,
                            bytes);
    std::mutex lock;
    Status failure;
    bool changed = false;
    core::ThreadPool::Shared().ParallelFor(blobs.size(), 1, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        Result<How> how = TakeBlob(blobs[i], progress);
        const std::lock_guard<std::mutex> hold(lock);
        if (how.ok()) {
          Count(blobs[i], *how);
          changed |= *how != How::kPresent;
        } else if (failure.ok()) {
          failure = std::move(how).status();
        }
      }
    });
    if (!failure.ok()) return failure;
    return changed;
  }

  Result<How> TakeBlob(const Layer& layer, core::Progress& progress) {
    INGOT_TRY(core::CheckInterrupted());
    INGOT_ASSIGN(const bool here, session_.Reuse(layer.digest, layer.size, Trust::kRehash));
    if (here) {
      progress.Add(layer.size);
      return How::kPresent;
    }
    const std::string what =
        layer.name.empty() ? layer.digest.ToString() : core::Quoted(layer.name, 200);
    struct Way {
      Sharing sharing;
      How how;
      Status (*share)(const Path&, const Path&);
    };
    constexpr Way kWays[] = {{Sharing::kClone, How::kCloned, &core::CloneFile},
                             {Sharing::kLink, How::kLinked, &core::LinkFile}};
    for (const Way& way : kWays) {
      if (options_.sharing != Sharing::kAny && options_.sharing != way.sharing) continue;
      const Status shared = Share(layer, way.share, progress);
      if (shared.ok()) return way.how;
      const bool cannot = shared.code() == Code::kUnsupported || shared.code() == Code::kPermission;
      if (!cannot || options_.sharing == way.sharing) return shared.Context(what);
    }
    INGOT_TRY(Copy(layer, progress).Context(what));
    return How::kCopied;
  }

  Status Share(const Layer& layer, Status (*share)(const Path&, const Path&),
               core::Progress& progress) {
    core::Env& env = session_.store().env();
    const Path from = source_.layout().Blob(layer.digest);
    const Path temp = session_.NextTempPath();
    INGOT_TRY(share(from, temp));
    Status taken = Adopt(layer, temp, progress);
    if (!taken.ok()) RemoveTemp(env, temp);
    return taken;
  }

  Status Adopt(const Layer& layer, const Path& temp, core::Progress& progress) {
    core::Env& env = session_.store().env();
    {
      INGOT_ASSIGN(const auto file, env.Map(temp, core::Access::kSequential));
      if (file->info().size != layer.size) {
        return core::Corrupt(StrCat("the other store's blob: expected ", layer.size,
                                    " bytes, found ", file->info().size));
      }
      INGOT_ASSIGN(const Digest found,
                   HashMapped(*file, [&](uint64_t bytes) { progress.Add(bytes); }));
      if (found != layer.digest) {
        return core::Corrupt(
            StrCat("the other store's blob is damaged: its content is ", found.ToString()));
      }
    }
    INGOT_TRY(core::SyncFile(temp));
    return session_.AdoptFile(temp, layer.digest, layer.size).status();
  }

  Status Copy(const Layer& layer, core::Progress& progress) {
    INGOT_ASSIGN(const auto file, source_.OpenBlob(layer, core::Access::kSequential));
    INGOT_ASSIGN(const auto writer, session_.NewBlob({.digest = layer.digest, .size = layer.size}));
    std::vector<std::byte> buffer(size_t{1} << 20);
    for (uint64_t at = 0; at < layer.size;) {
      INGOT_TRY(core::CheckInterrupted());
      const auto piece = std::span(buffer).first(
          static_cast<size_t>(std::min<uint64_t>(buffer.size(), layer.size - at)));
      INGOT_TRY(file->ReadAt(at, piece));
      INGOT_TRY(writer->Append(piece));
      progress.Add(piece.size());
      at += piece.size();
    }
    return writer->Commit().status();
  }

  void Count(const Layer& layer, How how) {
    done_.insert(layer.digest);
    if (how == How::kPresent) {
      ++report_.present;
      return;
    }
    report_.bytes += layer.size;
    ++(how == How::kCloned   ? report_.cloned
       : how == How::kLinked ? report_.linked
                             : report_.copied);
  }

  const Store& source_;
  WriteSession& session_;
  const ImportStoreOptions& options_;
  core::ProgressSink& sink_;
  std::unordered_set<Digest> done_;
  ImportStoreReport report_;
};

bool SameDirectory(core::Env& env, const Path& a, const Path& b) {
  const auto one = env.Stat(a);
  const auto other = env.Stat(b);
  return one.ok() && other.ok() && one->device == other->device && one->inode == other->inode;
}

}  // namespace

std::string_view OutcomeName(Outcome outcome) {
  switch (outcome) {
    case Outcome::kImported:
      return "imported";
    case Outcome::kUnchanged:
      return "unchanged";
    case Outcome::kKept:
      return "kept";
    case Outcome::kFailed:
      return "failed";
  }
  return "failed";
}

Result<ImportStoreReport> ImportStore(const Store& source, const Store& target,
                                      const ImportStoreOptions& options, core::ProgressSink& sink) {
  const std::string where = core::Printable(source.layout().root().native(), 1000);
  if (!source.env().Stat(source.layout().Manifests()).ok()) {
    return core::NotFound(StrCat(where, ": no store of models"))
        .WithHint("A store is a directory with `blobs` and `manifests` in it.");
  }
  if (SameDirectory(source.env(), source.layout().root(), target.layout().root())) {
    return core::InvalidArgument(StrCat(where, " is the store that would be imported into"));
  }
  std::vector<StoredModel> models;
  ImportStoreReport unreadable;
  if (options.models.empty()) {
    INGOT_ASSIGN(ManifestScan scan, source.Scan());
    models = std::move(scan.models);
    for (UnreadableManifest& manifest : scan.unreadable) {
      unreadable.models.push_back({.name = *manifest.name,
                                   .id = std::nullopt,
                                   .outcome = Outcome::kFailed,
                                   .error = manifest.error});
    }
  } else {
    for (const ModelName& name : options.models) {
      INGOT_ASSIGN(StoredModel model, source.Read(name));
      models.push_back(std::move(model));
    }
  }
  INGOT_ASSIGN(const auto session, WriteSession::Begin(target));
  INGOT_ASSIGN(ImportStoreReport report, Importer(source, *session, options, sink).Run(models));
  for (ImportedModel& model : unreadable.models) report.models.push_back(std::move(model));
  return report;
}

}  // namespace ingot::store
