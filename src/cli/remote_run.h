// `ingot run` by way of a server that runs already: it has the model in memory, and what it read of
// earlier prompts. One thread.
#ifndef INGOT_CLI_REMOTE_RUN_H_
#define INGOT_CLI_REMOTE_RUN_H_

#include <string>

#include "cli/command.h"
#include "core/json.h"
#include "core/status.h"

namespace ingot::cli {

struct RemoteQuestion {
  std::string model;
  std::string prompt;
  std::string system;
  std::string think;  // as --think has it
  bool raw = false;
  bool verbose = false;
  core::Json options = core::Json::object();  // by their names
};

// Asks and shows the answer as it comes. False when there is nobody to ask: no server of ours
// answers where the environment says, or it does not have the model.
core::Result<bool> AskServer(Session& session, const RemoteQuestion& question);

}  // namespace ingot::cli

#endif  // INGOT_CLI_REMOTE_RUN_H_
