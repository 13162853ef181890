#include "store/verify.h"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <unordered_map>

#include "core/strings.h"
#include "core/thread_pool.h"
#include "store/check_blob.h"

namespace ingot::store {
namespace {

using core::DirEntry;
using core::FileInfo;
using core::Result;
using core::Status;

// Who needs a blob, and as what.
struct Usage {
  BlobClaim claim;
  std::string layer;
  std::vector<ModelName> models;
};
using UsageMap = std::unordered_map<Digest, Usage>;

void AddUsage(const StoredModel& model, UsageMap& map) {
  const Manifest& manifest = model.manifest();
  manifest.ForEachBlob([&](const Layer& layer) {
    Usage& usage = map[layer.digest];
    usage.claim.Add(layer, &layer == &manifest.config);
    if (usage.layer.empty()) usage.layer = layer.name.empty() ? layer.media_type : layer.name;
    if (usage.models.empty() || !(usage.models.back() == model.name)) {
      usage.models.push_back(model.name);
    }
  });
}

Result<ManifestScan> ScanFor(const Store& store, const VerifyOptions& options) {
  if (!options.model) return store.Scan();
  ManifestScan scan;
  Result<StoredModel> model = store.Read(*options.model);
  if (model.ok()) {
    scan.models.push_back(*std::move(model));
    return scan;
  }
  if (model.status().code() == core::Code::kNotFound) return model.status();
  INGOT_ASSIGN(const ModelName name, store.Canonical(*options.model));
  scan.unreadable.push_back({store.layout().ManifestOf(name), name, model.status()});
  return scan;
}

struct Task {
  Digest digest;
  const Usage* usage;  // nullptr: nobody needs it
  uint64_t size;       // as it lies there; 0 where nothing does
};

class Verifier {
 public:
  Verifier(const Store& store, const VerifyOptions& options, core::ProgressSink& sink)
      : store_(store), options_(options), sink_(sink) {}

  Result<VerifyReport> Run() {
    const int64_t start = store_.clock().MonotonicNs();
    INGOT_ASSIGN(ManifestScan scan, ScanFor(store_, options_));
    UsageMap usages;
    for (const StoredModel& model : scan.models) AddUsage(model, usages);
    report_.models = scan.models.size();
    report_.unreadable = std::move(scan.unreadable);
    INGOT_ASSIGN(std::vector<Task> tasks, PlanTasks(usages));
    Check(tasks);
    INGOT_TRY(ForgetWhatChanged());
    std::sort(report_.findings.begin(), report_.findings.end(),
              [](const BlobFinding& a, const BlobFinding& b) { return a.digest < b.digest; });
    report_.seconds = static_cast<double>(store_.clock().MonotonicNs() - start) * 1e-9;
    return std::move(report_);
  }

 private:
  // Every blob that is needed, and, for a whole store, every other blob that is there.
  Result<std::vector<Task>> PlanTasks(const UsageMap& usages) {
    std::vector<Task> tasks;
    tasks.reserve(usages.size());
    for (const auto& [digest, usage] : usages) {
      const Result<FileInfo> info = store_.env().Stat(store_.layout().Blob(digest));
      tasks.push_back({digest, &usage, info.ok() ? info->size : 0});
    }
    if (!options_.model) INGOT_TRY(AddUnreferenced(usages, tasks));
    // The largest first, so that no thread is left alone with one at the end; then by digest, so
    // that every run goes the same way.
    std::sort(tasks.begin(), tasks.end(), [](const Task& a, const Task& b) {
      return a.size != b.size ? a.size > b.size : a.digest < b.digest;
    });
    return tasks;
  }

