#include "server/prompt.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/clock.h"
#include "core/strings.h"
#include "server/model_defaults.h"
#include "store/name.h"
#include "text/chat/chat_template.h"

namespace ingot::server {
namespace {

using core::Result;
using core::Status;
using core::StrCat;

// Far more than a context holds; each costs work before that is known.
constexpr size_t kMostMessages = 10'000;

Status CheckNumbers(const engine::RequestOptions& options) {
  if (options.num_predict < -2) return core::InvalidArgument("num_predict: expected -2 or more");
  if (options.num_ctx < 0) return core::InvalidArgument("num_ctx: expected 0 or more");
  return Status::Ok();
}

// No model here sees: a placeholder without its picture would be an answer to another question.
Status RefuseImages(const ChatTask& task) {
  for (const text::Message& message : task.chat->messages) {
    if (!message.HasImages()) continue;
    return core::InvalidArgument(StrCat(core::Quoted(task.model, 200), " does not support images"));
  }
  return Status::Ok();
}

// What the model cannot do, by name.
Status CheckAbilities(const engine::LoadedModel& model, ChatTask& task) {
  text::ChatRequest& chat = *task.chat;
  if (chat.messages.size() > kMostMessages) {
    return core::InvalidArgument(
        StrCat("messages: at most ", kMostMessages, " are taken, found ", chat.messages.size()));
  }
  INGOT_TRY(RefuseImages(task));
  const bool template_given = task.chat_template.has_value();
  if (chat.HasTools() && !model.chat().shows_tools() && !template_given) {
    return core::InvalidArgument(StrCat(core::Quoted(task.model, 200), " does not support tools"));
  }
  if (!model.chat().turns_thinking() && !template_given) {
    if (chat.think.on.value_or(false) && !task.relaxed_thinking) {
      return core::InvalidArgument(
          StrCat(core::Quoted(task.model, 200), " does not support thinking"));
    }
    chat.think = {};
  } else if (!chat.think.on) {
    chat.think.on = true;
  }
  return Status::Ok();
}

// The conversation as the model sees it: SYSTEM, MESSAGEs, then what was asked.
Status AddModelTurns(Context& context, const engine::LoadedModel& model,
                     const store::StoredModel* stored, text::ChatRequest& chat) {
  std::vector<text::Message> front;
  const bool has_system = !chat.messages.empty() && chat.messages[0].role == "system";
  if (!has_system && !model.chat().system().empty()) {
    text::Message system;
    system.role = "system";
    system.content.push_back({text::ContentPart::Kind::kText, model.chat().system()});
    front.push_back(std::move(system));
  }
  if (stored != nullptr) {
    INGOT_ASSIGN(std::vector<text::Message> own, ModelMessages(context.store, *stored));
    std::move(own.begin(), own.end(), std::back_inserter(front));
  }
  // A system turn of the request stays in front of what the model brings.
  chat.messages.insert(chat.messages.begin() + (has_system ? 1 : 0),
                       std::make_move_iterator(front.begin()),
                       std::make_move_iterator(front.end()));
  return Status::Ok();
}

struct Rendered {
  std::vector<int> tokens;
  std::string text;
  bool in_thinking = false;
  std::unique_ptr<text::OutputParser> parser;
};

Result<Rendered> Render(const engine::LoadedModel& model, const ChatTask& task) {
  text::ChatRequest request = *task.chat;
  if (request.wall_ns == 0) request.wall_ns = core::Clock::System().WallNs();
  text::RenderedChat prompt;
  if (task.chat_template) {
    text::ChatSources sources;
    sources.modelfile_template = *task.chat_template;
    Result<text::ChatTemplate> given = text::ChatTemplate::Load(sources);
    if (!given.ok()) return core::InvalidArgument(std::string(given.status().message()));
    INGOT_ASSIGN(prompt, given->Render(request));
  } else {
    INGOT_ASSIGN(prompt, model.chat().Render(request));
  }
  Rendered rendered;
  INGOT_ASSIGN(const std::vector<text::TokenId> ids,
               engine::EncodeChatPrompt(*model.tokenizer(), model.chat(), prompt));
  rendered.tokens.assign(ids.begin(), ids.end());
  rendered.text = prompt.text();
  rendered.in_thinking = prompt.in_thinking;
  INGOT_ASSIGN(rendered.parser, model.chat().NewParser(request, prompt));
  return rendered;
}

// Messages that go together where a conversation is too long: one, and the results of its calls.
struct Turn {
  size_t begin = 0;
  size_t end = 0;
};

// Those that may go, oldest first: no system turn, and not the last message.
std::vector<Turn> TurnsThatMayGo(const std::vector<text::Message>& messages) {
  std::vector<Turn> turns;
  for (size_t at = 0; at + 1 < messages.size();) {
    const std::string& role = messages[at].role;
    Turn turn{at, at + 1};
    while (turn.end + 1 < messages.size() && messages[turn.end].role == "tool") ++turn.end;
    if (role == "system" || role == "developer") {
      turn.end = at + 1;
    } else {
      turns.push_back(turn);
    }
    at = turn.end;
  }
  return turns;
}

// Without the oldest turns, all but the last `kept`.
std::vector<text::Message> KeepLast(const std::vector<text::Message>& messages,
                                    const std::vector<Turn>& turns, size_t kept) {
  std::vector<text::Message> left;
  size_t at = 0;
  for (size_t i = 0; i + kept < turns.size(); ++i) {
    left.insert(left.end(), messages.begin() + static_cast<ptrdiff_t>(at),
                messages.begin() + static_cast<ptrdiff_t>(turns[i].begin));
    at = turns[i].end;
  }
  left.insert(left.end(), messages.begin() + static_cast<ptrdiff_t>(at), messages.end());
  return left;
}

// A prompt of the conversation that leaves room for an answer, with as many turns as do. Found from
// its end, so that what it costs depends on the room and not on the square of what was sent.
Result<Rendered> RenderToFit(const engine::LoadedModel& model, ChatTask& task, size_t room) {
  INGOT_ASSIGN(Rendered all, Render(model, task));
  if (all.tokens.size() < room || !task.truncate) return all;
  const std::vector<text::Message> messages = std::move(task.chat->messages);
  const std::vector<Turn> turns = TurnsThatMayGo(messages);
  const auto render = [&](size_t kept) {
    task.chat->messages = KeepLast(messages, turns, kept);
    return Render(model, task);
  };
  // Too long even so: the engine says it.
  INGOT_ASSIGN(Rendered best, render(0));
  if (best.tokens.size() >= room || turns.empty()) return best;
  size_t fits = 0;
  size_t too_many = turns.size();
  for (size_t kept = 1; fits + 1 < too_many;) {
    INGOT_ASSIGN(Rendered rendered, render(kept));
    if (rendered.tokens.size() < room) {
      fits = kept;
      best = std::move(rendered);
    } else {
      too_many = kept;
    }
    kept = too_many == turns.size() ? std::min(2 * kept, fits + (too_many - fits + 1) / 2)
                                    : fits + (too_many - fits) / 2;
  }
  task.chat->messages = KeepLast(messages, turns, fits);
  return best;
}

Result<engine::RequestOptions> MakeOptions(Context& context, const store::StoredModel* stored,
                                           const ChatTask& task) {
  engine::RequestOptions options = task.base;
  if (stored != nullptr) INGOT_TRY(ApplyParameters(context.store, *stored, options));
  for (const auto& [name, value] : task.settings) {
    INGOT_TRY(engine::SetOption(options, name, value));
  }
  INGOT_TRY(CheckNumbers(options));
  return options;
}

}  // namespace

Result<Prompt> MakePrompt(Context& context, const engine::LoadedModel& model, ChatTask& task) {
  std::optional<store::StoredModel> stored;
  if (const auto name = store::ModelName::Parse(task.model); name.ok()) {
    auto read = context.store.Read(*name);
    if (read.ok()) stored = *std::move(read);
  }
  const store::StoredModel* known = stored ? &*stored : nullptr;
  Prompt prompt;
  INGOT_ASSIGN(prompt.options, MakeOptions(context, known, task));
  const int vocabulary = model.language().shape().vocabulary;
  INGOT_TRY(engine::Validate(prompt.options.sampling, vocabulary));
  if (!task.tokens.empty()) {
    prompt.tokens = std::move(task.tokens);
    return prompt;
  }
  if (model.tokenizer() == nullptr) {
    return core::InvalidArgument(
        StrCat(core::Quoted(task.model, 200), " has no tokenizer, so it understands no text"));
  }
  prompt.tokens = std::move(task.context);
  if (!task.chat) {
    INGOT_ASSIGN(const std::vector<int> tokens, model.EncodeRaw(task.raw));
    prompt.tokens.insert(prompt.tokens.end(), tokens.begin(), tokens.end());
    prompt.text = task.raw;
    return prompt;
  }
  // What may not be called is not shown.
  if (task.tool_choice.mode == ToolChoice::Mode::kNone) task.chat->tools = nullptr;
  INGOT_TRY(CheckAbilities(model, task));
  // A conversation that goes on has them in front already.
  if (prompt.tokens.empty()) {
    INGOT_TRY(AddModelTurns(context, model, known, *task.chat));
    INGOT_TRY(RefuseImages(task));  // the model's own turns may have some
  }
  const int most = model.language().shape().context;
  const int context_size =
      prompt.options.num_ctx > 0 ? std::min(prompt.options.num_ctx, most) : most;
  const size_t room = static_cast<size_t>(context_size) -
                      std::min(prompt.tokens.size(), static_cast<size_t>(context_size));
  INGOT_ASSIGN(Rendered rendered, RenderToFit(model, task, room));
  prompt.tokens.insert(prompt.tokens.end(), rendered.tokens.begin(), rendered.tokens.end());
  prompt.text = std::move(rendered.text);
  prompt.in_thinking = rendered.in_thinking;
  prompt.parser = std::move(rendered.parser);
  return prompt;
}

}  // namespace ingot::server
