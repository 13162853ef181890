#include "import/write_blobs.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <numeric>
#include <optional>
#include <system_error>
#include <thread>

#include "core/hash_crew.h"
#include "core/strings.h"
#include "import/commit_crew.h"
#include "import/journal.h"
#include "import/source_bytes.h"
#include "store/blob_writer.h"
#include "tensor/writer.h"

namespace ingot::import {
namespace {

using core::Result;
using core::Status;
using core::StrCat;

// Scales and biases that wait in memory, of all threads together.
constexpr uint64_t kCompanionBytes = uint64_t{192} << 20;
// Blobs worked on at once, at most: so many that their bytes can be hashed many at a time, which
// needs fewer for each processor the more of these there are. More would only take memory.
constexpr size_t kMaxWorkers = 64;
size_t MostWorkers(const core::HashCrew& crew, int processors) {
  const size_t enough = 12 + 4 * static_cast<size_t>(std::max(processors, 1));
  return std::min({crew.MembersWanted(), enough, kMaxWorkers});
}
// Blobs that become durable at once, while all processors compute: enough to keep a disk busy whose
// every flush takes milliseconds.
constexpr int kCommitters = 8;
// Left on the disk for the manifest, the journal and everybody else.
constexpr uint64_t kSpaceReserve = uint64_t{16} << 20;

class StoreTarget : public BlobTarget {
 public:
  explicit StoreTarget(store::BlobWriter& writer) : writer_(writer) {}
  Status Append(std::span<const std::byte> data) override { return writer_.Append(data); }
  Status PlaceAhead(uint64_t offset, std::span<const std::byte> data) override {
    return writer_.PlaceAhead(offset, data);
  }
  Status AppendPlaced(uint64_t size) override { return writer_.AppendPlaced(size); }

 private:
  store::BlobWriter& writer_;
};

// What became of one blob.
struct BlobOutcome {
  std::optional<store::BlobInfo> info;
  bool resumed = false;
  std::vector<WeightReport> reports;
};

class Writer {
 public:
  Writer(const Plan& plan, store::WriteSession& session, const WriteOptions& options)
      : plan_(plan),
        session_(session),
        options_(options),
        env_(session.store().env()),
        pool_(options.pool != nullptr ? *options.pool : core::ThreadPool::Shared()),
        bytes_(env_, plan.source),
        outcomes_(plan.blobs.size()),
        hashing_(pool_.threads()) {}

  Result<WrittenBlobs> Run() {
    const std::unique_ptr<core::ProgressSink> silent = core::MakeNullSink();
    core::ProgressSink& sink = options_.progress != nullptr ? *options_.progress : *silent;
    journal_ = ImportJournal::Open(env_, session_.store().layout(), plan_.source.directory);
    INGOT_TRY(Resume());
    INGOT_TRY(CheckSpace());
    core::Progress progress(sink, options_.step, core::ProgressUnit::kBytes, plan_.source_bytes);
    progress.Add(resumed_source_bytes_);
    progress_ = &progress;
    WriteAll();
    progress_ = nullptr;
    INGOT_TRY(failure_);
    INGOT_TRY(bytes_.CheckUnchanged());
    return Collect();
  }

 private:
  // Finds the blobs that are done.
  Status Resume() {
    if (options_.measure) return Status::Ok();
    for (size_t i = 0; i < plan_.blobs.size(); ++i) {
      const auto entry = journal_->Find(OriginOf(plan_, plan_.blobs[i]));
      if (!entry || entry->size != plan_.blobs[i].size) continue;
      INGOT_ASSIGN(const bool there,
                   session_.Reuse(entry->digest, entry->size, store::Trust::kSize));
      if (!there) continue;
      outcomes_[i].info = store::BlobInfo{entry->digest, entry->size, true};
      outcomes_[i].resumed = true;
      for (const PlannedWeight& weight : plan_.blobs[i].weights) {
        resumed_source_bytes_ += weight.source_bytes;
      }
    }
    return Status::Ok();
  }

