// `ingot import-store`: models of another store's directory into this one.
#include "store/import_store.h"

#include <map>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/store_access.h"
#include "cli/table.h"
#include "core/strings.h"

namespace ingot::cli {
namespace {

using core::Json;
using core::Status;
using core::StrCat;

struct ImportStoreCommandOptions {
  std::string directory;
  std::vector<std::string> names;
  store::Sharing sharing = store::Sharing::kAny;
  bool replace = false;
  bool json = false;
};

Json ToJson(const store::ImportStoreReport& report) {
  Json models = Json::array();
  for (const store::ImportedModel& model : report.models) {
    Json entry = {{"name", model.name.Short()}, {"outcome", store::OutcomeName(model.outcome)}};
    if (model.outcome == store::ImportedModel::Outcome::kFailed) {
      entry["error"] = model.error.message();
    } else {
      entry["id"] = model.id->ToString();
    }
    models.push_back(std::move(entry));
  }
  return {{"models", std::move(models)},     {"blobs_cloned", report.cloned},
          {"blobs_linked", report.linked},   {"blobs_copied", report.copied},
          {"blobs_present", report.present}, {"bytes", report.bytes}};
}

void Tell(Session& session, const store::ImportStoreReport& report) {
  Table table;
  for (const store::ImportedModel& model : report.models) {
    std::string more;
    if (model.outcome == store::ImportedModel::Outcome::kFailed) {
      more = core::Printable(model.error.message(), 1000);
    } else if (model.outcome == store::ImportedModel::Outcome::kKept) {
      more = "another model of that name is here: --replace takes the other store's";
    }
    table.AddRow({std::string(store::OutcomeName(model.outcome)), model.name.Short(), more});
  }
  session.Print(table.Render());
  session.Print(StrCat(Counted(report.cloned + report.linked, "blob"), " shared, ",
                       Counted(report.copied, "blob"), " copied, ", Counted(report.present, "blob"),
                       " were here; ", core::HumanBytes(report.bytes), ".\n"));
}

Status Import(Session& session, const ImportStoreCommandOptions& options) {
  store::ImportStoreOptions what{
      .models = {}, .sharing = options.sharing, .replace = options.replace};
  for (const std::string& text : options.names) {
    INGOT_ASSIGN(store::ModelName name, store::ModelName::Parse(text));
    what.models.push_back(std::move(name));
  }
  INGOT_ASSIGN(const store::Store target, OpenStore(session));
  const store::Store source(session.env(), core::Clock::System(), options.directory);
  INGOT_ASSIGN(const store::ImportStoreReport report,
               store::ImportStore(source, target, what, session.progress()));
  if (options.json) {
    session.PrintJson(ToJson(report));
  } else {
    Tell(session, report);
  }
  size_t failed = 0;
  for (const store::ImportedModel& model : report.models) {
    failed += model.outcome == store::ImportedModel::Outcome::kFailed ? 1 : 0;
  }
  if (failed == 0) return Status::Ok();
  return core::Corrupt(StrCat(Counted(failed, "model"), " could not be imported"))
      .WithHint(StrCat("`ingot --models ", core::Printable(options.directory, 1000),
                       " verify` finds out what is wrong there."));
}

}  // namespace

void AddImportStoreCommand(CLI::App& app, Session& session) {
  CLI::App& command = AddCommand(app, "import-store",
                                 "Take models over from another store's directory", kStoreGroup,
                                 "  ingot import-store ~/.ollama/models\n"
                                 "  ingot import-store /mnt/old/models qwen3:4b     only that one\n"
                                 "  ingot import-store /mnt/old/models --share copy");
  const auto options = std::make_shared<ImportStoreCommandOptions>();
  command.add_option("directory", options->directory, "The other store; nothing there changes")
      ->required()
      ->check(CLI::ExistingDirectory)
      ->type_name("DIR");
  command.add_option("models", options->names, "Only these models; all of them otherwise");
  const std::map<std::string, store::Sharing> ways = {{"any", store::Sharing::kAny},
                                                      {"clone", store::Sharing::kClone},
                                                      {"link", store::Sharing::kLink},
                                                      {"copy", store::Sharing::kCopy}};
  command
      .add_option("--share", options->sharing,
                  "How blobs come: any (a clone, else a hard link, else a copy), clone, link, copy")
      ->transform(CLI::CheckedTransformer(ways, CLI::ignore_case))
      ->type_name("WAY");
  command.add_flag("--replace", options->replace, "Also models whose name is taken here");
  command.add_flag("--json", options->json, "Print JSON");
  command.callback([&session, options] {
    session.action = [options](Session& s) { return s.Finish(Import(s, *options)); };
  });
}

}  // namespace ingot::cli
