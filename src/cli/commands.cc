#include "cli/commands.h"

#include <array>

namespace ingot::cli {

std::span<const Registrar> Commands() {
  // clang-format off
  static constexpr std::array kCommands = {
      &AddRunCommand,
      &AddServeCommand,
      &AddPsCommand,
      &AddStopCommand,
      &AddEmbedCommand,
      &AddLogitsCommand,
      &AddPplCommand,
      &AddBenchCommand,
      &AddCreateCommand,
      &AddPullCommand,
      &AddPushCommand,
      &AddImportStoreCommand,
      &AddListCommand,
      &AddShowCommand,
      &AddExportCommand,
      &AddCopyCommand,
      &AddRemoveCommand,
      &AddVerifyCommand,
      &AddRepairCommand,
      &AddGcCommand,
      &AddTokenizeCommand,
      &AddRenderCommand,
      &AddDoctorCommand,
      &AddVersionCommand,
  };
  // clang-format on
  return kCommands;
}

}  // namespace ingot::cli
