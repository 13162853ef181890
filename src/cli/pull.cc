// `ingot pull`: a model from a registry into the store.
#include "registry/pull.h"

#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/registry_access.h"
#include "cli/store_access.h"
#include "core/strings.h"

namespace ingot::cli {
namespace {

using core::Json;
using core::Status;
using core::StrCat;

struct PullCommandOptions {
  std::string name;
  RegistryOptions registry;
  bool json = false;
};

Json ToJson(const registry::PullReport& report) {
  return {{"model", report.model.name.Short()},    {"id", report.model.raw.id.ToString()},
          {"unchanged", report.unchanged},         {"blobs_fetched", report.blobs_fetched},
          {"blobs_present", report.blobs_present}, {"bytes_fetched", report.bytes_fetched},
          {"bytes_resumed", report.bytes_resumed}, {"bytes_present", report.bytes_present}};
}

void Tell(Session& session, const registry::PullReport& report) {
  const std::string name = report.model.name.Short();
  if (report.unchanged) {
    session.Print(StrCat(name, " is up to date (", report.model.raw.id.Short(), ").\n"));
    return;
  }
  session.Print(StrCat("Pulled ", name, " (", report.model.raw.id.Short(),
                       "): ", Counted(report.blobs_fetched, "blob"), ", ",
                       core::HumanBytes(report.bytes_fetched)));
  if (report.bytes_resumed > 0) {
    session.Print(StrCat("; ", core::HumanBytes(report.bytes_resumed), " from an earlier pull"));
  }
  if (report.blobs_present > 0) {
    session.Print(StrCat("; ", Counted(report.blobs_present, "blob"), ", ",
                         core::HumanBytes(report.bytes_present), ", were here"));
  }
  session.Print(".\n");
}

registry::PullOptions MakeOptions(const RegistryOptions& options) {
  registry::PullOptions pull;
  pull.insecure = options.insecure;
  pull.streams = options.streams;
  pull.http = HttpOptionsFor(options);
  return pull;
}

Status Pull(Session& session, const PullCommandOptions& options) {
  INGOT_ASSIGN(const store::ModelName name, store::ModelName::Parse(options.name));
  INGOT_ASSIGN(const store::Store store, OpenStore(session));
  const registry::PullOptions pull = MakeOptions(options.registry);
  if (options.json) {
    JsonLines lines(session);
    INGOT_ASSIGN(const registry::PullReport report,
                 registry::Pull(store, name, pull, lines.sink(), &lines));
    lines.Write(ToJson(report));
    return Status::Ok();
  }
  LargeLayers layers(session.progress());
  INGOT_ASSIGN(const registry::PullReport report,
               registry::Pull(store, name, pull, session.progress(), &layers));
  Tell(session, report);
  return Status::Ok();
}

}  // namespace

void AddPullCommand(CLI::App& app, Session& session) {
  CLI::App& command = AddCommand(
      app, "pull", "Fetch a model from a registry; what is interrupted goes on", kStoreGroup,
      "  ingot pull qwen3:4b\n"
      "  ingot pull registry.example.com/team/model:tag\n"
      "  ingot pull --insecure localhost:5000/team/model");
  const auto options = std::make_shared<PullCommandOptions>();
  command.add_option("model", options->name, "[HOST/][NAMESPACE/]MODEL[:TAG]")->required();
  AddRegistryOptions(command, options->registry);
  command.add_flag("--json", options->json, "Print JSON, one object a line as it goes");
  command.callback([&session, options] {
    session.action = [options](Session& s) { return s.Finish(Pull(s, *options)); };
  });
}

}  // namespace ingot::cli
