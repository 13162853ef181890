#include "server/ollama_request.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include "core/checked.h"
#include "core/strings.h"
#include "text/chat/message.h"

namespace ingot::server {
namespace {

using core::Json;
using core::Result;
using core::Status;
using core::StrCat;

constexpr int64_t kMostTopLogprobs = 20;
constexpr size_t kMaxContextTokens = size_t{16} << 20;

// They say how a model of another kind is laid out in memory, and change no answer.
constexpr std::array<std::string_view, 10> kLoadHints = {
    "num_keep",  "num_batch",  "num_gpu", "main_gpu", "use_mmap",
    "use_mlock", "num_thread", "numa",    "low_vram", "vocab_only"};

Status ReadModel(Fields& fields, ChatTask& task) {
  INGOT_ASSIGN(std::optional<std::string> model, fields.Text("model"));
  if (!model) {
    // As older clients call it.
    INGOT_ASSIGN(model, fields.Text("name"));
  }
  if (!model || model->empty()) return core::InvalidArgument("model is required");
  task.model = *std::move(model);
  return Status::Ok();
}

Status ReadFormat(Fields& fields, ChatTask& task) {
  const Json* format = fields.Take("format");
  if (format == nullptr) return Status::Ok();
  text::GrammarSpec spec;
  if (format->is_string()) {
    const std::string text = format->get<std::string>();
    if (text.empty()) return Status::Ok();
    if (text != "json") return WrongField("format", "\"json\" or a JSON schema", *format);
    spec.kind = text::GrammarKind::kJson;
  } else if (format->is_object()) {
    spec.kind = text::GrammarKind::kSchema;
    spec.text = format->dump();
  } else {
    return WrongField("format", "\"json\" or a JSON schema", *format);
  }
  task.format = std::move(spec);
  return Status::Ok();
}

Result<text::ThinkSetting> ReadThink(Fields& fields) {
  const Json* think = fields.Take("think");
  text::ThinkSetting setting;
  if (think == nullptr) return setting;
  if (think->is_boolean()) {
    setting.on = think->get<bool>();
    return setting;
  }
  if (think->is_string()) {
    auto parsed = text::ParseThink(think->get<std::string>());
    if (parsed.ok()) return parsed;
  }
  return WrongField("think", "true, false, \"low\", \"medium\", \"high\" or \"max\"", *think);
}

Status ReadLogprobs(Fields& fields, ChatTask& task) {
  INGOT_ASSIGN(const std::optional<bool> wanted, fields.Bool("logprobs"));
  INGOT_ASSIGN(const std::optional<int64_t> top, fields.Int("top_logprobs", 0, kMostTopLogprobs));
  if (wanted.value_or(false)) {
    task.logprobs = static_cast<int>(top.value_or(0));
  } else if (top.value_or(0) > 0) {
    return core::InvalidArgument("top_logprobs: needs logprobs to be true");
  }
  return Status::Ok();
}

// What both kinds of request have.
Status ReadShared(Fields& fields, OllamaRequest& request) {
  ChatTask& task = request.task;
  INGOT_TRY(ReadModel(fields, task));
  INGOT_ASSIGN(const std::optional<bool> stream, fields.Bool("stream"));
  request.stream = stream.value_or(true);
  INGOT_TRY(ReadFormat(fields, task));
  INGOT_TRY(ReadOptions(fields, task));
  INGOT_TRY(ReadLogprobs(fields, task));
  INGOT_ASSIGN(task.keep_alive, fields.Duration("keep_alive"));
  INGOT_ASSIGN(const std::optional<bool> truncate, fields.Bool("truncate"));
  task.truncate = truncate.value_or(true);
  // Answers end where the context does; nothing is ever shifted out of it.
  INGOT_ASSIGN(const std::optional<bool> shift, fields.Bool("shift"));
  if (shift.value_or(false)) return fields.Refuse({"shift"});
  INGOT_ASSIGN(const std::optional<bool> render, fields.Bool("_debug_render_only"));
  request.render_only = render.value_or(false);
  return Status::Ok();
}

Status RefuseImages(Fields& fields, const ChatTask& task) {
  const Json* images = fields.Take("images");
  if (images == nullptr) return Status::Ok();
  if (!images->is_array()) return WrongField("images", "a list of pictures", *images);
  if (images->empty()) return Status::Ok();
  return core::InvalidArgument(StrCat(core::Quoted(task.model, 200), " does not support images"));
}

Result<std::vector<int>> ReadContext(Fields& fields) {
  std::vector<int> tokens;
  const Json* context = fields.Take("context");
  if (context == nullptr) return tokens;
  if (!context->is_array() || context->size() > kMaxContextTokens) {
    return WrongField("context", "a list of token numbers", Json(context->type_name()));
  }
  for (const Json& token : *context) {
    std::optional<int> id;
    if (token.is_number_unsigned()) id = core::CheckedCast<int>(token.get<uint64_t>());
    if (!id) return WrongField("context", "a list of token numbers", token);
    tokens.push_back(*id);
  }
  return tokens;
}

text::Message TextMessage(std::string role, std::string text) {
  text::Message message;
  message.role = std::move(role);
  message.content.push_back({text::ContentPart::Kind::kText, std::move(text)});
  return message;
}

}  // namespace

Status ReadOptions(Fields& fields, ChatTask& task) {
  const Json* options = fields.Take("options");
  if (options == nullptr) return Status::Ok();
  if (!options->is_object()) return WrongField("options", "an object", *options);
  engine::RequestOptions tried;
  for (const auto& [name, value] : options->items()) {
    if (value.is_null()) continue;
    if (std::find(kLoadHints.begin(), kLoadHints.end(), name) != kLoadHints.end()) continue;
    const Status status = engine::SetOption(tried, name, value);
    if (!status.ok()) {
      return core::InvalidArgument(StrCat("options: ", status.message())).WithHint(status.hint());
    }
    task.settings.emplace_back(name, value);
  }
  return Status::Ok();
}

Result<OllamaRequest> ReadGenerate(std::string_view body) {
  INGOT_ASSIGN(Fields fields, Fields::Parse(body));
  OllamaRequest request;
  ChatTask& task = request.task;
  INGOT_TRY(ReadShared(fields, request));
  INGOT_ASSIGN(const std::optional<std::string> suffix, fields.Text("suffix"));
  if (suffix && !suffix->empty()) {
    return core::InvalidArgument(
        StrCat("suffix: ", core::Quoted(task.model, 200), " does not support insert"));
  }
  INGOT_TRY(RefuseImages(fields, task));
  INGOT_ASSIGN(const std::optional<std::string> prompt, fields.Text("prompt"));
  INGOT_ASSIGN(const std::optional<std::string> system, fields.Text("system"));
  INGOT_ASSIGN(const std::optional<std::string> chat_template, fields.Text("template"));
  INGOT_ASSIGN(const std::optional<bool> raw, fields.Bool("raw"));
  INGOT_ASSIGN(task.context, ReadContext(fields));
  INGOT_ASSIGN(const text::ThinkSetting think, ReadThink(fields));
  INGOT_TRY(fields.Done());

  request.wants_context = !raw.value_or(false);
  request.empty = !prompt || prompt->empty();
  if (raw.value_or(false)) {
    if ((system && !system->empty()) || (chat_template && !chat_template->empty()) ||
        !task.context.empty()) {
      return core::InvalidArgument("raw mode does not support template, system, or context");
    }
    task.raw = prompt.value_or("");
    return request;
  }
  if (chat_template && !chat_template->empty()) task.chat_template = chat_template;
  text::ChatRequest chat;
  if (system && !system->empty()) chat.messages.push_back(TextMessage("system", *system));
  chat.messages.push_back(TextMessage("user", prompt.value_or("")));
  chat.think = think;
  task.chat = std::move(chat);
  return request;
}

Result<OllamaRequest> ReadChat(std::string_view body) {
  INGOT_ASSIGN(Fields fields, Fields::Parse(body));
  OllamaRequest request;
  ChatTask& task = request.task;
  INGOT_TRY(ReadShared(fields, request));
  text::ChatRequest chat;
  INGOT_ASSIGN(chat.think, ReadThink(fields));
  if (const Json* messages = fields.Take("messages")) {
    Result<std::vector<text::Message>> read = text::MessagesFromJson(*messages);
    if (!read.ok()) return core::InvalidArgument(std::string(read.status().message()));
    chat.messages = *std::move(read);
  }
  if (const Json* tools = fields.Take("tools")) {
    Result<Json> read = text::ToolsFromJson(*tools);
    if (!read.ok()) return core::InvalidArgument(std::string(read.status().message()));
    chat.tools = *std::move(read);
  }
  INGOT_TRY(fields.Done());
  request.empty = chat.messages.empty();
  task.chat = std::move(chat);
  return request;
}

}  // namespace ingot::server
