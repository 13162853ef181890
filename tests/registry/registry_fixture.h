// A registry that serves one model of random bytes, as well or as badly as a test wants; a source
// store that the model comes from, and an empty one that it is pulled into.
#ifndef INGOT_TESTS_REGISTRY_REGISTRY_FIXTURE_H_
#define INGOT_TESTS_REGISTRY_REGISTRY_FIXTURE_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "registry/pull.h"
#include "store/store.h"
#include "tests/registry/setting.h"
#include "tests/registry/test_server.h"
#include "tests/testing/fault_env.h"
#include "tests/testing/temp_dir.h"

namespace ingot::registry {

// Remembers how long it should have waited, and waits a millisecond.
class FakeWaiter : public Waiter {
 public:
  core::Status Sleep(int64_t ns, const std::atomic<bool>* stop) override;
  std::vector<int64_t> waits() const;  // without looks at other processes

 private:
  mutable std::mutex lock_;
  std::vector<int64_t> waits_;
};

std::string RandomBytes(size_t size, uint64_t seed);

// A model with a config, a config.json and blobs of these sizes, of kinds that are not looked into.
store::StoredModel PutModel(const store::Store& store, std::string_view name,
                            const std::vector<size_t>& sizes, uint64_t seed);

class FakeRegistry {
 public:
  // What is asked for, and what a good registry would send.
  struct BlobRequest {
    const testing::ServerRequest& request;
    std::string digest;
    std::string_view content;  // of the whole blob
    uint64_t begin = 0;        // of the part that was asked for
    uint64_t end = 0;
    bool ranged = false;
    int number = 0;  // 1 for the first request for a blob
  };

  explicit FakeRegistry(const testing::TestServer::Certificate* certificate = nullptr);

  void Serve(const store::Store& source, const store::ModelName& name);
  std::string Host() const { return server_->Host(); }
  std::string Name(std::string_view rest = "me/m:latest") const;
  testing::TestServer& server() { return *server_; }

  // Called before anything is answered: true when it has answered.
  testing::Setting<std::function<bool(const testing::ServerRequest&, testing::ServerConnection&)>>
      before;
  // Called for each request for a blob: true when it has answered.
  testing::Setting<std::function<bool(const BlobRequest&, testing::ServerConnection&)>> on_blob;

  // The right answer, of which only the first `most` bytes are sent before the line is cut.
  void SendBlob(const BlobRequest& blob, testing::ServerConnection& connection,
                uint64_t most = UINT64_MAX);

  int blob_requests() const { return blob_requests_.load(); }
  int manifest_requests() const { return manifest_requests_.load(); }
  // Of blobs, that were handed to the network.
  uint64_t body_bytes() const { return body_bytes_.load(); }
  void ResetCounts();
  uint64_t total_size() const { return total_size_.load(); }
  std::atomic<int> bytes_per_millisecond{0};  // 0: as fast as it goes

 private:
  void Handle(const testing::ServerRequest& request, testing::ServerConnection& connection);

  std::mutex lock_;
  std::map<std::string, std::string> manifests_;  // by path; guarded by lock_, as the blobs are
  std::map<std::string, std::shared_ptr<const std::string>> blobs_;  // by digest
  std::atomic<uint64_t> total_size_{0};
  std::atomic<int> blob_requests_{0};
  std::atomic<int> manifest_requests_{0};
  std::atomic<uint64_t> body_bytes_{0};
  std::unique_ptr<testing::TestServer> server_;  // last: it ends first
};

class PullTest : public ::testing::Test {
 protected:
  PullTest();
  // Makes the model and has the registry serve it.
  void Offer(const std::vector<size_t>& sizes, uint64_t seed = 1);
  core::Result<PullReport> PullIt(const std::string& name = "");
  // The pull has to work, and what came has to be what was offered.
  PullReport MustPull();
  // The pull has to fail, leave no model, and leave the store sound.
  core::Status MustFail();
  // "" for a store in which everything is what it says.
  std::string Damage() const;
  bool HasModel() const;
  size_t FilesIn(const std::filesystem::path& directory) const;

  testing::TempDir dir_{testing::TempPlace::kMemory};
  testing::FaultEnv env_{core::Env::Posix()};
  store::Store source_{env_, core::Clock::System(), dir_ / "source"};
  store::Store store_{env_, core::Clock::System(), dir_ / "models"};
  FakeWaiter waiter_;
  PullOptions options_;
  std::map<std::string, std::string> environment_;
  std::optional<store::StoredModel> offered_;
  FakeRegistry registry_;
};

}  // namespace ingot::registry

#endif  // INGOT_TESTS_REGISTRY_REGISTRY_FIXTURE_H_
