#include "cli/chat.h"

#include <unistd.h>

#include <cstdlib>
#include <utility>
#include <vector>

#include "cli/answer.h"
#include "cli/remote_run.h"
#include "core/strings.h"
#include "engine/generator.h"

namespace ingot::cli {
namespace {

using core::Status;

constexpr std::string_view kQuotes = "\"\"\"";

// Whether a text in triple quotes has been opened and not closed.
bool IsOpen(std::string_view input) {
  size_t count = 0;
  for (size_t at = input.find(kQuotes); at != std::string_view::npos;
       at = input.find(kQuotes, at + kQuotes.size())) {
    ++count;
  }
  return count % 2 == 1;
}

std::string WithoutQuotes(std::string text) {
  for (size_t at = text.find(kQuotes); at != std::string::npos; at = text.find(kQuotes, at)) {
    text.erase(at, kQuotes.size());
  }
  return text;
}

// Only a text that begins with them is quoted, or one that a command sets.
bool MayBeQuoted(std::string_view input) {
  return core::Trim(input).starts_with(kQuotes) || input.starts_with("/set ");
}

std::optional<core::Path> HistoryPath() {
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') return std::nullopt;
  return core::Path(home) / ".ingot" / "history";
}

}  // namespace

core::Json Conversation(const ChatSetup& setup) {
  core::Json messages = core::Json::array();
  if (!setup.system.empty()) messages.push_back({{"role", "system"}, {"content", setup.system}});
  for (const core::Json& message : setup.messages) messages.push_back(message);
  return messages;
}

core::Result<engine::ChatPrompt> PreparePrompt(const engine::LoadedModel& model,
                                               const ChatSetup& setup) {
  text::ChatRequest request;
  INGOT_ASSIGN(request.messages, text::MessagesFromJson(Conversation(setup)));
  request.think = setup.think;
  return model.PrepareChat(std::move(request));
}

engine::Generator MakeGenerator(const engine::LoadedModel& model, const ChatSetup& setup) {
  engine::RequestOptions options = setup.options;
  engine::ResolveBreakers(model.tokenizer(), options);
  options.sampling.suppressed = model.suppressed_tokens();
  engine::GenerationLimits limits;
  limits.max_tokens = options.num_predict;
  limits.context = options.num_ctx;
  limits.end = model.end_tokens();
  limits.ignore_end = setup.ignore_end;
  limits.logprobs = setup.logprobs;
  return engine::Generator(model.language(), options.sampling, std::move(limits));
}

Chat::Chat(Session& session, const engine::ModelFiles& files, const engine::LoadedModel& model,
           ChatSetup setup)
    : session_(session),
      files_(&files),
      model_(&model),
      setup_(std::move(setup)),
      editor_(STDIN_FILENO, session.out()),
      memory_(model.language()) {}

Chat::Chat(Session& session, RemoteModel remote, ChatSetup setup)
    : session_(session),
      remote_(std::move(remote)),
      setup_(std::move(setup)),
      editor_(STDIN_FILENO, session.out()) {}

void Chat::LoadHistory() {
  constexpr uint64_t kMost = uint64_t{16} << 20;
  const std::optional<core::Path> path = HistoryPath();
  if (!path) return;
  const core::Result<std::string> text = core::ReadSmallFile(session_.env(), *path, kMost);
  if (text.ok()) history_ = InputHistory::Parse(*text);
}

void Chat::SaveHistory() {
  const std::optional<core::Path> path = HistoryPath();
  if (!path || !save_history_) return;
  // A history that cannot be kept is no reason to stop talking.
  if (!session_.env().CreateDirs(path->parent_path()).ok()) return;
  if (!core::WriteFileAtomic(session_.env(), *path, history_.Text()).ok()) return;
  std::error_code ignored;
  std::filesystem::permissions(
      *path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write, ignored);
}

std::optional<std::string> Chat::ReadInput() {
  std::string input;
  bool more = false;
  while (true) {
    std::string line;
    switch (editor_.Read(more ? "... " : ">>> ", history_, line)) {
      case LineEditor::Outcome::kEnd:
        return std::nullopt;
      case LineEditor::Outcome::kInterrupted:
        if (!core::PatientInterrupts::Forget()) return std::nullopt;
        if (!more && line.empty()) session_.Print("Use Ctrl-D or /bye to leave.\n");
        input.clear();
        more = false;
        continue;
      case LineEditor::Outcome::kLine:
        break;
    }
    input += more ? "\n" + line : line;
    more = MayBeQuoted(input) && IsOpen(input);
    if (more) continue;
    history_.Add(input);
    SaveHistory();
    return MayBeQuoted(input) ? WithoutQuotes(std::move(input)) : input;
  }
}

core::Json Chat::Conversation() const { return cli::Conversation(setup_); }

Status Chat::Say(std::string text) {
  setup_.messages.push_back({{"role", "user"}, {"content", std::move(text)}});
  Status status = Answer();
  // What could not be answered was not said.
  if (!status.ok() && setup_.messages.back()["role"] == "user") {
    setup_.messages.erase(setup_.messages.end() - 1);
  }
  return status;
}

void Chat::Remember(const std::string& thinking, const std::string& text, const core::Json& calls) {
  core::Json reply = {{"role", "assistant"}, {"content", text}};
  if (!thinking.empty()) reply["thinking"] = thinking;
  if (!calls.empty()) reply["tool_calls"] = calls;
  setup_.messages.push_back(std::move(reply));
}

Status Chat::AnswerHere() {
  INGOT_ASSIGN(engine::ChatPrompt prompt, PreparePrompt(*model_, setup_));
  cli::Answer answer(session_, model_->tokenizer(), std::move(prompt.parser), setup_.options.stop,
                     /*quiet=*/false);
  INGOT_ASSIGN(
      const engine::GenerationResult result,
      MakeGenerator(*model_, setup_)
          .Run(
              prompt.tokens, [&](const engine::GeneratedToken& token) { return answer.Add(token); },
              [] { return core::Interrupted(); }, &*memory_));
  answer.Finish();
  Remember(answer.thinking(), answer.text(), answer.calls());
  if (result.finish == engine::Finish::kCancelled) return core::Cancelled("interrupted");
  if (setup_.verbose) session_.Print("\n" + TimingsText(result.timings));
  return Status::Ok();
}

Status Chat::AskTheServer() {
  RemoteQuestion question;
  question.model = remote_->name;
  question.messages = Conversation();
  question.think = setup_.think;
  question.options = remote_->options;
  question.verbose = setup_.verbose;
  RemoteAnswer said;
  const core::Result<bool> asked = AskServer(session_, question, &said);
  if (!asked.ok()) {
    if (asked.status().code() == core::Code::kCancelled) {
      Remember(said.thinking, said.text, said.calls);
    }
    return asked.status();
  }
  if (!*asked) {
    return core::NotFound("the server has gone, or has the model no more")
        .WithHint("Leave with Ctrl-D and begin anew to load it here.");
  }
  Remember(said.thinking, said.text, said.calls);
  return Status::Ok();
}

Status Chat::Answer() {
  Status status = remote_ ? AskTheServer() : AnswerHere();
  const bool stopped = status.code() == core::Code::kCancelled;
  if (!status.ok() && !stopped) return status;
  // SIGTERM ends the conversation, Ctrl-C its answer.
  if (stopped && !core::PatientInterrupts::Forget()) return core::CheckInterrupted();
  session_.Print("\n");
  return Status::Ok();
}

Status Chat::Run() {
  LoadHistory();
  session_.Print("Ask, or type /? for help. Ctrl-D leaves.\n");
  while (!left_) {
    session_.Flush();
    const std::optional<std::string> input = ReadInput();
    // Ctrl-C that came after an answer had ended, and before the next line was asked for.
    if (!core::PatientInterrupts::Forget()) return core::CheckInterrupted();
    if (!input) break;
    const std::string_view text = core::Trim(*input);
    if (text.empty()) continue;
    Status status = text.starts_with("/") ? Obey(text) : Say(std::string(text));
    if (status.code() == core::Code::kCancelled) return status;
    if (!status.ok()) session_.PrintError(status);
    // Ctrl-C that came too late to stop anything.
    if (!core::PatientInterrupts::Forget()) return core::CheckInterrupted();
  }
  return Status::Ok();
}

}  // namespace ingot::cli
