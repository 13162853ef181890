// `ingot push`: a model of the store to a registry.
#include "registry/push.h"

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

struct PushCommandOptions {
  std::string name;
  RegistryOptions registry;
  bool json = false;
};

Json ToJson(const registry::PushReport& report) {
  return {{"model", report.model.name.Short()},    {"id", report.model.raw.id.ToString()},
          {"blobs_sent", report.blobs_sent},       {"blobs_present", report.blobs_present},
          {"blobs_mounted", report.blobs_mounted}, {"bytes_sent", report.bytes_sent},
          {"bytes_resumed", report.bytes_resumed}, {"bytes_present", report.bytes_present}};
}

void Tell(Session& session, const registry::PushReport& report) {
  session.Print(StrCat("Pushed ", report.model.name.Short(), " (", report.model.raw.id.Short(),
                       "): ", Counted(report.blobs_sent, "blob"), ", ",
                       core::HumanBytes(report.bytes_sent)));
  if (report.bytes_resumed > 0) {
    session.Print(StrCat("; ", core::HumanBytes(report.bytes_resumed), " from an earlier push"));
  }
  const uint64_t there = report.blobs_present + report.blobs_mounted;
  if (there > 0) {
    session.Print(StrCat("; ", Counted(there, "blob"), ", ", core::HumanBytes(report.bytes_present),
                         ", were there"));
  }
  session.Print(".\n");
}

Status Push(Session& session, const PushCommandOptions& options) {
  INGOT_ASSIGN(const store::ModelName name, store::ModelName::Parse(options.name));
  INGOT_ASSIGN(const store::Store store, OpenStore(session));
  registry::PushOptions push;
  push.insecure = options.registry.insecure;
  push.streams = options.registry.streams;
  push.http = HttpOptionsFor(options.registry);
  if (options.json) {
    JsonLines lines(session);
    INGOT_ASSIGN(const registry::PushReport report,
                 registry::Push(store, name, push, lines.sink(), &lines));
    lines.Write(ToJson(report));
    return Status::Ok();
  }
  LargeLayers layers(session.progress());
  INGOT_ASSIGN(const registry::PushReport report,
               registry::Push(store, name, push, session.progress(), &layers));
  Tell(session, report);
  return Status::Ok();
}

}  // namespace

void AddPushCommand(CLI::App& app, Session& session) {
  CLI::App& command = AddCommand(
      app, "push", "Send a model to a registry; what is interrupted goes on", kStoreGroup,
      "  ingot cp qwen3:4b registry.example.com/team/qwen3:4b\n"
      "  ingot push registry.example.com/team/qwen3:4b\n"
      "  ingot push --insecure localhost:5000/team/model");
  const auto options = std::make_shared<PushCommandOptions>();
  command.add_option("model", options->name, "HOST/NAMESPACE/MODEL[:TAG], as in the store")
      ->required();
  AddRegistryOptions(command, options->registry);
  command.add_flag("--json", options->json, "Print JSON, one object a line as it goes");
  command.callback([&session, options] {
    session.action = [options](Session& s) { return s.Finish(Push(s, *options)); };
  });
}

}  // namespace ingot::cli
