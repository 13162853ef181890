// The table of commands, in the order that help shows them.
#ifndef INGOT_CLI_COMMANDS_H_
#define INGOT_CLI_COMMANDS_H_

#include <span>
#include <string>

#include "cli/command.h"

namespace ingot::cli {

// Puts one command on the parser. The session outlives the parser.
using Registrar = void (*)(CLI::App& app, Session& session);

std::span<const Registrar> Commands();

// Headings of the help page.
inline const std::string kRunGroup = "Run models";
inline const std::string kStoreGroup = "Models in the store";
inline const std::string kTextGroup = "Text and tokens";
inline const std::string kMachineGroup = "This machine";

void AddBenchCommand(CLI::App& app, Session& session);
void AddCopyCommand(CLI::App& app, Session& session);
void AddCreateCommand(CLI::App& app, Session& session);
void AddDoctorCommand(CLI::App& app, Session& session);
void AddEmbedCommand(CLI::App& app, Session& session);
void AddExportCommand(CLI::App& app, Session& session);
void AddGcCommand(CLI::App& app, Session& session);
void AddImportStoreCommand(CLI::App& app, Session& session);
void AddListCommand(CLI::App& app, Session& session);
void AddLogitsCommand(CLI::App& app, Session& session);
void AddPplCommand(CLI::App& app, Session& session);
void AddPsCommand(CLI::App& app, Session& session);
void AddPullCommand(CLI::App& app, Session& session);
void AddPushCommand(CLI::App& app, Session& session);
void AddRemoveCommand(CLI::App& app, Session& session);
void AddRenderCommand(CLI::App& app, Session& session);
void AddRepairCommand(CLI::App& app, Session& session);
void AddRunCommand(CLI::App& app, Session& session);
void AddServeCommand(CLI::App& app, Session& session);
void AddShowCommand(CLI::App& app, Session& session);
void AddStopCommand(CLI::App& app, Session& session);
void AddTokenizeCommand(CLI::App& app, Session& session);
void AddVerifyCommand(CLI::App& app, Session& session);
void AddVersionCommand(CLI::App& app, Session& session);

}  // namespace ingot::cli

#endif  // INGOT_CLI_COMMANDS_H_
