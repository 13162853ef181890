// A registry in the test's memory that models are pushed to, as well or as badly as a test wants:
// uploads in one request or in parts, asked after and gone on with, blobs taken over from other
// repositories, and storage at another address that the whole or each part is sent to.
#ifndef INGOT_TESTS_REGISTRY_UPLOAD_REGISTRY_H_
#define INGOT_TESTS_REGISTRY_UPLOAD_REGISTRY_H_

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "store/digest.h"
#include "tests/registry/setting.h"
#include "tests/registry/test_server.h"

namespace ingot::registry {

class UploadRegistry {
 public:
  enum class Kind {
    kPlain,      // the protocol and nothing else
    kDirect,     // names an address of its storage for each blob
    kRedirects,  // redirects each part to its storage
  };
  explicit UploadRegistry(Kind kind = Kind::kPlain);

  std::string Host() const { return server_->Host(); }
  std::string Name(const std::string& rest = "me/m:latest") const { return Host() + "/" + rest; }

  // Called before anything is answered: true when it has answered.
  testing::Setting<std::function<bool(const testing::ServerRequest&, testing::ServerConnection&)>>
      before;
  // How many bytes of this body are taken before the line is cut.
  testing::Setting<std::function<uint64_t(const testing::ServerRequest&)>> most;
  // Knows nothing of an upload that was cut, like docker-registry.
  std::atomic<bool> forgets_parts{false};
  std::atomic<bool> refuses_digest{false};    // at the first request of an upload
  std::atomic<bool> keeps_half{false};        // answers a part with half of it
  std::atomic<bool> doubles_a_part{false};    // has the next part twice, as if another sent it too
  std::atomic<int> bytes_per_millisecond{0};  // 0: as fast as it goes

  // By repository, then digest.
  bool Has(const std::string& repository, const std::string& digest);
  void Put(const std::string& repository, const std::string& content);
  std::string Blob(const std::string& repository, const std::string& digest);
  std::string Manifest(const std::string& path);  // "me/m:latest"
  size_t open_uploads();

  uint64_t body_bytes() const { return body_bytes_.load(); }  // of blobs, that were taken
  int requests(const std::string& method);
  std::vector<testing::ServerRequest> log();
  void Forget();  // counts and log
  void Clear();   // blobs, manifests and uploads

 private:
  struct Upload {
    std::string repository;
    std::string content;
    std::vector<std::string> md5s;  // of parts that the storage took
  };
  using Connection = testing::ServerConnection;
  using Request = testing::ServerRequest;

  void Handle(const Request& request, Connection& connection);
  void HandleStorage(const Request& request, Connection& connection);
  void HandleManifest(const Request& request, Connection& connection, const std::string& key);
  void HandleUpload(const Request& request, Connection& connection, const std::string& repository,
                    const std::string& id, const std::map<std::string, std::string>& query);
  void Open(const Request& request, Connection& connection, const std::string& repository,
            const std::map<std::string, std::string>& query);
  void Finish(Connection& connection, const std::string& id,
              const std::map<std::string, std::string>& query);
  void SayWhere(Connection& connection, int status, const std::string& id);
  // Reads a body into an upload; false when the line was cut.
  bool Receive(const Request& request, Connection& connection, std::string& content);

  const Kind kind_;
  std::mutex lock_;
  std::map<std::string, std::map<std::string, std::string>> blobs_;
  std::map<std::string, std::string> manifests_;
  std::map<std::string, Upload> uploads_;
  std::vector<Request> log_;
  int next_ = 0;
  std::atomic<uint64_t> body_bytes_{0};
  std::unique_ptr<testing::TestServer> storage_;
  std::unique_ptr<testing::TestServer> server_;  // last: it ends first
};

}  // namespace ingot::registry

#endif  // INGOT_TESTS_REGISTRY_UPLOAD_REGISTRY_H_
