#include "tests/server/demo_server.h"

#include <stdexcept>
#include <utility>

#include "core/strings.h"
#include "import/create.h"

namespace ingot::testing {
namespace {

struct Imported {
  Imported() : store(core::Env::Posix(), core::Clock::System(), dir.path() / "models") {
    import::Modelfile modelfile;
    modelfile.from = INGOT_SOURCE_DIR "/demo/model";
    import::CreateRequest request{.name = *store::ModelName::Parse("demo"),
                                  .modelfile = std::move(modelfile),
                                  .base = {},
                                  .recipe = {},
                                  .draft_requested = {},
                                  .from_store = false};
    auto plan = import::PlanCreate(store, std::move(request));
    if (!plan.ok()) throw std::runtime_error(std::string(plan.status().message()));
    import::WriteOptions options;
    const auto sink = core::MakeNullSink();
    options.progress = sink.get();
    const auto made = import::ExecuteCreate(store, *plan, options);
    if (!made.ok()) throw std::runtime_error(std::string(made.status().message()));
  }
  TempDir dir{TempPlace::kMemory};
  store::Store store;
};

}  // namespace

const store::Store& DemoStore() {
  static const Imported imported;
  return imported.store;
}

DemoServer::DemoServer(server::ServerOptions options, const store::Store& store) {
  options.port = 0;
  auto started = server::Server::Start(store, std::move(options));
  if (!started.ok()) throw std::runtime_error(std::string(started.status().message()));
  server_ = *std::move(started);
}

server::Client DemoServer::Client(std::string key) const {
  server::Address address;
  address.port = port();
  server::ClientOptions options;
  options.key = std::move(key);
  return server::Client(address, options);
}

server::ClientReply DemoServer::Call(server::Method method, std::string_view target,
                                     std::string_view body, std::string key) const {
  auto reply = Client(std::move(key)).Call(method, target, body);
  if (!reply.ok()) throw std::runtime_error(std::string(reply.status().message()));
  return *std::move(reply);
}

server::ClientReply DemoServer::Post(std::string_view target, const core::Json& body) const {
  return Call(server::Method::kPost, target, body.dump());
}

std::vector<core::Json> JsonLines(std::string_view body) {
  std::vector<core::Json> lines;
  for (const std::string_view line : core::Split(body, '\n')) {
    if (!line.empty()) lines.push_back(core::Json::parse(line));
  }
  return lines;
}

}  // namespace ingot::testing
