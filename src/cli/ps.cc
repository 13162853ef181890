// `ingot ps` and `ingot stop`: the models that a running server has in memory, and letting them go.
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/server_access.h"
#include "cli/store_access.h"
#include "cli/table.h"
#include "core/strings.h"

namespace ingot::cli {
namespace {

using core::Json;
using core::Status;
using core::StrCat;

struct StopOptions {
  std::string model;
  bool server = false;
};

core::Result<server::Client> Reach() {
  INGOT_ASSIGN(server::Client client, ServerClient());
  const auto health = client.Call(server::Method::kGet, "/health", "");
  if (!health.ok()) {
    return Status(health.status()).WithHint("`ingot serve` starts a server.");
  }
  return client;
}

std::string TextOf(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? core::Printable(found->get<std::string>(), 200)
                                                   : "";
}

uint64_t CountOf(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_number_unsigned() ? found->get<uint64_t>() : 0;
}

// "2026-11-21T08:15:30…Z", for people: how long from now.
std::string Until(const std::string& expires) {
  std::tm parts = {};
  if (strptime(expires.c_str(), "%Y-%m-%dT%H:%M:%S", &parts) == nullptr) return "";
  const int64_t then = timegm(&parts);
  const int64_t now = core::Clock::System().WallNs() / 1'000'000'000;
  if (then - now > int64_t{50} * 365 * 86400) return "Forever";
  if (then <= now) return "Stopping...";
  return core::HumanDuration(static_cast<double>(then - now)) + " from now";
}

Status Ps(Session& session, bool as_json) {
  INGOT_ASSIGN(server::Client client, Reach());
  INGOT_ASSIGN(const Json running, client.CallJson(server::Method::kGet, "/api/ps", nullptr));
  if (as_json) {
    session.PrintJson(running);
    return Status::Ok();
  }
  Table table;
  table.AddRow({"NAME", "ID", "SIZE", "CONTEXT", "UNTIL"});
  if (running.is_object() && running.contains("models") && running["models"].is_array()) {
    for (const Json& model : running["models"]) {
      table.AddRow({TextOf(model, "name"), TextOf(model, "digest").substr(0, 12),
                    core::HumanBytes(CountOf(model, "size")),
                    StrCat(CountOf(model, "context_length")), Until(TextOf(model, "expires_at"))});
    }
  }
  session.Print(table.Render());
  return Status::Ok();
}

Status Stop(Session& session, const StopOptions& options) {
  if (options.server == !options.model.empty()) {
    return core::InvalidArgument("expected a model, or --server");
  }
  INGOT_ASSIGN(server::Client client, Reach());
  if (options.server) {
    INGOT_ASSIGN(const Json reply, client.CallJson(server::Method::kPost, "/shutdown", nullptr));
    session.Print(StrCat("The server at ", client.address().Text(), " ends.\n"));
    return Status::Ok();
  }
  INGOT_ASSIGN(const Json reply,
               client.CallJson(server::Method::kPost, "/api/generate",
                               {{"model", options.model}, {"keep_alive", 0}, {"stream", false}}));
  session.Print(StrCat("stopped '", core::Printable(options.model, 400), "'\n"));
  return Status::Ok();
}

}  // namespace

void AddPsCommand(CLI::App& app, Session& session) {
  CLI::App& command = AddCommand(app, "ps", "List the models that a server has in memory",
                                 kRunGroup, "  ingot ps\n  ingot ps --json");
  const auto json = std::make_shared<bool>(false);
  command.add_flag("--json", *json, "Print JSON");
  command.callback(
      [&session, json] { session.action = [json](Session& s) { return s.Finish(Ps(s, *json)); }; });
}

void AddStopCommand(CLI::App& app, Session& session) {
  CLI::App& command = AddCommand(app, "stop", "Let a server's model go, or end the server",
                                 kRunGroup, "  ingot stop qwen3:4b\n  ingot stop --server");
  const auto options = std::make_shared<StopOptions>();
  command.add_option("model", options->model, "The model");
  command.add_flag("--server", options->server,
                   "The server itself, once what is asked is answered");
  command.callback([&session, options] {
    session.action = [options](Session& s) { return s.Finish(Stop(s, *options)); };
  });
}

}  // namespace ingot::cli
