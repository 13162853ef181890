// The HTTP server: listens, reads requests within limits, hands them to a Dispatcher, writes what
// is answered. One thread of its own serves the network; handlers run on the worker pool. HTTP/1.0
// and 1.1 with keep-alive, over TCP or TLS.
//
// What it takes from a client is bounded: the head's bytes, the body's bytes as the dispatcher
// allows, the time for each, the bytes that may wait to be read by the client, and the number of
// connections. Slow clients are dropped.
//
// Start and Stop by one thread.
#ifndef INGOT_SERVER_NET_HTTP_SERVER_H_
#define INGOT_SERVER_NET_HTTP_SERVER_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/status.h"
#include "server/exchange.h"
#include "server/http_types.h"
#include "server/route.h"
#include "server/worker_pool.h"

namespace ingot::server {

struct HttpLimits {
  uint32_t head_bytes = 32U << 10;
  size_t target_bytes = 8U << 10;
  size_t connections = 1024;
  size_t unread_bytes = size_t{8} << 20;         // of an answer, waiting for its reader
  std::chrono::milliseconds head_time{15'000};   // from the first byte on, and for a TLS handshake
  std::chrono::milliseconds idle_time{75'000};   // between requests
  std::chrono::milliseconds write_time{30'000};  // without any progress
  std::chrono::milliseconds body_time{20'000};   // for each 256 KiB of a body
};

// What is decided from the head of a request alone.
struct Admission {
  std::optional<Reply> refusal;  // answered without reading the body, and the connection ends
  std::optional<Reply> reply;    // answered at once
  uint64_t body_limit = 0;
  bool streams_body = false;  // to a sink
  Headers extra_headers;      // for the answer
  ApiStyle style = ApiStyle::kOllama;
  Caller caller;
  const Route* route = nullptr;
};

// Implemented by whoever knows the routes. Any thread but the destructor.
class Dispatcher {
 public:
  virtual ~Dispatcher() = default;
  // On the network's thread: must be quick. Fills in what it finds out about the request.
  virtual Admission Admit(Request& head, int64_t content_length) = 0;
  // On a worker's thread.
  virtual void Handle(const Admission& admission, const ExchangePtr& exchange) = 0;
  virtual core::Result<std::unique_ptr<BodySink>> MakeSink(const Admission& admission,
                                                           const Request& head,
                                                           int64_t content_length) = 0;
  // One answer was sent, or given up.
  virtual void Finished(const Request& request, const Caller& caller, int status, uint64_t bytes,
                        double seconds) = 0;
};

struct TlsOptions {
  std::string certificate;  // path of a PEM chain
  std::string key;          // path of a PEM key
};

class HttpServer {
 public:
  struct Options {
    std::string host = "127.0.0.1";
    uint16_t port = 0;  // 0: any that is free
    std::optional<TlsOptions> tls;
    HttpLimits limits;
  };

  // Listens when it returns. The dispatcher and the pool outlive the server.
  static core::Result<std::unique_ptr<HttpServer>> Start(const Options& options,
                                                         Dispatcher& dispatcher, WorkerPool& pool);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  uint16_t port() const;
  size_t connections() const;
  // Takes no more connections nor requests; those under way are answered. True once none is left,
  // false when some were still there after that time.
  bool Drain(std::chrono::milliseconds time);
  // Ends everything.
  void Stop();

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ingot::server

#endif  // INGOT_SERVER_NET_HTTP_SERVER_H_
