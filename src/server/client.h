// A client for servers of ours: `ingot run`, `ps` and `stop` speak through it, and tests. One
// request a connection, over plain HTTP.
//
// One object, one thread.
#ifndef INGOT_SERVER_CLIENT_H_
#define INGOT_SERVER_CLIENT_H_

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "core/json.h"
#include "core/status.h"
#include "server/address.h"
#include "server/http_types.h"

namespace ingot::server {

struct ClientOptions {
  std::string key;  // an API key; empty: none
  std::chrono::milliseconds connect_time{2000};
  std::chrono::milliseconds silence{600'000};  // without a byte, before it is given up
  size_t most_bytes = size_t{256} << 20;       // of an answer that is kept
};

struct ClientReply {
  int status = 0;
  Headers headers;
  std::string body;  // empty where it was given away piece by piece
};

class Client {
 public:
  explicit Client(const Address& address, ClientOptions options = {})
      : address_(address.ForClients()), options_(std::move(options)) {}

  // Gets the bytes of an answer of status 200 as they come; false ends it: kCancelled.
  using Taker = std::function<bool(std::string_view bytes)>;

  // kNotFound when nobody listens there. kCancelled on Ctrl-C.
  core::Result<ClientReply> Call(Method method, std::string_view target, std::string_view body,
                                 const Taker& taker = {});
  // The same with JSON both ways; an error of the server's becomes a status with its words.
  core::Result<core::Json> CallJson(Method method, std::string_view target, const core::Json& body);

  const Address& address() const { return address_; }

 private:
  const Address address_;
  const ClientOptions options_;
};

// Who listens at an address: "Ingot 0.1.0", "Ollama", "a web server", or "" where nobody answers.
std::string WhoListens(const Address& address);
// Whether it is one of ours.
bool IsIngot(const ClientReply& reply);

}  // namespace ingot::server

#endif  // INGOT_SERVER_CLIENT_H_
