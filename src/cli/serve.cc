// `ingot serve`: answers over HTTP until it is told to end.
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/model_source.h"
#include "cli/server_access.h"
#include "cli/store_access.h"
#include "core/heap.h"
#include "core/interrupt.h"
#include "core/log.h"
#include "core/strings.h"
#include "server/client.h"
#include "server/fields.h"
#include "server/server.h"

namespace ingot::cli {
namespace {

using core::Result;
using core::Status;
using core::StrCat;

struct ServeOptions {
  std::string host;
  int port = -1;
  std::string keys;
  bool no_auth = false;
  std::string certificate;
  std::string key;
  std::vector<std::string> origins;
  std::vector<std::string> hosts;
  std::string dtype;
  std::string kv_cache;
  std::string keep_alive;
  int max_queue = 512;
  int max_running = 64;
  int max_models = 0;
  double memory_gb = 0;
  int drain_seconds = 30;
  bool verbose = false;
  bool log_prompts = false;
  bool share_prefixes = false;
  double prefix_memory_gb = -1;
  double prefix_disk_gb = -1;
};

std::vector<std::string> CommaList(const std::string& text) {
  std::vector<std::string> list;
  for (const std::string_view part : core::Split(text, ',')) {
    if (!core::Trim(part).empty()) list.emplace_back(core::Trim(part));
  }
  return list;
}

Result<server::Address> ListenAddress(const ServeOptions& options) {
  server::Address address;
  if (options.host.empty()) {
    INGOT_ASSIGN(address, server::AddressFromEnvironment(Variable));
  } else {
    INGOT_ASSIGN(address, server::ParseAddress(options.host));
  }
  if (options.port >= 0) address.port = static_cast<uint16_t>(options.port);
  return address;
}

Status ReadSafety(Session& session, const ServeOptions& options, server::ServerOptions& out) {
  const std::string keys =
      options.keys.empty() ? Variable("INGOT_API_KEYS").value_or("") : options.keys;
  if (!keys.empty()) {
    INGOT_ASSIGN(out.keys, server::ApiKeys::Load(session.env(), keys));
  }
  out.no_auth = options.no_auth;
  out.guard.origins = options.origins.empty()
                          ? CommaList(FirstVariable("INGOT_ORIGINS", "OLLAMA_ORIGINS"))
                          : options.origins;
  out.guard.hosts =
      options.hosts.empty() ? CommaList(Variable("INGOT_HOSTS").value_or("")) : options.hosts;
  if (options.certificate.empty() != options.key.empty()) {
    return core::InvalidArgument("--tls-cert and --tls-key belong together");
  }
  if (!options.certificate.empty()) out.tls = {options.certificate, options.key};
  return Status::Ok();
}

Status ReadPool(const ServeOptions& options, engine::PoolOptions& pool) {
  INGOT_ASSIGN(pool.type, ParseDtypeOption(options.dtype));
  INGOT_ASSIGN(pool.cache, ParseKvCacheOption(options.kv_cache));
  pool.max_models = static_cast<size_t>(options.max_models);
  pool.memory_bytes = static_cast<uint64_t>(options.memory_gb * 1e9);
  pool.scheduler.max_running = static_cast<size_t>(options.max_running);
  pool.scheduler.max_waiting = static_cast<size_t>(options.max_queue);
  if (options.prefix_memory_gb >= 0) {
    pool.scheduler.prefix_bytes = static_cast<uint64_t>(options.prefix_memory_gb * 1e9);
  }
  if (options.prefix_disk_gb >= 0) {
    pool.scheduler.prefix_disk.most_bytes = static_cast<uint64_t>(options.prefix_disk_gb * 1e9);
  }
  const std::string keep = options.keep_alive.empty()
                               ? FirstVariable("INGOT_KEEP_ALIVE", "OLLAMA_KEEP_ALIVE")
                               : options.keep_alive;
  if (keep.empty()) return Status::Ok();
  server::Fields field(core::Json{{"keep-alive", keep}});
  INGOT_ASSIGN(const auto duration, field.Duration("keep-alive"));
  if (duration) pool.keep_alive = *duration;
  return Status::Ok();
}

Result<std::unique_ptr<server::Server>> Start(const store::Store& store,
                                              server::ServerOptions options) {
  const server::Address address{options.host, options.port, options.tls.has_value()};
  auto started = server::Server::Start(store, std::move(options));
  if (started.ok() || started.status().code() != core::Code::kBusy) return started;
  const std::string who = server::WhoListens(address.ForClients());
  return Status(core::Code::kBusy,
                StrCat(started.status().message(), " by ", who.empty() ? "another program" : who))
      .WithHint("INGOT_HOST or --host gives another address, as in --host 127.0.0.1:11500.");
}

// As --log-level info does, or more where that was asked for. The format has been checked.
void LogRequests(const CLI::Option& format) {
  if (core::LogEnabled(core::LogLevel::kInfo)) return;
  const auto chosen =
      format.empty() ? std::nullopt : core::ParseLogFormat(format.as<std::string>());
  core::ConfigureLog(core::LogLevel::kInfo, chosen.value_or(core::LogFormat::kText));
}

Status Serve(Session& session, const ServeOptions& options) {
  INGOT_ASSIGN(const store::Store store, OpenStore(session));
  INGOT_ASSIGN(const server::Address address, ListenAddress(options));
  if (address.tls && options.certificate.empty()) {
    return core::InvalidArgument("an address of https needs --tls-cert and --tls-key");
  }
  server::ServerOptions serve;
  serve.host = address.host;
  serve.port = address.port;
  serve.log_prompts = options.log_prompts;
  serve.share_prefixes = options.share_prefixes;
  INGOT_TRY(ReadSafety(session, options, serve));
  INGOT_TRY(ReadPool(options, serve.pool));
  const auto stop = std::make_shared<std::atomic<bool>>(false);
  serve.on_stop = [stop] { *stop = true; };

  core::IgnoreBrokenPipes();
  core::ShareHeaps();
  INGOT_ASSIGN(const std::unique_ptr<server::Server> running, Start(store, std::move(serve)));
  session.Print(StrCat("Listening on ", running->Url(), "\n"));
  if (options.no_auth && !server::IsLoopback(address.host)) {
    session.Note("Warning: without API keys, whoever reaches this address may do everything.\n");
  }
  session.Flush();
  while (!core::Interrupted() && !*stop) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  session.Note("Ending: what is under way is answered, nothing new is taken.\n");
  if (!running->Drain(std::chrono::seconds(options.drain_seconds))) {
    session.Note("Some answers were cut off.\n");
  }
  return Status::Ok();
}

}  // namespace

void AddServeCommand(CLI::App& app, Session& session) {
  CLI::App& command = AddCommand(
      app, "serve", "Answer over HTTP: the Ollama, OpenAI and Anthropic interfaces", kRunGroup,
      "  ingot serve\n"
      "  ingot serve --host 0.0.0.0:11434 --api-keys ~/.ingot/keys\n"
      "  ingot serve --origin https://app.example.com\n"
      "  ingot serve --kv-cache int8");
  command.alias("start");
  const auto options = std::make_shared<ServeOptions>();
  command
      .add_option("--host", options->host,
                  "Where to listen (INGOT_HOST, else OLLAMA_HOST, else 127.0.0.1:11434)")
      ->type_name("HOST[:PORT]");
  command.add_option("--port", options->port, "The port alone (0: any that is free)")
      ->check(CLI::Range(0, 65535))
      ->type_name("N");
  command
      .add_option("--api-keys", options->keys,
                  "A file of keys: lines of a name, a role (infer, manage) and a key")
      ->type_name("FILE");
  command.add_flag("--no-auth", options->no_auth, "Let everybody in, even beyond this machine");
  command.add_option("--tls-cert", options->certificate, "A certificate chain, for https")
      ->type_name("FILE");
  command.add_option("--tls-key", options->key, "Its private key")->type_name("FILE");
  command
      .add_option("--origin", options->origins,
                  "A web page's origin that may ask (INGOT_ORIGINS, else OLLAMA_ORIGINS)")
      ->type_name("ORIGIN");
  command
      .add_option("--allow-host", options->hosts,
                  "A name that this machine is called by (INGOT_HOSTS)")
      ->type_name("NAME");
  command.add_option("--dtype", options->dtype, "float32, bfloat16 or float16 for activations")
      ->type_name("TYPE");
  command.add_option("--kv-cache", options->kv_cache, kKvCacheHelp)->type_name("TYPE");
  command
      .add_option("--keep-alive", options->keep_alive,
                  "How long a model stays after its last use (5m; -1: for good)")
      ->type_name("TIME");
  command.add_option("--max-queue", options->max_queue, "Requests that may wait")
      ->envname(NumberVariable("INGOT_MAX_QUEUE", "OLLAMA_MAX_QUEUE"))
      ->check(CLI::Range(0, 100'000))
      ->capture_default_str();
  command.add_option("--max-running", options->max_running, "Answers that are made at once")
      ->envname(NumberVariable("INGOT_MAX_RUNNING", "OLLAMA_NUM_PARALLEL"))
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  command.add_option("--max-models", options->max_models, "Models loaded at once (0: what fits)")
      ->envname(NumberVariable("INGOT_MAX_MODELS", "OLLAMA_MAX_LOADED_MODELS"))
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  command
      .add_option("--memory", options->memory_gb,
                  "Gigabytes for weights and caches (0: most of the machine's)")
      ->envname("INGOT_MEMORY")
      ->check(CLI::Range(0.0, 1e6))
      ->type_name("GB");
  command
      .add_option("--prefix-memory", options->prefix_memory_gb,
                  "Gigabytes of memory for what prompts have left, at most (8)")
      ->envname("INGOT_PREFIX_MEMORY")
      ->check(CLI::Range(0.0, 1e6))
      ->type_name("GB");
  command
      .add_option("--prefix-disk", options->prefix_disk_gb,
                  "Gigabytes of it in the folder INGOT_CACHE_DIR, for each model (32)")
      ->envname("INGOT_PREFIX_DISK")
      ->check(CLI::Range(0.0, 1e6))
      ->type_name("GB");
  command.add_flag("--share-prefixes", options->share_prefixes,
                   "Let what one key's prompts left serve every key (counts and times then tell of "
                   "others' prompts)");
  command.add_option("--drain", options->drain_seconds, "Seconds that answers get at the end")
      ->check(CLI::Range(0, 86400))
      ->capture_default_str();
  command.add_flag(
      "-v,--verbose", options->verbose,
      "Log requests and answers: tokens, how many were known from before, why not more, times");
  const CLI::Option* format = app.get_option("--log-format");
  command.add_flag("--log-prompts", options->log_prompts,
                   "Write what is asked to the log, too (with -v)");
  command.callback([&session, options, format] {
    session.action = [options, format](Session& s) {
      if (options->verbose) LogRequests(*format);
      return s.Finish(Serve(s, *options));
    };
  });
}

}  // namespace ingot::cli
