// `ingot repair`: sets aside what cannot be trusted, fetches the like of it for a model that is
// named, and says what else there is to do.
#include "store/repair.h"

#include <memory>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/registry_access.h"
#include "cli/store_access.h"
#include "core/strings.h"
#include "registry/mend.h"

namespace ingot::cli {
namespace {

struct RepairCommandOptions {
  std::string name;
  RegistryOptions registry;
  bool offline = false;
  bool dry_run = false;
  bool json = false;
};

// What a repair of one model got from its registry, or why it got nothing.
using Mended = std::optional<core::Result<registry::MendReport>>;

core::Json ToJson(const std::vector<store::RepairMove>& moves) {
  core::Json list = core::Json::array();
  for (const store::RepairMove& move : moves) {
    core::Json entry = {{"from", move.from.native()}, {"why", move.why}};
    if (!move.to.empty()) entry["to"] = move.to.native();
    list.push_back(std::move(entry));
  }
  return list;
}

core::Json ToJson(const Mended& mended) {
  if (!mended) return nullptr;
  if (!mended->ok()) return {{"error", mended->status().message()}};
  const registry::MendReport& report = **mended;
  return {{"manifest_fetched", report.manifest_fetched},
          {"blobs_fetched", report.blobs_fetched},
          {"bytes_fetched", report.bytes_fetched},
          {"bytes_kept", report.bytes_kept}};
}

core::Json ToJson(const store::RepairReport& report, const Mended& mended, bool dry_run) {
  core::Json models = core::Json::array();
  for (const store::DamagedModel& model : report.models) {
    core::Json missing = core::Json::array();
    for (const store::Digest& digest : model.missing) missing.push_back(digest.ToString());
    models.push_back({{"name", model.name.Short()},
                      {"missing", std::move(missing)},
                      {"missing_bytes", model.missing_bytes},
                      {"manifest_gone", model.manifest_gone},
                      {"bad_content", model.bad_content}});
  }
  return {{"dry_run", dry_run},
          {"quarantine", report.quarantine.native()},
          {"quarantined", ToJson(report.quarantined)},
          {"renamed", ToJson(report.renamed)},
          {"untouched", ToJson(report.untouched)},
          {"models", std::move(models)},
          {"fetched", ToJson(mended)}};
}

void TellMoves(Session& session, std::string_view title,
               const std::vector<store::RepairMove>& moves) {
  if (moves.empty()) return;
  session.Print(core::StrCat(title, "\n"));
  for (const store::RepairMove& move : moves) {
    session.Print(
        core::StrCat("  ", Shown(move.from), "\n    ", core::Printable(move.why, 2000), "\n"));
  }
}

std::string Advice(const store::DamagedModel& model) {
  const std::string name = model.name.Short();
  if (model.manifest_gone) {
    return core::StrCat("its manifest is gone: `ingot pull ", name, "`, or create it again");
  }
  if (!model.missing.empty()) {
    return core::StrCat("lacks ", Counted(model.missing.size(), "blob"), ", ",
                        core::HumanBytes(model.missing_bytes), ": `ingot repair ", name,
                        "` fetches just those, or create it again");
  }
  return core::StrCat("was stored from damaged files: create it again, or `ingot rm ", name, "`");
}

void TellMended(Session& session, const Mended& mended) {
  if (!mended || !mended->ok()) return;
  const registry::MendReport& report = **mended;
  if (!report.manifest_fetched && report.blobs_fetched == 0) return;
  session.Print(core::StrCat("Fetched ", report.manifest_fetched ? "the manifest and " : "",
                             Counted(report.blobs_fetched, "blob"), ", ",
                             core::HumanBytes(report.bytes_fetched)));
  if (report.bytes_kept > 0) {
    session.Print(core::StrCat("; ", core::HumanBytes(report.bytes_kept), " of them were here"));
  }
  session.Print(".\n");
}

void Tell(Session& session, const store::RepairReport& report, bool dry_run) {
  if (report.quarantined.empty() && report.renamed.empty() && report.untouched.empty() &&
      report.models.empty()) {
    session.Print("Nothing to repair.\n");
    return;
  }
  TellMoves(
      session,
      dry_run ? "Would set aside:" : core::StrCat("Set aside in ", Shown(report.quarantine), ":"),
      report.quarantined);
  TellMoves(session, dry_run ? "Would rename:" : "Renamed:", report.renamed);
  TellMoves(session, "Could not be looked at, and stays:", report.untouched);
  if (!report.models.empty()) session.Print("Models that need you:\n");
  for (const store::DamagedModel& model : report.models) {
    session.Print(core::StrCat("  ", model.name.Short(), "  ", Advice(model), "\n"));
  }
}

// Asks the registry in the model's name for what it lacks now.
Mended MendModel(Session& session, const store::Store& store, const RepairCommandOptions& options,
                 const store::ModelName& name, store::RepairReport& report) {
  if (options.offline || options.dry_run || report.models.empty()) return std::nullopt;
  registry::PullOptions pull;
  pull.insecure = options.registry.insecure;
  pull.streams = options.registry.streams;
  pull.http = HttpOptionsFor(options.registry);
  auto mended = registry::Mend(store, name, report, pull, session.progress());
  if (mended.ok()) {
    std::erase_if(report.models,
                  [](const store::DamagedModel& model) { return !model.bad_content; });
    for (store::DamagedModel& model : report.models) model.missing.clear();
  }
  return mended;
}

core::Status Repair(Session& session, const RepairCommandOptions& options) {
  store::RepairOptions what{.verify = {}, .dry_run = options.dry_run};
  if (!options.name.empty()) {
    INGOT_ASSIGN(what.verify.model, store::ModelName::Parse(options.name));
  }
  INGOT_ASSIGN(const store::Store store, OpenStore(session));
  INGOT_ASSIGN(store::RepairReport report, store::RepairStore(store, what, session.progress()));
  Mended mended;
  if (what.verify.model) {
    mended = MendModel(session, store, options, *what.verify.model, report);
  }
  if (options.json) {
    session.PrintJson(ToJson(report, mended, options.dry_run));
  } else {
    Tell(session, report, options.dry_run);
    TellMended(session, mended);
  }
  return mended ? mended->status() : core::Status::Ok();
}

}  // namespace

void AddRepairCommand(CLI::App& app, Session& session) {
  CLI::App& command =
      AddCommand(app, "repair", "Set aside what cannot be trusted, and fetch it again", kStoreGroup,
                 "  ingot repair --dry-run      says what it would do\n"
                 "  ingot repair                the whole store; asks nobody\n"
                 "  ingot repair qwen3:4b       and fetches what that model lacks then");
  const auto options = std::make_shared<RepairCommandOptions>();
  command.add_option("model", options->name, "Only this model; the whole store otherwise");
  command.add_flag("--offline", options->offline, "Fetch nothing, whatever is lacking");
  AddRegistryOptions(command, options->registry);
  command.add_flag("--dry-run", options->dry_run, "Say what would be done, do nothing");
  command.add_flag("--json", options->json, "Print JSON");
  command.callback([&session, options] {
    session.action = [options](Session& s) { return s.Finish(Repair(s, *options)); };
  });
}

}  // namespace ingot::cli