  Status CheckSpace() const {
    uint64_t needed = kSpaceReserve;
    for (size_t i = 0; i < plan_.blobs.size(); ++i) {
      if (!outcomes_[i].info) needed += plan_.blobs[i].size;
    }
    const core::Path& root = session_.store().layout().root();
    INGOT_ASSIGN(const core::Space space, env_.FreeSpace(root));
    if (needed <= space.available) return Status::Ok();
    return Status(core::Code::kNoSpace,
                  StrCat("the import needs ", core::HumanBytes(needed), " in ",
                         core::Printable(root.native(), 1000), ", where ",
                         core::HumanBytes(space.available), " are free"))
        .WithHint("`ingot gc` frees what no model uses, `ingot rm` removes models");
  }

  // Every worker, of which as many run as there are processors, takes the largest blob that is
  // left, so that none is alone with a large one at the end.
  void WriteAll() {
    std::vector<size_t> order;
    for (size_t i = 0; i < plan_.blobs.size(); ++i) {
      if (!outcomes_[i].info) order.push_back(i);
    }
    std::ranges::stable_sort(order, std::ranges::greater(),
                             [&](size_t i) { return plan_.blobs[i].size; });
    workers_ = std::min(MostWorkers(hashing_, pool_.threads()), order.size());
    if (workers_ == 0) return;
    std::atomic<size_t> next{0};
    CommitCrew crew(static_cast<int>(std::min<size_t>(kCommitters, order.size())));
    crew_ = &crew;
    const auto work = [&] {
      core::HashCrew::Member member(hashing_);
      for (size_t at = next++; at < order.size() && !stop_; at = next++) {
        if (Status status = WriteBlob(order[at], member); !status.ok()) Fail(std::move(status));
      }
    };
    {
      std::vector<std::jthread> others;
      try {
        while (others.size() + 1 < workers_) others.emplace_back(work);
      } catch (const std::system_error&) {  // as many as there are
      }
      work();
    }
    crew.Finish();
    crew_ = nullptr;
  }

  void Fail(Status status) {
    const std::lock_guard<std::mutex> hold(failure_guard_);
    // The first failure stops the others, which then fail for that.
    if (failure_.ok()) failure_ = std::move(status);
    stop_ = true;
  }

  std::vector<uint32_t> SourcesOf(const PlannedBlob& blob) const {
    std::vector<uint32_t> tensors;
    for (const PlannedWeight& weight : blob.weights) {
      for (const RowRun& run : weight.rows) {
        const SourceWeight& from = plan_.sources[run.weight];
        for (const uint32_t tensor : {from.weight, from.scales, from.biases, from.global}) {
          if (tensor != kNoTensor) tensors.push_back(tensor);
        }
      }
    }
    return tensors;
  }

  Status WriteBlob(size_t index, core::HashCrew::Member& member) {
    const PlannedBlob& blob = plan_.blobs[index];
    std::vector<tensor::TensorSpec> specs;
    for (const PlannedWeight& weight : blob.weights) {
      for (const StoredTensor& stored : weight.stored) {
        specs.push_back({stored.name, stored.dtype, stored.shape});
      }
    }
    INGOT_ASSIGN(const auto file, tensor::SafetensorsPlan::Make(std::move(specs), blob.metadata));
    INGOT_ASSIGN(auto writer, session_.NewBlob({.digest = {}, .size = file.file_size()}));
    writer->HashWith(member);
    INGOT_TRY(writer->Append(file.header()));
    StoreTarget target(*writer);
    StreamOptions stream;
    stream.measure = options_.measure;
    stream.companion_bytes = kCompanionBytes / workers_;
    // A single blob is worked on by one thread, whose encoder then has the others.
    stream.pool = workers_ == 1 ? &pool_ : &alone_;
    stream.cancelled = &stop_;
    stream.on_progress = [&](uint64_t done) {
      progress_->Add(done);
      if (options_.cancelled && options_.cancelled()) stop_ = true;
    };
    size_t at = 0;
    for (const PlannedWeight& weight : blob.weights) {
      // The plan lists its tensors in the order of the file.
      for (const StoredTensor& stored : weight.stored) {
        if (file.tensors()[at++].spec.name != stored.name) {
          return core::Internal(
              StrCat("the plan of ", core::Quoted(blob.layer), " is out of order"));
        }
      }
      WeightReport report{.weight = &weight, .findings = {}};
      INGOT_ASSIGN(report.findings,
                   StreamWeight(plan_, weight, bytes_, writer->size(), target, stream));
      if (options_.strict && report.IsSuspect()) {
        return core::Corrupt(Complaints(report)[0])
            .WithHint("without --strict such a weight is only warned of");
      }
      if (report.IsSuspect() || report.findings.error) {
        outcomes_[index].reports.push_back(std::move(report));
      }
    }
    INGOT_TRY(bytes_.CheckUnchanged(SourcesOf(blob)));
    crew_->Commit(std::move(writer), [this, index](Result<store::BlobInfo> info) {
      Committed(index, std::move(info));
    });
    return Status::Ok();
  }

