// `ingot gc`: frees what no model needs.
#include "store/gc.h"

#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/store_access.h"
#include "core/strings.h"

namespace ingot::cli {
namespace {

struct GcCommandOptions {
  bool dry_run = false;
  bool json = false;
};

core::Json ToJson(const store::GcCount& count) {
  return {{"files", count.files}, {"bytes", count.bytes}};
}

core::Json ToJson(const store::GcReport& report, bool dry_run) {
  core::Json paths = core::Json::array();
  for (const core::Path& path : report.removed) paths.push_back(path.native());
  return {{"dry_run", dry_run},
          {"removed", {{"blobs", ToJson(report.blobs)}, {"leftovers", ToJson(report.leftovers)}}},
          {"kept",
           {{"needed", ToJson(report.needed)},
            {"young", ToJson(report.young)},
            {"in_use", ToJson(report.in_use)},
            {"rescued", ToJson(report.rescued)},
            {"downloads", ToJson(report.downloads)},
            {"partials", ToJson(report.partials)},
            {"strangers", ToJson(report.strangers)}}},
          {"paths", std::move(paths)}};
}

std::string Amount(const store::GcCount& count, std::string_view noun) {
  return core::StrCat(Counted(count.files, noun), ", ", core::HumanBytes(count.bytes));
}

void Tell(Session& session, const store::GcReport& report, bool dry_run) {
  const std::string verb = dry_run ? "Would remove " : "Removed ";
  if (report.removed.empty()) session.Print("Nothing to remove.\n");
  if (report.blobs.files > 0) session.Print(verb + Amount(report.blobs, "blob") + ".\n");
  if (report.leftovers.files > 0) {
    session.Print(verb + Amount(report.leftovers, "leftover file") +
                  " of processes that are gone.\n");
  }
  const auto kept = [&](const store::GcCount& count, std::string_view noun, std::string_view why) {
    if (count.files == 0) return;
    session.Print(core::StrCat("Kept ", Amount(count, noun), ": ", why, ".\n"));
  };
  kept(report.young, "blob", "under an hour old");
  kept(report.in_use, "blob", "in use by a running process");
  kept(report.rescued, "blob",
       "mentioned by a manifest in ingot/quarantine, which you may remove by hand");
  kept(report.downloads, "file", "of downloads that `ingot pull` goes on with");
  kept(report.partials, "file", "another program's unfinished downloads");
  kept(report.strangers, "file", "not blobs by their names");
}

core::Status CollectGarbage(Session& session, const GcCommandOptions& options) {
  INGOT_ASSIGN(const store::Store store, OpenStore(session));
  INGOT_ASSIGN(const store::GcReport report,
               store::CollectGarbage(store, {.dry_run = options.dry_run}));
  if (options.json) {
    session.PrintJson(ToJson(report, options.dry_run));
  } else {
    Tell(session, report, options.dry_run);
  }
  return core::Status::Ok();
}

}  // namespace

void AddGcCommand(CLI::App& app, Session& session) {
  CLI::App& command =
      AddCommand(app, "gc", "Remove blobs that no model needs, and what killed processes left",
                 kStoreGroup, "  ingot gc --dry-run      says what would go\n  ingot gc");
  const auto options = std::make_shared<GcCommandOptions>();
  command.add_flag("--dry-run", options->dry_run, "Say what would be removed, remove nothing");
  command.add_flag("--json", options->json, "Print JSON");
  command.callback([&session, options] {
    session.action = [options](Session& s) { return s.Finish(CollectGarbage(s, *options)); };
  });
}

}  // namespace ingot::cli
