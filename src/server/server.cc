#include "server/server.h"

#include <unistd.h>

#include <array>
#include <utility>

#include "core/log.h"
#include "core/strings.h"
#include "engine/model_files.h"
#include "server/context.h"
#include "server/gate.h"
#include "server/routes.h"
#include "server/worker_pool.h"

namespace ingot::server {
namespace {

using core::Result;
using core::Status;
using core::StrCat;

std::string OwnHostName() {
  std::array<char, 256> name = {};
  return gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : "";
}

Result<engine::FoundModel> FindInStore(const store::Store& store, const std::string& name) {
  INGOT_ASSIGN(const store::ModelName parsed, store::ModelName::Parse(name));
  // No path of a client's is ever looked at: what is no name of the store is not there.
  INGOT_ASSIGN(const store::StoredModel stored, store.Read(parsed));
  engine::FoundModel found;
  found.name = stored.name.Short();
  found.digest = stored.raw.id.Hex();
  INGOT_ASSIGN(found.files, engine::ModelFiles::OpenStored(store, stored.name));
  return found;
}

Status CheckBind(const ServerOptions& options) {
  if (IsLoopback(core::ToLower(options.host)) || !options.keys.empty() || options.no_auth) {
    return Status::Ok();
  }
  return Status(
             core::Code::kPermission,
             StrCat(options.host, " can be reached from other machines, and there are no API keys"))
      .WithHint("Give a file of keys with --api-keys, or --no-auth to let everybody in.");
}

engine::PoolOptions PoolFor(const store::Store& store, engine::PoolOptions options) {
  options.find = [&store](const std::string& name) { return FindInStore(store, name); };
  return options;
}

}  // namespace

// Destroyed in this order: the network ends, work that is under way ends, models go, and last what
// answers were written to.
struct Server::Impl {
  Impl(const store::Store& store, const ServerOptions& options)
      : workers(std::make_unique<WorkerPool>(options.workers)),
        models(std::make_unique<engine::ModelPool>(PoolFor(store, options.pool))),
        context(store, *models, *workers, options.ping_time) {}
  ~Impl() {
    if (http != nullptr) http->Stop();
    models->StopAll();
    workers.reset();
    models.reset();
  }

  std::unique_ptr<WorkerPool> workers;
  std::unique_ptr<engine::ModelPool> models;
  Context context;
  std::unique_ptr<Gate> gate;
  std::unique_ptr<HttpServer> http;
  std::string url;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::Start(const store::Store& store, ServerOptions options) {
  INGOT_TRY(CheckBind(options));
  HttpServer::Options http;
  http.host = options.host;
  http.port = options.port;
  http.tls = options.tls;
  http.limits = options.limits;
  ApiKeys keys = std::move(options.keys);
  GuardOptions guard = std::move(options.guard);
  if (guard.own_host.empty()) guard.own_host = OwnHostName();
  const bool log_prompts = options.log_prompts;
  const bool share_prefixes = options.share_prefixes;
  std::function<void()> on_stop = std::move(options.on_stop);

  auto impl = std::make_unique<Impl>(store, options);
  Context& context = impl->context;
  context.log_prompts = log_prompts;
  context.share_prefixes = share_prefixes;
  context.has_keys = !keys.empty();
  context.started_ns = context.clock.MonotonicNs();
  context.shut_down = std::move(on_stop);
  impl->gate = std::make_unique<Gate>(
      context, std::move(keys), std::move(guard),
      Router({PageRoutes(), OllamaRoutes(), OpenAiRoutes(), AnthropicRoutes(), StatusRoutes()}));
  INGOT_ASSIGN(impl->http, HttpServer::Start(http, *impl->gate, *impl->workers));
  const bool bare_v6 = http.host.find(':') != std::string::npos;
  impl->url = StrCat(http.tls ? "https" : "http", "://", bare_v6 ? "[" : "", http.host,
                     bare_v6 ? "]" : "", ":", impl->http->port());
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

uint16_t Server::port() const { return impl_->http->port(); }
std::string Server::Url() const { return impl_->url; }

bool Server::Drain(std::chrono::milliseconds time) {
  Context& context = impl_->context;
  context.drained_ns = context.clock.MonotonicNs() +
                       std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
  context.draining = true;
  return impl_->http->Drain(time);
}

}  // namespace ingot::server
