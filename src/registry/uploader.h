// Brings the blobs of one model to its repository, several at a time, each tried again as long as
// that may help. One call of Run; it starts the threads and waits for them.
#ifndef INGOT_REGISTRY_UPLOADER_H_
#define INGOT_REGISTRY_UPLOADER_H_

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/progress.h"
#include "core/status.h"
#include "core/thread_pool.h"
#include "registry/blob_upload.h"
#include "registry/client.h"
#include "registry/push.h"

namespace ingot::registry {

// Repositories of the same registry, as "namespace/model", that may have a blob already.
using MountSources = std::unordered_map<store::Digest, std::string>;

class Uploader {
 public:
  // Everything outlives the object. observer may be null.
  Uploader(const store::Store& store, RegistryClient& client, const store::ModelName& name,
           const PushOptions& options, LayerObserver* observer);

  // Which of the blobs the registry lacks, in the same order.
  core::Status FindMissing(const std::vector<store::Layer>& blobs,
                           std::vector<store::Layer>& missing);
  core::Status Send(const std::vector<store::Layer>& blobs, const MountSources& mounts,
                    core::Progress& progress);
  core::Status SendManifest(const store::RawManifest& manifest);

  // How many of which, and bytes.
  void Count(PushReport& report) const;

 private:
  core::Status SendBlob(const store::Layer& layer, const std::string& mount_from, HttpClient& http,
                        core::Progress& progress);
  // Calls attempt() until it works, cannot work, or has failed too often. advanced(): something was
  // achieved since the last time.
  core::Status Insist(int attempts, core::FunctionRef<Answer()> attempt,
                      core::FunctionRef<bool()> advanced);

  const store::Store& store_;
  RegistryClient& client_;
  const store::ModelName& name_;
  const PushOptions& options_;
  LayerObserver* const observer_;
  core::Clock& clock_;
  UploadProtocol protocol_;
  UploadJournal journal_;

  std::mutex observer_lock_;
  std::atomic<bool> stop_{false};
  std::atomic<uint64_t> seed_;
  std::atomic<uint64_t> total_{0};  // bytes to send, those that have to be sent again among them
  std::atomic<uint64_t> sent_{0};
  std::atomic<uint64_t> resumed_{0};
  std::atomic<uint64_t> there_bytes_{0};  // of blobs that were present or mounted after all
  std::atomic<uint64_t> blobs_sent_{0};
  std::atomic<uint64_t> blobs_present_{0};
  std::atomic<uint64_t> blobs_mounted_{0};
};

}  // namespace ingot::registry

#endif  // INGOT_REGISTRY_UPLOADER_H_
