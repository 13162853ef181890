// One HTTP request at a time over connections that are kept, without redirects (whoever follows one
// decides where tokens go), over libcurl. A request that stays silent is given up after a time,
// whatever the peer does, and Ctrl-C or the caller's stop flag ends it at once.
//
// One object, one thread; make one a thread.
#ifndef INGOT_REGISTRY_HTTP_H_
#define INGOT_REGISTRY_HTTP_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/status.h"
#include "registry/proxy.h"
#include "registry/url.h"

namespace ingot::registry {

struct Header {
  std::string name;  // of an answer: in lower case
  std::string value;
};

// What a request sends, piece by piece. An error ends the transfer and becomes its status.
class BodySource {
 public:
  virtual ~BodySource() = default;
  virtual uint64_t size() const = 0;
  // What comes next is the first byte. Called before each use, and where a request has to be sent
  // again.
  virtual core::Status Rewind() = 0;
  // Fills the front of out and says how much of it; nothing only after size() bytes.
  virtual core::Result<size_t> Read(std::span<std::byte> out) = 0;
};

struct HttpRequest {
  Url url;
  std::vector<Header> headers;
  // The address that its host resolves to must be a public one. What is checked is the address that
  // is connected to, so a name cannot resolve differently in between.
  bool refuse_private = false;
  std::string method = "GET";
  BodySource* body = nullptr;  // null: none
  // How long the answer may take once everything was sent: a server may have work to do then. Less
  // than the time for any silence counts as that.
  int64_t answer_timeout_ns = 0;
};

struct HttpResponse {
  int status = 0;
  std::vector<Header> headers;
  bool peer_private = false;  // it came from a private address, and through no proxy

  // The first of that name (in lower case), or nullptr.
  const std::string* Find(std::string_view name) const;
};

// Takes an answer as it comes. An error ends the transfer and becomes its status.
class BodySink {
 public:
  virtual ~BodySink() = default;
  virtual core::Status Begin(const HttpResponse& response) = 0;
  virtual core::Status Take(std::span<const std::byte> data) = 0;
};

// How one transfer went.
struct Transfer {
  HttpResponse response;   // as far as it came
  core::Status status;     // OK: an answer of whatever HTTP status arrived whole
  bool transient = false;  // it failed on the way, and may work when it is tried again
};

struct HttpOptions {
  std::string ca_file;  // certificates to trust instead of the system's; empty: the system's
  ProxySettings proxies;
  int64_t connect_timeout_ns = int64_t{30} * 1'000'000'000;
  int64_t stall_timeout_ns = int64_t{30} * 1'000'000'000;  // without a byte
  const std::atomic<bool>* stop = nullptr;                 // another thread has failed
  core::Clock* clock = &core::Clock::System();
};

class HttpClient {
 public:
  explicit HttpClient(const HttpOptions& options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  Transfer Send(const HttpRequest& request, BodySink& sink);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ingot::registry

#endif  // INGOT_REGISTRY_HTTP_H_