  // Called by the crew.
  void Committed(size_t index, Result<store::BlobInfo> info) {
    if (!info.ok()) return Fail(info.status());
    BlobOutcome& outcome = outcomes_[index];
    outcome.info = *info;
    // What was complained of is looked at again next time.
    if (std::ranges::any_of(outcome.reports, &WeightReport::IsSuspect)) return;
    journal_->Add(OriginOf(plan_, plan_.blobs[index]), {info->digest, info->size});
  }

  Result<WrittenBlobs> Collect() {
    WrittenBlobs written;
    for (size_t i = 0; i < plan_.blobs.size(); ++i) {
      BlobOutcome& outcome = outcomes_[i];
      if (!outcome.info) return core::Cancelled("the import was interrupted");
      written.layers.push_back({.media_type = std::string(store::kTensorMediaType),
                                .digest = outcome.info->digest,
                                .size = outcome.info->size,
                                .from = "",
                                .name = plan_.blobs[i].layer});
      written.resumed += outcome.resumed ? 1 : 0;
      written.reused += outcome.info->reused && !outcome.resumed ? 1 : 0;
      if (!outcome.info->reused) written.written_bytes += outcome.info->size;
      std::ranges::move(outcome.reports, std::back_inserter(written.reports));
    }
    return written;
  }

  const Plan& plan_;
  store::WriteSession& session_;
  const WriteOptions& options_;
  core::Env& env_;
  core::ThreadPool& pool_;
  SourceBytes bytes_;
  std::vector<BlobOutcome> outcomes_;  // each written by the one thread that has the blob
  core::HashCrew hashing_;             // the workers
  core::ThreadPool alone_{1};          // of a worker beside others
  size_t workers_ = 0;                 // blobs that are worked on at once
  std::unique_ptr<ImportJournal> journal_;
  core::Progress* progress_ = nullptr;
  CommitCrew* crew_ = nullptr;  // while blobs are written
  uint64_t resumed_source_bytes_ = 0;
  std::atomic<bool> stop_{false};
  std::mutex failure_guard_;
  Status failure_;  // guarded by failure_guard_ until all workers are done
};

std::string Rows(uint64_t count, const std::optional<uint64_t>& first) {
  return StrCat(count, count == 1 ? " row" : " rows",
                first ? StrCat(", the first of them row ", *first) : "");
}

}  // namespace

Result<WrittenBlobs> WriteBlobs(const Plan& plan, store::WriteSession& session,
                                const WriteOptions& options) {
  return Writer(plan, session, options).Run();
}

std::vector<std::string> Complaints(const WeightReport& report) {
  const WeightFindings& findings = report.findings;
  const std::string name = core::Quoted(report.weight->name);
  std::vector<std::string> complaints;
  if (findings.nonfinite > 0) {
    complaints.push_back(
        report.weight->action == Action::kQuantize
            ? StrCat("the source of ", name, " holds NaN or infinity in ",
                     Rows(findings.nonfinite, findings.first_nonfinite_row))
            : StrCat(name, " holds ", findings.nonfinite, " values that are NaN or infinite"));
  }
  if (findings.zeroed_rows > 0) {
    complaints.push_back(StrCat(name, " became all zeros, though its source is not, in ",
                                Rows(findings.zeroed_rows, findings.first_zeroed_row)));
  }
  return complaints;
}

}  // namespace ingot::import
