// An HTTP server on loopback, inside the test: every connection has a thread, and a handler answers
// request by request, well or badly. With a certificate it speaks TLS. Thread-safe.
#ifndef INGOT_TESTS_REGISTRY_TEST_SERVER_H_
#define INGOT_TESTS_REGISTRY_TEST_SERVER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace ingot::testing {

struct ServerRequest {
  std::string method;
  std::string target;                          // as it was sent
  std::map<std::string, std::string> headers;  // names in lower case
  std::string Header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

using Headers = std::vector<std::pair<std::string, std::string>>;

class ServerConnection {
 public:
  virtual ~ServerConnection() = default;
  virtual bool Write(std::string_view bytes) = 0;  // false: the peer has gone
  // A whole answer; content-length is added.
  bool Answer(int status, const Headers& headers, std::string_view body);
  // Its beginning: content-length is what the peer is told.
  bool Begin(int status, const Headers& headers, uint64_t content_length);
  // What the request sends: the next `most` bytes of it, fewer at its end or where the peer leaves.
  // A handler that does not read all of it drops the connection.
  std::string ReadBody(uint64_t most = UINT64_MAX);
  // After the handler: no more requests, and what was written so far is all.
  void Drop() { dropped_ = true; }
  bool dropped() const { return dropped_; }
  // Says nothing until the peer goes or the server stops.
  virtual void Hang() = 0;
  virtual long Read(char* out, size_t size) = 0;  // 0 or less: the peer has gone

  // For the server, around each request.
  void ExpectBody(const ServerRequest& request, std::string* buffer);
  bool BodyIsRead() const { return unread_ == 0; }

 private:
  bool dropped_ = false;
  bool waits_for_100_ = false;
  uint64_t unread_ = 0;            // bytes of the request's body
  std::string* buffer_ = nullptr;  // what was read beyond the request's head
};

class TestServer {
 public:
  using Handler = std::function<void(const ServerRequest&, ServerConnection&)>;
  struct Certificate {
    std::string certificate;  // PEM
    std::string key;          // PEM
  };

  explicit TestServer(Handler handler, const Certificate* certificate = nullptr);
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  uint16_t port() const { return port_; }
  std::string Host() const { return "127.0.0.1:" + std::to_string(port_); }
  int connections() const { return connections_.load(); }

 private:
  void Accept();
  void Serve(int fd);

  Handler handler_;
  std::shared_ptr<void> tls_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<int> connections_{0};
  std::mutex lock_;
  std::vector<int> open_;             // guarded by lock_
  std::vector<std::thread> threads_;  // likewise
  std::thread acceptor_;
};

// A certificate for 127.0.0.1 that signs itself.
TestServer::Certificate MakeCertificate();

}  // namespace ingot::testing

#endif  // INGOT_TESTS_REGISTRY_TEST_SERVER_H_
