// The server: HTTP in front, models behind, and between them the rules of who may ask what.
//
// Made, drained and destroyed by one thread.
#ifndef INGOT_SERVER_SERVER_H_
#define INGOT_SERVER_SERVER_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/status.h"
#include "engine/model_pool.h"
#include "server/api_keys.h"
#include "server/guard.h"
#include "server/net/http_server.h"
#include "store/store.h"

namespace ingot::server {

struct ServerOptions {
  std::string host = "127.0.0.1";
  uint16_t port = 11434;  // 0: any that is free
  std::optional<TlsOptions> tls;
  ApiKeys keys;
  // Beyond loopback without keys, because whoever starts it says so.
  bool no_auth = false;
  GuardOptions guard;
  HttpLimits limits;
  WorkerLimits workers;
  bool log_prompts = false;
  // How often a stream says that its prompt is still being read.
  std::chrono::milliseconds ping_time{5000};
  // What one key's prompts left in the prefix cache serves every key.
  bool share_prefixes = false;
  // Everything but find, which looks into the store.
  engine::PoolOptions pool;
  // Called, on some thread, when a caller with the role manage asks the server to end.
  std::function<void()> on_stop;
};

class Server {
 public:
  // Listens when it returns. The store outlives the server. kPermission for a bind beyond loopback
  // without keys, kBusy, saying by whom if that can be known, for a port that is taken.
  static core::Result<std::unique_ptr<Server>> Start(const store::Store& store,
                                                     ServerOptions options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  uint16_t port() const;
  // "http://127.0.0.1:11434"
  std::string Url() const;
  // Answers what is under way and takes nothing new; false when something was still under way after
  // that time.
  bool Drain(std::chrono::milliseconds time);

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ingot::server

#endif  // INGOT_SERVER_SERVER_H_