  Status AddUnreferenced(const UsageMap& usages, std::vector<Task>& tasks) {
    const Path blobs = store_.layout().Blobs();
    const Result<std::vector<DirEntry>> entries = store_.env().List(blobs);
    if (!entries.ok()) {
      return entries.status().code() == core::Code::kNotFound ? Status::Ok() : entries.status();
    }
    for (const DirEntry& entry : *entries) {
      const BlobEntry known = ClassifyBlobEntry(entry.name);
      if (known.kind == BlobEntryKind::kPartial) {
        ++report_.partials;
      } else if (known.kind == BlobEntryKind::kStranger) {
        report_.strangers.push_back(blobs / entry.name);
      } else if (known.kind == BlobEntryKind::kBlob && !usages.contains(*known.digest)) {
        const Result<FileInfo> info = store_.env().Stat(blobs / entry.name);
        tasks.push_back({*known.digest, nullptr, info.ok() ? info->size : 0});
      }
    }
    return Status::Ok();
  }

  void Check(const std::vector<Task>& tasks) {
    uint64_t total = 0;
    for (const Task& task : tasks) total += task.size;
    core::Progress progress(sink_, "verifying", core::ProgressUnit::kBytes, total);
    std::mutex lock;
    core::ThreadPool::Shared().ParallelFor(tasks.size(), 1, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        const Task& task = tasks[i];
        const std::optional<BlobVerdict> verdict =
            CheckBlob(store_, task.digest, task.usage ? task.usage->claim : BlobClaim{},
                      [&](uint64_t bytes) { progress.Add(bytes); });
        const std::lock_guard<std::mutex> hold(lock);
        Record(task, verdict);
      }
    });
    progress.Finish();
  }

  void Record(const Task& task, const std::optional<BlobVerdict>& verdict) {
    ++report_.blobs;
    report_.bytes += task.size;
    if (verdict) {
      BlobFinding finding{task.digest, verdict->fault, verdict->detail, "", {}, task.size};
      if (task.usage != nullptr) {
        finding.layer = task.usage->layer;
        finding.models = task.usage->models;
        finding.size = task.usage->claim.size.value_or(task.size);
      }
      report_.findings.push_back(std::move(finding));
    } else if (task.usage == nullptr) {
      report_.unreferenced.push_back({task.digest, task.size});
    }
  }

  // Other processes may have removed or replaced models since the manifests were read. What no
  // model of now needs, and is not there any more, is no damage.
  Status ForgetWhatChanged() {
    if (report_.findings.empty() && report_.unreferenced.empty() && report_.unreadable.empty()) {
      return Status::Ok();
    }
    Result<ManifestScan> scan = ScanFor(store_, options_);
    if (!scan.ok() && scan.status().code() == core::Code::kNotFound) scan = ManifestScan{};
    if (!scan.ok()) return scan.status();
    UsageMap now;
    for (const StoredModel& model : scan->models) AddUsage(model, now);
    std::erase_if(report_.findings, [&](BlobFinding& finding) {
      const auto usage = now.find(finding.digest);
      finding.models = usage == now.end() ? std::vector<ModelName>() : usage->second.models;
      return usage == now.end() && !store_.env().LStat(store_.layout().Blob(finding.digest)).ok();
    });
    std::erase_if(report_.unreferenced, [&](const StrayBlob& stray) {
      return now.contains(stray.digest) ||
             !store_.env().LStat(store_.layout().Blob(stray.digest)).ok();
    });
    std::sort(report_.unreferenced.begin(), report_.unreferenced.end(),
              [](const StrayBlob& a, const StrayBlob& b) { return a.digest < b.digest; });
    report_.unreadable = std::move(scan->unreadable);
    return Status::Ok();
  }

  const Store& store_;
  const VerifyOptions& options_;
  core::ProgressSink& sink_;
  VerifyReport report_;
};

}  // namespace

std::string_view FaultName(BlobFault fault) {
  constexpr std::array<std::string_view, 8> kNames = {"missing",       "truncated",  "altered",
                                                      "unreadable",    "not a file", "bad content",
                                                      "size mismatch", "old name"};
  return kNames[static_cast<size_t>(fault)];
}

Result<VerifyReport> VerifyStore(const Store& store, const VerifyOptions& options,
                                 core::ProgressSink& sink) {
  return Verifier(store, options, sink).Run();
}

}  // namespace ingot::store
