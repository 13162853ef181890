// `ingot run` by way of a server that runs already: it has the model in memory, and what it read of
// earlier prompts. One thread.
#ifndef INGOT_CLI_REMOTE_RUN_H_
#define INGOT_CLI_REMOTE_RUN_H_

#include <string>

#include "cli/command.h"
#include "core/json.h"
#include "core/status.h"
#include "text/chat/message.h"

namespace ingot::cli {

struct RemoteQuestion {
  std::string model;
  // A whole conversation, its system message in front; or what is asked by itself.
  core::Json messages = core::Json::array();
  std::string prompt;
  std::string system;
  text::ThinkSetting think;
  bool raw = false;
  bool verbose = false;
  core::Json options = core::Json::object();  // by their names
};

// What was answered, as messages have it.
struct RemoteAnswer {
  std::string thinking;
  std::string text;
  core::Json calls = core::Json::array();
};

// Asks and shows the answer as it comes. False when there is nobody to ask: no server of ours
// answers where the environment says, or it does not have the model. An answer that was stopped
// half-way is kCancelled, and what there was of it is in `said`.
core::Result<bool> AskServer(Session& session, const RemoteQuestion& question,
                             RemoteAnswer* said = nullptr);

// Whether there is somebody to ask.
bool ServerHas(const std::string& model);

}  // namespace ingot::cli

#endif  // INGOT_CLI_REMOTE_RUN_H_
