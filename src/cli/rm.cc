// `ingot rm`: removes models, and the blobs that nobody else needs.
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/store_access.h"
#include "core/strings.h"
#include "store/remove.h"

namespace ingot::cli {
namespace {

struct RemoveOptions {
  std::vector<std::string> names;
  bool json = false;
};

core::Json ToJson(const store::RemoveReport& report) {
  core::Json json = {{"name", report.name.Short()},
                     {"blobs_removed", report.blobs_removed},
                     {"bytes_freed", report.bytes_freed},
                     {"bytes_shared", report.bytes_shared},
                     {"bytes_in_use", report.bytes_in_use}};
  if (!report.kept_because.ok()) json["blobs_kept_because"] = report.kept_because.message();
  return json;
}

void Tell(Session& session, const store::RemoveReport& report) {
  session.Print(core::StrCat(
      "deleted '", report.name.Short(), "'",
      report.blobs_removed == 0 ? "" : ", " + core::HumanBytes(report.bytes_freed) + " freed",
      "\n"));
  if (!report.kept_because.ok()) {
    session.Note(
        core::StrCat("Its blobs stay: ", core::Printable(report.kept_because.message(), 2000), "\n",
                     report.kept_because.hint(), "\n"));
  }
  if (report.bytes_in_use > 0) {
    session.Note(core::StrCat(core::HumanBytes(report.bytes_in_use),
                              " are in use by a running process; `ingot gc` frees them when it has "
                              "finished.\n"));
  }
}

Exit Remove(Session& session, const RemoveOptions& options) {
  // All names are checked before anything is removed.
  std::vector<store::ModelName> names;
  for (const std::string& text : options.names) {
    core::Result<store::ModelName> name = store::ModelName::Parse(text);
    if (!name.ok()) return session.Finish(name.status());
    names.push_back(*std::move(name));
  }
  const core::Result<store::Store> store = OpenStore(session);
  if (!store.ok()) return session.Finish(store.status());
  Exit exit = Exit::kOk;
  core::Json list = core::Json::array();
  for (const store::ModelName& name : names) {
    const core::Result<store::RemoveReport> report = store::RemoveModel(*store, name);
    if (!report.ok()) {
      session.Finish(report.status());
      exit = Exit::kFailure;
    } else if (options.json) {
      list.push_back(ToJson(*report));
    } else {
      Tell(session, *report);
    }
  }
  if (options.json) session.PrintJson({{"removed", std::move(list)}});
  return exit;
}

}  // namespace

void AddRemoveCommand(CLI::App& app, Session& session) {
  CLI::App& command = AddCommand(app, "rm", "Remove models and the blobs that only they need",
                                 kStoreGroup, "  ingot rm qwen3:4b\n  ingot rm old:a old:b");
  const auto options = std::make_shared<RemoveOptions>();
  command.add_option("model", options->names, "The models")->required();
  command.add_flag("--json", options->json, "Print JSON");
  command.callback([&session, options] {
    session.action = [options](Session& s) { return Remove(s, *options); };
  });
}

}  // namespace ingot::cli
