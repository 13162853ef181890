// A server over a store of its own that holds the repository's trained model, imported once for all
// tests of a program. One thread.
#ifndef INGOT_TESTS_SERVER_DEMO_SERVER_H_
#define INGOT_TESTS_SERVER_DEMO_SERVER_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "server/client.h"
#include "server/server.h"
#include "store/store.h"
#include "tests/testing/temp_dir.h"

namespace ingot::testing {

// The store with the model "demo"; made at the first call, gone when the program ends.
const store::Store& DemoStore();

class DemoServer {
 public:
  // Everything but the port, which is free. Throws std::runtime_error when it cannot start.
  explicit DemoServer(server::ServerOptions options = {}, const store::Store& store = DemoStore());

  server::Server& server() { return *server_; }
  uint16_t port() const { return server_->port(); }
  server::Client Client(std::string key = "") const;
  // The answer to one request. body may be empty.
  server::ClientReply Call(server::Method method, std::string_view target,
                           std::string_view body = "", std::string key = "") const;
  server::ClientReply Post(std::string_view target, const core::Json& body) const;

 private:
  std::unique_ptr<server::Server> server_;
};

// The lines of a stream, parsed.
std::vector<core::Json> JsonLines(std::string_view body);

}  // namespace ingot::testing

#endif  // INGOT_TESTS_SERVER_DEMO_SERVER_H_
