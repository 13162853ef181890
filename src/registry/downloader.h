// Fetches blobs of one model from its registry into a store: several requests at a time, for
// several blobs or several parts of a large one, each tried again as long as that may help, and
// from the byte where the last one ended. A blob is believed when all of it has its digest; one
// that has not is fetched once more as a whole, and then given up.
//
// One call of Run at a time; it starts the threads and waits for them.
#ifndef INGOT_REGISTRY_DOWNLOADER_H_
#define INGOT_REGISTRY_DOWNLOADER_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/progress.h"
#include "core/status.h"
#include "registry/client.h"
#include "registry/partial_blob.h"
#include "registry/prefix_hash.h"
#include "registry/pull.h"
#include "store/session.h"

namespace ingot::registry {

class Downloader {
 public:
  // Everything outlives the object. observer may be null.
  Downloader(store::WriteSession& session, RegistryClient& client, const store::ModelName& name,
             const PullOptions& options, core::Progress& progress, PullObserver* observer);

  // All of them, in this order as far as several at a time have one. The first error ends it; what
  // was fetched until then is kept.
  core::Status Run(const std::vector<store::Layer>& blobs);

  uint64_t bytes_fetched() const { return fetched_.load(); }
  uint64_t bytes_resumed() const { return resumed_.load(); }
  uint64_t blobs_fetched() const { return finished_.load(); }

 private:
  // One blob. Its members are guarded by lock_ unless they say otherwise.
  struct Blob {
    explicit Blob(store::Layer l) : layer(std::move(l)) {}
    const store::Layer layer;
    std::unique_ptr<PartialBlob> partial;  // set before others see the blob; thread-safe as it says
    PrefixHash hash;                       // thread-safe
    std::deque<Extent> todo;               // parts that nobody fetches yet
    int requests = 0;                      // that run
    bool contended = false;                // another process was at it
    bool is_here = false;                  // and has finished it
    int mismatches = 0;
    std::string sources;  // who sent its bytes
    std::atomic<uint64_t> done{0};
    std::atomic<int64_t> began_ns{0};
    std::atomic<int64_t> told_ns{0};
  };
  // What a thread is to do next: open the blob, or fetch these parts of it; or all that it lacks,
  // from a registry that sends nothing but whole blobs.
  struct Work {
    Blob* blob = nullptr;
    std::vector<Extent> parts;
    bool whole = false;
  };

  void Thread(uint64_t seed);
  std::optional<Work> Next();
  core::Status Do(Work work, HttpClient& http, uint64_t seed);
  core::Status Open(Blob& blob);
  core::Status Fetch(Work work, HttpClient& http, uint64_t seed);
  core::Status Complete(Blob& blob);
  void Fail(const core::Status& status);
  std::shared_ptr<core::FileLock> LockBlob(const store::Digest& digest, core::Status& status);
  void Tell(Blob& blob, bool finished);

  store::WriteSession& session_;
  RegistryClient& client_;
  const store::ModelName& name_;
  const PullOptions& options_;
  core::Progress& progress_;
  PullObserver* const observer_;
  core::Clock& clock_;

  std::mutex lock_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Blob>> waiting_;  // guarded by lock_, like what follows
  std::vector<std::unique_ptr<Blob>> active_;  // opened and not complete
  core::Status failure_;
  std::unordered_map<std::string, std::weak_ptr<core::FileLock>> locks_;

  std::mutex observer_lock_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> no_ranges_{false};  // the registry ignores Range headers
  std::atomic<uint64_t> total_{0};      // bytes to come, those of second tries among them
  std::atomic<uint64_t> fetched_{0};
  std::atomic<uint64_t> resumed_{0};
  std::atomic<uint64_t> finished_{0};
};

}  // namespace ingot::registry

#endif  // INGOT_REGISTRY_DOWNLOADER_H_
