#include "cli/version.h"

#include <memory>

#include <CLI/CLI.hpp>

#include "cli/commands.h"

namespace ingot::cli {

std::string Version() { return INGOT_VERSION; }
std::string VersionLine() { return "ingot version " + Version(); }

void AddVersionCommand(CLI::App& app, Session& session) {
  CLI::App& command = AddCommand(app, "version", "Show the version", kMachineGroup,
                                 "  ingot version\n  ingot version --json");
  const auto json = std::make_shared<bool>(false);
  command.add_flag("--json", *json, "Print JSON");
  command.callback([&session, json] {
    session.action = [json](Session& s) {
      if (*json) {
        s.PrintJson({{"version", Version()}});
      } else {
        s.Print(VersionLine() + "\n");
      }
      return Exit::kOk;
    };
  });
}

}  // namespace ingot::cli
