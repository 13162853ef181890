// A conversation at a terminal: asks, answers, remembers, and takes commands that begin with a
// slash. Ctrl-C stops an answer, Ctrl-D leaves. Answers come from a model of this process, or from
// a server that runs already.
//
// One thread.
#ifndef INGOT_CLI_CHAT_H_
#define INGOT_CLI_CHAT_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "cli/line_editor.h"
#include "core/interrupt.h"
#include "core/json.h"
#include "core/status.h"
#include "engine/generator.h"
#include "engine/loaded_model.h"
#include "engine/model_files.h"
#include "engine/request_options.h"
#include "text/chat/message.h"

namespace ingot::cli {

// How a conversation begins, and what `/set` changes.
struct ChatSetup {
  engine::RequestOptions options;
  std::string system;
  core::Json messages = core::Json::array();  // what was said before, without the system message
  text::ThinkSetting think;
  int logprobs = -1;  // as GenerationLimits has it
  bool ignore_end = false;
  bool verbose = false;  // timings after each answer
};

// The messages, with the system message in front if there is one.
core::Json Conversation(const ChatSetup& setup);
core::Result<engine::ChatPrompt> PreparePrompt(const engine::LoadedModel& model,
                                               const ChatSetup& setup);
engine::Generator MakeGenerator(const engine::LoadedModel& model, const ChatSetup& setup);

// A model of a server's.
struct RemoteModel {
  std::string name;
  core::Json options = core::Json::object();  // those that were asked for; the server has the rest
};

class Chat {
 public:
  // All of them outlive the chat.
  Chat(Session& session, const engine::ModelFiles& files, const engine::LoadedModel& model,
       ChatSetup setup);
  Chat(Session& session, RemoteModel remote, ChatSetup setup);

  // Until the person leaves; fails when SIGTERM came.
  core::Status Run();

 private:
  struct Command;
  static const std::vector<Command>& Commands();
  static const std::vector<Command>& Settings();
  static const std::vector<Command>& Views();

  std::optional<std::string> ReadInput();
  core::Status Say(std::string text);
  core::Status Answer();
  // What was answered goes to the conversation, whether all of it came or not.
  core::Status AnswerHere();
  core::Status AskTheServer();
  void Remember(const std::string& thinking, const std::string& text, const core::Json& calls);
  // Of the model's files; kNotFound where a server has them.
  core::Result<const engine::ModelFiles*> Files() const;
  core::Status Obey(std::string_view line);
  core::Status Choose(const std::vector<Command>& commands, std::string_view parent,
                      std::string_view line);
  std::string HelpText() const;
  void LoadHistory();
  void SaveHistory();
  core::Json Conversation() const;

  core::Status SetParameter(std::string_view text);
  core::Status SetThinking(std::string_view text);
  core::Status ShowInfo();
  core::Status ShowTemplate();
  core::Status ShowLayer(std::string_view media_type, std::string_view what);

  Session& session_;
  const engine::ModelFiles* files_ = nullptr;   // of model_
  const engine::LoadedModel* model_ = nullptr;  // or else remote_
  std::optional<RemoteModel> remote_;
  ChatSetup setup_;
  LineEditor editor_;
  InputHistory history_;
  bool save_history_ = true;
  core::PatientInterrupts interrupts_;
  std::optional<engine::PrefixMemory> memory_;  // of what model_ has read of the conversation
  bool left_ = false;
};

}  // namespace ingot::cli

#endif  // INGOT_CLI_CHAT_H_
