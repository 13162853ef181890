#include "registry/downloader.h"

#include <algorithm>
#include <random>
#include <thread>
#include <utility>

#include "core/interrupt.h"
#include "core/log.h"
#include "core/strings.h"
#include "registry/range_sink.h"

namespace ingot::registry {
namespace {

using core::Code;
using core::Result;
using core::Status;
using core::StrCat;

constexpr int64_t kTellEveryNs = 1'000'000'000;
constexpr int64_t kOtherProcessNs = 200'000'000;  // between two looks at what another one fetches
constexpr int kMostMismatches = 2;
constexpr std::string_view kAgain = "The same command goes on from what has come so far.";

std::string LabelOf(const store::Layer& layer) {
  return layer.name.empty()
             ? layer.digest.ToString()
             : StrCat(layer.digest.ToString(), " (", core::Printable(layer.name), ")");
}

bool IsWhole(const std::vector<Extent>& parts, uint64_t size) {
  return parts.size() == 1 && parts.front() == Extent{0, size};
}

}  // namespace

Downloader::Downloader(store::WriteSession& session, RegistryClient& client,
                       const store::ModelName& name, const PullOptions& options,
                       core::Progress& progress, PullObserver* observer)
    : session_(session),
      client_(client),
      name_(name),
      options_(options),
      progress_(progress),
      observer_(observer),
      clock_(*options.http.clock) {}

Status Downloader::Run(const std::vector<store::Layer>& blobs) {
  for (const store::Layer& layer : blobs) {
    total_ += layer.size;
    waiting_.push_back(std::make_unique<Blob>(layer));
  }
  progress_.SetTotal(total_.load());
  const uint64_t seed = std::random_device()();
  // Parts of one blob make work for several, too.
  const auto most = std::clamp(options_.streams, 1, kMostStreams);
  std::vector<std::thread> threads;
  for (int i = 1; i < most; ++i) threads.emplace_back([this, seed, i] { Thread(seed + i); });
  Thread(seed);
  for (std::thread& thread : threads) thread.join();
  const std::lock_guard<std::mutex> hold(lock_);
  return failure_;
}

void Downloader::Thread(uint64_t seed) {
  HttpOptions http_options = options_.http;
  http_options.stop = &stop_;
  HttpClient http(http_options);
  while (std::optional<Work> work = Next()) {
    if (const Status done = Do(std::move(*work), http, seed); !done.ok()) Fail(done);
    changed_.notify_all();
  }
}

void Downloader::Fail(const Status& status) {
  {
    const std::lock_guard<std::mutex> hold(lock_);
    // What other threads say once they were told to stop is no reason.
    if (failure_.ok()) failure_ = status;
    stop_.store(true);
  }
  changed_.notify_all();
}

std::optional<Downloader::Work> Downloader::Next() {
  std::unique_lock<std::mutex> hold(lock_);
  while (true) {
    if (stop_.load()) return std::nullopt;
    for (const auto& blob : active_) {
      if (blob->todo.empty()) continue;
      // Decided here and kept: of several threads with a part each, none must take to the whole.
      Work work{.blob = blob.get(), .parts = {}, .whole = no_ranges_.load()};
      if (work.whole) {
        // Whatever is missing comes with everything else, so one request at a time.
        if (blob->requests > 0) continue;
        work.parts.assign(blob->todo.begin(), blob->todo.end());
        blob->todo.clear();
      } else {
        work.parts = {blob->todo.front()};
        blob->todo.pop_front();
      }
      ++blob->requests;
      return work;
    }
    if (!waiting_.empty()) {
      active_.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
      ++active_.back()->requests;
      return Work{.blob = active_.back().get(), .parts = {}};
    }
    if (active_.empty()) return std::nullopt;
    changed_.wait(hold);
  }
}

Status Downloader::Do(Work work, HttpClient& http, uint64_t seed) {
  Blob& blob = *work.blob;
  const bool opens = work.parts.empty();
  Status status = opens ? Open(blob) : Fetch(std::move(work), http, seed);
  if (!status.ok()) {
    return status.code() == Code::kCancelled ? status : status.Context(LabelOf(blob.layer));
  }
  bool complete = false;
  {
    const std::lock_guard<std::mutex> hold(lock_);
    --blob.requests;
    // One that another process fetches is looked at again when the others are done.
    if (blob.partial == nullptr) {
      const auto at = std::find_if(active_.begin(), active_.end(),
                                   [&](const auto& entry) { return entry.get() == &blob; });
      if (!blob.is_here) waiting_.push_back(std::move(*at));
      active_.erase(at);
      return Status::Ok();
    }
    complete = blob.todo.empty() && blob.requests == 0;
  }
  if (!complete) return Status::Ok();
  // The blob is gone once that succeeds.
  status = Complete(blob);
  if (status.ok() || status.code() == Code::kCancelled) return status;
  return std::move(status).Context(LabelOf(blob.layer));
}

std::shared_ptr<core::FileLock> Downloader::LockBlob(const store::Digest& digest, Status& status) {
  const store::Store& store = session_.store();
  const core::Path path = store.layout().PartialLock(digest);
  const std::lock_guard<std::mutex> hold(lock_);
  // Another of our blobs may have that lock: it is shared by several.
  std::weak_ptr<core::FileLock>& known = locks_[path.native()];
  if (auto ours = known.lock()) return ours;
  Result<store::LockHandle> taken =
      store::TryLockFile(store.env(), path, core::LockMode::kExclusive);
  if (!taken.ok()) {
    status = taken.status();
    return nullptr;
  }
  std::shared_ptr<core::FileLock> lock = *std::move(taken);
  known = lock;
  return lock;
}

Status Downloader::Open(Blob& blob) {
  const store::Layer& layer = blob.layer;
  Status status;
  std::shared_ptr<core::FileLock> lock = LockBlob(layer.digest, status);
  INGOT_TRY(status);
  if (lock == nullptr) {
    blob.contended = true;
    return options_.waiter->Sleep(kOtherProcessNs, &stop_);
  }
  if (blob.contended) {
    INGOT_ASSIGN(blob.is_here, session_.Reuse(layer.digest, layer.size, store::Trust::kRehash));
    if (blob.is_here) {
      progress_.Add(layer.size);
      return Status::Ok();
    }
  }
  INGOT_ASSIGN(auto partial,
               PartialBlob::Open(session_.store(), layer.digest, layer.size, std::move(lock)));
  const ExtentSet have = partial->have();
  resumed_ += have.total();
  blob.done = have.total();
  blob.began_ns = clock_.MonotonicNs();
  progress_.Add(have.total());
  const std::vector<Extent> ranges = CutRanges(have.Missing(layer.size), options_.range_bytes);
  const std::lock_guard<std::mutex> hold(lock_);
  blob.todo.assign(ranges.begin(), ranges.end());
  blob.partial = std::move(partial);
  return Status::Ok();
}

Status Downloader::Fetch(Work work, HttpClient& http, uint64_t seed) {
  Blob& blob = *work.blob;
  std::vector<Extent>& parts = work.parts;
  PartialBlob& partial = *blob.partial;
  const uint64_t size = blob.layer.size;
  INGOT_ASSIGN(const auto file, partial.OpenWriter());
  Backoff backoff(options_.retry, options_.retry.attempts, seed);
  const auto arrived = [&](uint64_t bytes) {
    fetched_ += bytes;
    blob.done += bytes;
    progress_.Add(bytes);
    Tell(blob, /*finished=*/false);
  };
  while (!parts.empty()) {
    const bool ranged = !work.whole && !IsWhole(parts, size);
    std::vector<Extent> asked = parts;
    std::vector<Header> headers;
    if (ranged) {
      asked.resize(1);
      headers.push_back({"Range", StrCat("bytes=", asked[0].begin, "-", asked[0].end - 1)});
    }
    const size_t count = asked.size();  // the first of parts; a sink may order them
    RangeSink sink(partial, blob.hash, *file, std::move(asked), ranged, arrived);
    const Answer answer =
        client_.Get(http, RegistryClient::BlobPath(name_, blob.layer.digest), headers, sink);
    INGOT_TRY(sink.Flush());
    std::vector<Extent> left = sink.wanted();
    left.insert(left.end(), parts.begin() + static_cast<ptrdiff_t>(count), parts.end());
    parts = std::move(left);
    if (sink.ignores_ranges()) {
      no_ranges_.store(true);
      const std::lock_guard<std::mutex> hold(lock_);
      blob.todo.insert(blob.todo.end(), parts.begin(), parts.end());
      return Status::Ok();
    }
    if (answer.status.ok() && sink.taken() > 0) {
      const std::lock_guard<std::mutex> hold(lock_);
      if (blob.sources.find(answer.source) == std::string::npos) {
        blob.sources += StrCat(blob.sources.empty() ? "" : ", ", answer.source);
      }
    }
    if (parts.empty()) break;
    // A server may send less than a whole range and be right.
    if (answer.status.ok() && ranged && sink.taken() > 0) continue;
    Status status = answer.status.ok()
                        ? core::IoError(StrCat(answer.source, ": the answer ended early"))
                        : answer.status;
    if (sink.wrong_answer()) status = std::move(status).Context(answer.source);
    if (!answer.status.ok() && !answer.transient && !sink.wrong_answer()) return status;
    if (sink.taken() > 0) backoff.Reset();
    const std::optional<int64_t> wait = backoff.Next(answer.retry_after_ns);
    if (!wait) {
      return std::move(status)
          .Context(StrCat("given up after ", backoff.failures(), " attempts in a row"))
          .WithHint(kAgain);
    }
    core::LogInfo("trying again",
                  {{"blob", blob.layer.digest.ToString()},
                   {"after", core::HumanDuration(static_cast<double>(*wait) * 1e-9)},
                   {"because", std::string(status.message())}});
    INGOT_TRY(options_.waiter->Sleep(*wait, &stop_));
  }
  // Hashing what others left ahead of the prefix, while they fetch on.
  INGOT_ASSIGN(const auto reader, partial.OpenReader());
  return blob.hash.CatchUp(*reader, partial.have().EndFrom(0), /*wait=*/false);
}

Status Downloader::Complete(Blob& blob) {
  const store::Layer& layer = blob.layer;
  {
    INGOT_ASSIGN(const auto reader, blob.partial->OpenReader());
    INGOT_TRY(blob.hash.CatchUp(*reader, layer.size, /*wait=*/true));
  }
  const store::Digest found = store::Digest::FromBytes(blob.hash.Finish());
  if (found != layer.digest) {
    const bool again = ++blob.mismatches < kMostMismatches;
    INGOT_TRY(blob.partial->Discard());
    const std::string what = StrCat("the bytes that came have the digest ", found.ToString(),
                                    blob.sources.empty() ? "" : ", from ", blob.sources);
    if (!again) {
      return core::Corrupt(what + ", for the second time")
          .WithHint("The registry, or something on the way, has another file under that name.");
    }
    core::LogWarning("a blob is fetched once more: it is damaged", {{"because", what}});
    total_ += layer.size;
    progress_.SetTotal(total_.load());
    blob.done = 0;
    const std::vector<Extent> ranges = CutRanges({{0, layer.size}}, options_.range_bytes);
    const std::lock_guard<std::mutex> hold(lock_);
    blob.todo.assign(ranges.begin(), ranges.end());
    return Status::Ok();
  }
  INGOT_TRY(blob.partial->Finish(session_).status());
  ++finished_;
  Tell(blob, /*finished=*/true);
  const std::lock_guard<std::mutex> hold(lock_);
  std::erase_if(active_, [&](const auto& entry) { return entry.get() == &blob; });
  return Status::Ok();
}

void Downloader::Tell(Blob& blob, bool finished) {
  if (observer_ == nullptr) return;
  const int64_t now = clock_.MonotonicNs();
  int64_t told = blob.told_ns.load();
  if (!finished && now - told < kTellEveryNs) return;
  if (!finished && !blob.told_ns.compare_exchange_strong(told, now)) return;
  const double seconds = static_cast<double>(now - blob.began_ns.load()) * 1e-9;
  const std::lock_guard<std::mutex> hold(observer_lock_);
  observer_->OnLayer({blob.layer, blob.done.load(), seconds, finished});
}

}  // namespace ingot::registry
