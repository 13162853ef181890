// `ingot list`: the models there are.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/store_access.h"
#include "cli/table.h"
#include "core/strings.h"

namespace ingot::cli {
namespace {

struct ListOptions {
  std::string prefix;
  bool json = false;
};

core::Json ToJson(const store::Store& store, const store::StoredModel& model) {
  core::Json entry = {{"name", model.name.Short()},
                      {"digest", model.raw.id.Hex()},
                      {"size", model.manifest().TotalSize()},
                      {"modified_at", core::Rfc3339(model.modified_ns)}};
  // A damaged config is `verify`'s business.
  if (const auto config = store.ReadConfig(model.manifest()); config.ok()) {
    entry["format"] = config->model_format;
    entry["quantization"] = config->file_type;
  }
  return entry;
}

core::Status List(Session& session, const ListOptions& options) {
  INGOT_ASSIGN(const store::Store store, OpenStore(session));
  INGOT_ASSIGN(store::ManifestScan scan, store.Scan());
  const std::string prefix = core::ToLower(options.prefix);
  std::erase_if(scan.models, [&](const store::StoredModel& model) {
    return !core::ToLower(model.name.Short()).starts_with(prefix);
  });
  std::stable_sort(scan.models.begin(), scan.models.end(),
                   [](const auto& a, const auto& b) { return a.modified_ns > b.modified_ns; });
  for (const store::UnreadableManifest& manifest : scan.unreadable) {
    session.Note(core::StrCat("Warning: the manifest of ", manifest.name->Short(),
                              " cannot be read: ", core::Printable(manifest.error.message(), 1000),
                              "\n"));
  }
  if (!scan.unreadable.empty()) session.Note("`ingot repair` sets such manifests aside.\n");

  if (options.json) {
    core::Json models = core::Json::array();
    for (const store::StoredModel& model : scan.models) models.push_back(ToJson(store, model));
    core::Json unreadable = core::Json::array();
    for (const store::UnreadableManifest& manifest : scan.unreadable) {
      unreadable.push_back({{"name", manifest.name->Short()}, {"error", manifest.error.message()}});
    }
    session.PrintJson({{"models", std::move(models)}, {"unreadable", std::move(unreadable)}});
    return core::Status::Ok();
  }
  Table table;
  table.AddRow({"NAME", "ID", "SIZE", "MODIFIED"});
  const int64_t now = store.clock().WallNs();
  for (const store::StoredModel& model : scan.models) {
    table.AddRow({model.name.Short(), model.raw.id.Short(),
                  core::HumanBytes(model.manifest().TotalSize()),
                  HowLongAgo(model.modified_ns, now)});
  }
  session.Print(table.Render());
  return core::Status::Ok();
}

}  // namespace

void AddListCommand(CLI::App& app, Session& session) {
  CLI::App& command =
      AddCommand(app, "list", "List the models in the store", kStoreGroup,
                 "  ingot list\n  ingot list qwen        those whose name begins so\n"
                 "  ingot list --json");
  command.alias("ls");
  const auto options = std::make_shared<ListOptions>();
  command.add_option("prefix", options->prefix, "Only names that begin with this");
  command.add_flag("--json", options->json, "Print JSON");
  command.callback([&session, options] {
    session.action = [options](Session& s) { return s.Finish(List(s, *options)); };
  });
}

}  // namespace ingot::cli
