// `ingot export`: a model of the store as a folder for mlx-lm and others.
#include "import/export.h"

#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/store_access.h"
#include "core/interrupt.h"
#include "core/strings.h"

namespace ingot::cli {
namespace {

using core::Result;
using core::StrCat;

struct ExportCommandOptions {
  std::string name;
  std::string folder;
  bool json = false;
};

Result<import::ExportOutcome> Export(Session& session, const ExportCommandOptions& options) {
  INGOT_ASSIGN(const store::ModelName name, store::ModelName::Parse(options.name));
  INGOT_ASSIGN(const store::Store store, OpenStore(session));
  const import::ExportOptions how{.progress = &session.progress(),
                                  .cancelled = [] { return core::Interrupted(); }};
  return import::ExportModel(store, name, options.folder, how);
}

Exit RunExport(Session& session, const ExportCommandOptions& options) {
  const Result<import::ExportOutcome> outcome = Export(session, options);
  if (!outcome.ok()) return session.Finish(outcome.status());
  if (options.json) {
    session.PrintJson({{"folder", options.folder},
                       {"files", outcome->files},
                       {"bytes", outcome->bytes},
                       {"tensors", outcome->tensors},
                       {"seconds", outcome->seconds},
                       {"warnings", outcome->warnings}});
    return Exit::kOk;
  }
  for (const std::string& warning : outcome->warnings) {
    session.Note(StrCat("Warning: ", core::Printable(warning, 2000), "\n"));
  }
  session.Print(StrCat(
      "Exported ", Counted(outcome->tensors, "tensor"), ", ", core::HumanBytes(outcome->bytes),
      " in ", Counted(outcome->files.size(), "file"), ", to ", Shown(core::Path(options.folder)),
      " in ", core::HumanDuration(outcome->seconds), "\n"));
  return Exit::kOk;
}

}  // namespace

void AddExportCommand(CLI::App& app, Session& session) {
  CLI::App& command =
      AddCommand(app, "export", "Write a model as a folder that mlx-lm reads", kStoreGroup,
                 "  ingot export qwen3:4b ./qwen3-4b-mlx\n"
                 "  mlx_lm.generate --model ./qwen3-4b-mlx --prompt hello");
  const auto options = std::make_shared<ExportCommandOptions>();
  command.add_option("model", options->name, "The model")->required();
  command.add_option("folder", options->folder, "A folder that does not exist yet, or is empty")
      ->required()
      ->type_name("DIR");
  command.add_flag("--json", options->json, "Print JSON");
  command.callback([&session, options] {
    session.action = [options](Session& s) { return RunExport(s, *options); };
  });
}

}  // namespace ingot::cli
