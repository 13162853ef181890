#include "cli/commands.h"

#include <array>

namespace ingot::cli {

std::span<const Registrar> Commands() {
  static constexpr std::array kCommands = {
      &AddRunCommand,  &AddLogitsCommand, &AddListCommand,    &AddShowCommand,
      &AddCopyCommand, &AddRemoveCommand, &AddVerifyCommand,  &AddRepairCommand,
      &AddGcCommand,   &AddDoctorCommand, &AddVersionCommand,
  };
  return kCommands;
}

}  // namespace ingot::cli
