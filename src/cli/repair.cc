// `ingot repair`: sets aside what cannot be trusted and says how to get it back.
#include "store/repair.h"

#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/store_access.h"
#include "core/strings.h"

namespace ingot::cli {
namespace {

struct RepairCommandOptions {
  std::string name;
  bool dry_run = false;
  bool json = false;
};

core::Json ToJson(const std::vector<store::RepairMove>& moves) {
  core::Json list = core::Json::array();
  for (const store::RepairMove& move : moves) {
    core::Json entry = {{"from", move.from.native()}, {"why", move.why}};
    if (!move.to.empty()) entry["to"] = move.to.native();
    list.push_back(std::move(entry));
  }
  return list;
}

core::Json ToJson(const store::RepairReport& report, bool dry_run) {
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
          {"models", std::move(models)}};
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
                        core::HumanBytes(model.missing_bytes), ": `ingot pull ", name,
                        "` fetches just those, or create it again");
  }
  return core::StrCat("was stored from damaged files: create it again, or `ingot rm ", name, "`");
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

core::Status Repair(Session& session, const RepairCommandOptions& options) {
  store::RepairOptions what{.verify = {}, .dry_run = options.dry_run};
  if (!options.name.empty()) {
    INGOT_ASSIGN(what.verify.model, store::ModelName::Parse(options.name));
  }
  INGOT_ASSIGN(const store::Store store, OpenStore(session));
  INGOT_ASSIGN(const store::RepairReport report,
               store::RepairStore(store, what, session.progress()));
  if (options.json) {
    session.PrintJson(ToJson(report, options.dry_run));
  } else {
    Tell(session, report, options.dry_run);
  }
  return core::Status::Ok();
}

}  // namespace

void AddRepairCommand(CLI::App& app, Session& session) {
  CLI::App& command =
      AddCommand(app, "repair", "Set aside what cannot be trusted; nothing is deleted", kStoreGroup,
                 "  ingot repair --dry-run      says what it would do\n  ingot repair\n"
                 "  ingot repair qwen3:4b");
  const auto options = std::make_shared<RepairCommandOptions>();
  command.add_option("model", options->name, "Only this model; the whole store otherwise");
  command.add_flag("--dry-run", options->dry_run, "Say what would be done, do nothing");
  command.add_flag("--json", options->json, "Print JSON");
  command.callback([&session, options] {
    session.action = [options](Session& s) { return s.Finish(Repair(s, *options)); };
  });
}

}  // namespace ingot::cli
