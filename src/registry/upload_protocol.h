// How blobs come to a registry, request by request: the Docker registry protocol, version 2, and
// the extensions of Ollama's registry where it offers them (an address of the storage itself to
// which the whole blob is sent, or one for each part). Decides nothing about trying again.
//
// Thread-safe, each thread with its own HttpClient.
#ifndef INGOT_REGISTRY_UPLOAD_PROTOCOL_H_
#define INGOT_REGISTRY_UPLOAD_PROTOCOL_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "registry/blob_source.h"
#include "registry/client.h"
#include "registry/extents.h"
#include "store/manifest.h"
#include "store/name.h"

namespace ingot::registry {

// The status of answers that say that a part does not continue the upload, and the one that stands
// for an upload of which nobody can say what it holds.
inline constexpr int kDoesNotFit = 416;
inline constexpr int kMixedUp = 409;

// An upload that the registry has opened.
struct UploadSession {
  Url address;  // of the next request
  // The registry may send parts elsewhere, and wants only parts.
  bool redirects_parts = false;
  std::optional<Url> direct = {};           // where the whole blob goes
  std::vector<Header> direct_headers = {};  // what has to be said there
};

class UploadProtocol {
 public:
  // stall_timeout_ns: how long a silence may be, where the registry has nothing to compute.
  UploadProtocol(RegistryClient& client, const store::ModelName& name, int64_t stall_timeout_ns);

  // Whether the registry has the blob, whole.
  Answer Exists(HttpClient& http, const store::Layer& layer, bool& exists);

  enum class Begun { kOpen, kPresent, kMounted };
  // mount_from: a repository ("namespace/model") there that may have the blob; or empty.
  Answer Begin(HttpClient& http, const store::Layer& layer, const std::string& mount_from,
               Begun& begun, std::optional<UploadSession>& session);
  // How many bytes it has of an upload. session's address may change, here and below.
  Answer Where(HttpClient& http, const store::Layer& layer, UploadSession& session,
               uint64_t& offset);
  // The next part; offset becomes what the registry has then. sent_elsewhere: to the storage; then
  // source had to take its MD5.
  Answer SendPart(HttpClient& http, UploadSession& session, Extent part, BlobSource& source,
                  uint64_t& offset, bool& sent_elsewhere);
  // All of it in one request, which ends the upload.
  Answer SendWhole(HttpClient& http, const store::Layer& layer, const UploadSession& session,
                   BlobSource& source);
  // All of it to the storage; the upload has to be finished then.
  Answer SendDirect(HttpClient& http, const UploadSession& session, BlobSource& source);
  // etag: of the parts, where the storage got them; or empty.
  Answer Finish(HttpClient& http, const store::Layer& layer, const UploadSession& session,
                const std::string& etag);
  // Best effort: the registry may forget what it has.
  void Cancel(HttpClient& http, const UploadSession& session);

 private:
  Answer Open(HttpClient& http, const store::Layer& layer, const std::string& query, int& status,
              std::optional<UploadSession>& session);
  Answer Send(HttpClient& http, const Request& request, HttpResponse* response);
  Answer Move(const Reply& reply, UploadSession& session) const;
  core::Result<Url> WithDigest(const Url& address, const store::Layer& layer,
                               const std::string& etag) const;
  int64_t Patience(uint64_t size) const;

  RegistryClient& client_;
  const std::string repository_;  // "/v2/namespace/model"
  const int64_t stall_timeout_ns_;
  // The registry does not take a digest with the first request.
  std::atomic<bool> plain_{false};
};

// "0-99", of an upload: how many bytes are there. nullopt when it is no such thing.
std::optional<uint64_t> ParseUploadRange(std::string_view text);

}  // namespace ingot::registry

#endif  // INGOT_REGISTRY_UPLOAD_PROTOCOL_H_
