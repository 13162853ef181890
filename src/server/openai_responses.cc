#include "server/openai_responses.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/strings.h"
#include "server/openai_fields.h"
#include "server/ruled_fields.h"

namespace ingot::server {
namespace {

using core::Json;
using core::Status;
using core::StrCat;

constexpr std::array kRules = {
    FieldRule{"model"},
    FieldRule{"input"},
    FieldRule{"instructions"},
    FieldRule{"max_output_tokens"},
    FieldRule{"temperature"},
    FieldRule{"top_p"},
    FieldRule{"top_logprobs"},
    FieldRule{"tools"},
    FieldRule{"tool_choice"},
    FieldRule{"parallel_tool_calls"},
    FieldRule{"text"},
    FieldRule{"reasoning"},
    FieldRule{"include"},
    FieldRule{"stream"},
    FieldRule{"stream_options"},
    FieldRule{"store"},
    FieldRule{"previous_response_id"},
    FieldRule{"metadata"},
    FieldRule{"user", FieldUse::kNoted},
    FieldRule{"safety_identifier", FieldUse::kNoted},
    FieldRule{"prompt_cache_key", FieldUse::kNoted},
    FieldRule{"background", FieldUse::kOnly, "[false]"},
    FieldRule{"service_tier", FieldUse::kOnly, R"(["auto", "default"])"},
    FieldRule{"truncation", FieldUse::kOnly, R"(["disabled"])"},
    FieldRule{"conversation", FieldUse::kRefused, "use previous_response_id"},
    FieldRule{"prompt", FieldUse::kRefused, "there are no stored prompts; use instructions"},
    FieldRule{"max_tool_calls", FieldUse::kRefused, "there are no built-in tools"},
    FieldRule{"prompt_cache_retention", FieldUse::kRefused},
    FieldRule{"context_management", FieldUse::kRefused},
};
constexpr std::array kTextRules = {
    FieldRule{"format"}, FieldRule{"verbosity", FieldUse::kRefused, "say it in a message"}};
constexpr std::array kReasoningRules = {
    FieldRule{"effort"}, FieldRule{"max_tokens"},
    // Thinking is given as it is, whatever kind of summary was asked for.
    FieldRule{"summary", FieldUse::kOnly, R"(["auto", "detailed"])"}};
constexpr std::array kStreamRules = {FieldRule{"include_obfuscation", FieldUse::kOnly, "[false]"}};

// Items of the input, by their types.
constexpr std::array kMessageRules = {FieldRule{"type"},
                                      FieldRule{"role"},
                                      FieldRule{"content"},
                                      FieldRule{"id", FieldUse::kNoted},
                                      FieldRule{"status", FieldUse::kNoted},
                                      FieldRule{"phase", FieldUse::kNoted}};
constexpr std::array kCallRules = {FieldRule{"type"},
                                   FieldRule{"call_id"},
                                   FieldRule{"name"},
                                   FieldRule{"arguments"},
                                   FieldRule{"id", FieldUse::kNoted},
                                   FieldRule{"status", FieldUse::kNoted},
                                   FieldRule{"namespace", FieldUse::kRefused},
                                   FieldRule{"caller", FieldUse::kRefused}};
constexpr std::array kOutputRules = {FieldRule{"type"}, FieldRule{"call_id"}, FieldRule{"output"},
                                     FieldRule{"id", FieldUse::kNoted},
                                     FieldRule{"status", FieldUse::kNoted}};
constexpr std::array kThoughtRules = {
    FieldRule{"type"},
    FieldRule{"summary"},
    FieldRule{"content"},
    FieldRule{"id", FieldUse::kNoted},
    FieldRule{"status", FieldUse::kNoted},
    FieldRule{"encrypted_content", FieldUse::kRefused, "nothing is encrypted here"}};
constexpr std::array kPartRules = {
    FieldRule{"type", FieldUse::kOnly, R"(["input_text", "output_text", "text", "input_image"])"},
    FieldRule{"text"},
    FieldRule{"image_url"},
    FieldRule{"detail", FieldUse::kNoted},
    FieldRule{"file_id", FieldUse::kRefused, "there are no stored files"},
    FieldRule{"annotations", FieldUse::kNoted},
    FieldRule{"logprobs", FieldUse::kNoted}};
constexpr std::array kRoles = {"user", "assistant", "system", "developer"};

using Messages = std::vector<text::Message>;

// The turn of the assistant that the next item belongs to.
text::Message& AssistantTurn(Messages& messages) {
  if (messages.empty() || messages.back().role != "assistant") {
    messages.emplace_back();
    messages.back().role = "assistant";
  }
  return messages.back();
}

Status ReadParts(const Json& content, const std::string& place, text::Message& message) {
  if (content.is_string()) {
    message.content.push_back(
        {text::ContentPart::Kind::kText, content.get_ref<const std::string&>()});
    return {};
  }
  if (!content.is_array()) return WrongValue(place, "a string or a list of parts", content);
  for (size_t i = 0; i < content.size(); ++i) {
    const std::string part = StrCat(place, "[", i, "]");
    INGOT_ASSIGN(const RuledFields fields, RuledFields::Of(content[i], part, kPartRules));
    INGOT_ASSIGN(const std::string type, fields.RequiredText("type"));
    if (type == "input_image") {
      INGOT_ASSIGN(const std::string url, fields.RequiredText("image_url"));
      if (!url.starts_with("data:")) {
        return core::Unsupported(StrCat(part, ".image_url: only data URIs are taken, nothing is ",
                                        "fetched from the network"));
      }
      message.content.push_back({text::ContentPart::Kind::kImage, ""});
      continue;
    }
    INGOT_ASSIGN(std::string text, fields.RequiredText("text"));
    message.content.push_back({text::ContentPart::Kind::kText, std::move(text)});
  }
  return {};
}

Status ReadMessage(const Json& item, const std::string& place, Messages& messages) {
  INGOT_ASSIGN(const RuledFields fields, RuledFields::Of(item, place, kMessageRules));
  INGOT_ASSIGN(const std::string role, fields.RequiredText("role"));
  if (std::find(kRoles.begin(), kRoles.end(), role) == kRoles.end()) {
    return core::InvalidArgument(
        StrCat(place, ".role: expected user, assistant, system or developer, found ",
               core::Quoted(role, 40)));
  }
  const Json* content = fields.Find("content");
  if (content == nullptr) return core::InvalidArgument(StrCat(place, ".content: missing"));
  if (role == "assistant") {
    return ReadParts(*content, place + ".content", AssistantTurn(messages));
  }
  text::Message message;
  message.role = role == "developer" ? "system" : role;
  INGOT_TRY(ReadParts(*content, place + ".content", message));
  messages.push_back(std::move(message));
  return {};
}

Status ReadCall(const Json& item, const std::string& place, Messages& messages) {
  INGOT_ASSIGN(const RuledFields fields, RuledFields::Of(item, place, kCallRules));
  text::ToolCall call;
  INGOT_ASSIGN(call.id, fields.RequiredText("call_id"));
  INGOT_ASSIGN(call.name, fields.RequiredText("name"));
  INGOT_ASSIGN(const std::string arguments, fields.RequiredText("arguments"));
  if (!core::Trim(arguments).empty()) {
    core::Result<Json> read = core::ParseJson(arguments);
    if (!read.ok()) {
      return core::InvalidArgument(StrCat(place, ".arguments: ", read.status().message()));
    }
    call.arguments = *std::move(read);
    if (!call.arguments.is_object()) {
      return WrongValue(place + ".arguments", "the JSON text of an object", call.arguments);
    }
  }
  AssistantTurn(messages).tool_calls.push_back(std::move(call));
  return {};
}

Status ReadOutput(const Json& item, const std::string& place, Messages& messages) {
  INGOT_ASSIGN(const RuledFields fields, RuledFields::Of(item, place, kOutputRules));
  text::Message result;
  result.role = "tool";
  INGOT_ASSIGN(result.tool_call_id, fields.RequiredText("call_id"));
  const Json* output = fields.Find("output");
  if (output == nullptr) return core::InvalidArgument(StrCat(place, ".output: missing"));
  INGOT_TRY(ReadParts(*output, place + ".output", result));
  for (const text::Message& earlier : messages) {
    for (const text::ToolCall& call : earlier.tool_calls) {
      if (call.id == result.tool_call_id) result.tool_name = call.name;
    }
  }
  messages.push_back(std::move(result));
  return {};
}

Status ReadThought(const Json& item, const std::string& place, Messages& messages) {
  INGOT_ASSIGN(const RuledFields fields, RuledFields::Of(item, place, kThoughtRules));
  text::Message read;
  for (const char* name : {"summary", "content"}) {
    INGOT_ASSIGN(const Json* parts, fields.List(name));
    for (size_t i = 0; parts != nullptr && i < parts->size(); ++i) {
      const Json& part = (*parts)[i];
      if (!part.is_object() || !part.contains("text") || !part["text"].is_string()) {
        return WrongValue(StrCat(place, ".", name, "[", i, "]"), "a text part", part);
      }
      read.thinking += part["text"].get_ref<const std::string&>();
    }
  }
  AssistantTurn(messages).thinking += read.thinking;
  return {};
}

struct ItemKind {
  std::string_view type;
  std::string_view id;  // how ids of that kind begin
  Status (*read)(const Json& item, const std::string& place, Messages& messages);
};
constexpr std::array kItems = {
    ItemKind{"message", "msg_", ReadMessage},
    ItemKind{"function_call", "fc_", ReadCall},
    ItemKind{"function_call_output", "fco_", ReadOutput},
    ItemKind{"reasoning", "rs_", ReadThought},
};

Status ReadItem(Json& item, const std::string& place, Messages& messages) {
  if (!item.is_object()) return WrongValue(place, "an object", item);
  // A message may leave out its type.
  if (!item.contains("type") && item.contains("role")) item["type"] = "message";
  const auto type = item.find("type");
  if (type == item.end() || !type->is_string()) {
    return core::InvalidArgument(StrCat(place, ".type: required, and missing"));
  }
  const auto kind = std::find_if(kItems.begin(), kItems.end(),
                                 [&](const ItemKind& one) { return *type == one.type; });
  if (kind == kItems.end()) {
    return core::Unsupported(StrCat(place, ".type: items of type ",
                                    core::Quoted(type->get_ref<const std::string&>(), 40),
                                    " are not supported"));
  }
  if (!item.contains("id") || !item["id"].is_string()) item["id"] = NewId(kind->id, 32);
  return kind->read(item, place, messages);
}

Status ReadInput(const RuledFields& fields, const Json& earlier, OpenAiResponses& request) {
  Messages& messages = request.task.chat->messages;
  INGOT_ASSIGN(const std::optional<std::string> instructions, fields.Text("instructions"));
  if (instructions) {
    text::Message system;
    system.role = "system";
    system.content.push_back({text::ContentPart::Kind::kText, *instructions});
    messages.push_back(std::move(system));
  }
  for (Json item : earlier) INGOT_TRY(ReadItem(item, "previous_response_id", messages));
  const Json* input = fields.Find("input");
  if (input == nullptr) return core::InvalidArgument("input: required, and missing");
  if (input->is_string()) {
    Json part = {{"type", "input_text"}, {"text", *input}};
    request.items.push_back(
        {{"type", "message"}, {"role", "user"}, {"content", Json::array({std::move(part)})}});
  } else {
    INGOT_ASSIGN(const Json* list, fields.List("input"));
    request.items = *list;
  }
  if (request.items.empty()) return core::InvalidArgument("input: empty");
  for (size_t i = 0; i < request.items.size(); ++i) {
    INGOT_TRY(ReadItem(request.items[i], StrCat("input[", i, "]"), messages));
  }
  return {};
}

Status ReadReasoning(const RuledFields& fields, ChatTask& task) {
  const Json* reasoning = fields.Find("reasoning");
  if (reasoning == nullptr) return {};
  INGOT_ASSIGN(const RuledFields inner, RuledFields::Of(*reasoning, "reasoning", kReasoningRules));
  INGOT_ASSIGN(const std::optional<std::string> effort, inner.Text("effort"));
  if (effort) {
    INGOT_ASSIGN(task.chat->think, ThinkOfEffort("reasoning.effort", *effort));
  }
  INGOT_ASSIGN(const std::optional<int64_t> budget, inner.Integer("max_tokens", 0, 1 << 30));
  if (budget) task.thinking_budget = static_cast<int>(*budget);
  return {};
}

Status ReadInclude(const RuledFields& fields, ChatTask& task) {
  INGOT_ASSIGN(const std::optional<int64_t> top, fields.Integer("top_logprobs", 0, 20));
  INGOT_ASSIGN(const std::vector<std::string> include, fields.Texts("include", 16));
  for (const std::string& one : include) {
    if (one != "message.output_text.logprobs") {
      return core::Unsupported(StrCat("include: ", core::Quoted(one, 60),
                                      " is not supported, only message.output_text.logprobs"));
    }
    task.logprobs = 0;
  }
  if (top && task.logprobs < 0 && *top > 0) {
    return core::InvalidArgument("top_logprobs: include message.output_text.logprobs with it");
  }
  if (top && task.logprobs >= 0) task.logprobs = static_cast<int>(*top);
  return {};
}

Status ReadMetadata(const RuledFields& fields, Json& said) {
  INGOT_ASSIGN(const Json* metadata, fields.Object("metadata"));
  said["metadata"] = metadata == nullptr ? Json::object() : *metadata;
  if (metadata != nullptr && metadata->size() > 16) {
    return core::InvalidArgument("metadata: at most 16 pairs");
  }
  for (const auto& [name, value] : said["metadata"].items()) {
    if (!value.is_string() || value.get_ref<const std::string&>().size() > 2048) {
      return WrongValue(StrCat("metadata.", core::Printable(name, 60)), "a short text", value);
    }
  }
  return {};
}

Json Or(const Json* value, const Json& otherwise) {
  if (value == nullptr) return otherwise;
  return *value;
}

// What a response says again of what was asked.
void Repeat(const RuledFields& fields, const ChatTask& task, bool store, Json& said) {
  Json text = {{"format", {{"type", "text"}}}};
  if (const Json* given = fields.Find("text"); given != nullptr && given->contains("format")) {
    text["format"] = (*given)["format"];
  }
  Json reasoning = {{"effort", nullptr}, {"summary", nullptr}};
  if (const Json* given = fields.Find("reasoning")) reasoning.update(*given);
  said["background"] = false;
  said["instructions"] = Or(fields.Find("instructions"), nullptr);
  said["max_output_tokens"] = Or(fields.Find("max_output_tokens"), nullptr);
  said["parallel_tool_calls"] = task.tool_choice.parallel;
  said["previous_response_id"] = Or(fields.Find("previous_response_id"), nullptr);
  said["reasoning"] = std::move(reasoning);
  said["service_tier"] = "default";
  said["store"] = store;
  said["temperature"] = Or(fields.Find("temperature"), 1.0);
  said["text"] = std::move(text);
  said["tool_choice"] = Or(fields.Find("tool_choice"), "auto");
  said["tools"] = Or(fields.Find("tools"), Json::array());
  said["top_logprobs"] = std::max(task.logprobs, 0);
  said["top_p"] = Or(fields.Find("top_p"), 1.0);
  said["truncation"] = "disabled";
}

}  // namespace

core::Result<std::optional<std::string>> PreviousResponseId(const Json& json) {
  INGOT_ASSIGN(const RuledFields fields, RuledFields::Of(json, "", kRules));
  return fields.Text("previous_response_id");
}

core::Result<OpenAiResponses> ParseOpenAiResponses(const Json& json, const Json& earlier) {
  INGOT_ASSIGN(const RuledFields fields, RuledFields::Of(json, "", kRules));
  OpenAiResponses request;
  INGOT_ASSIGN(request.task, OpenAiTask(fields));
  ChatTask& task = request.task;
  task.chat.emplace();
  // What does not fit is an error, as the interface has it.
  task.truncate = false;
  INGOT_TRY(ReadInput(fields, earlier, request));
  INGOT_TRY(ReadOpenAiSampling(fields, task));
  INGOT_TRY(ReadOpenAiTools(fields, true, task));
  INGOT_TRY(ReadReasoning(fields, task));
  INGOT_TRY(ReadInclude(fields, task));
  if (const Json* text = fields.Find("text")) {
    INGOT_ASSIGN(const RuledFields inner, RuledFields::Of(*text, "text", kTextRules));
    if (const Json* format = inner.Find("format")) {
      task.format_field = "text.format";
      INGOT_ASSIGN(task.format, ReadOpenAiFormat(*format, "text.format", true));
    }
  }
  if (const Json* options = fields.Find("stream_options")) {
    INGOT_TRY(RuledFields::Of(*options, "stream_options", kStreamRules).status());
  }
  INGOT_ASSIGN(const std::optional<bool> stream, fields.Flag("stream"));
  request.stream = stream.value_or(false);
  INGOT_ASSIGN(const std::optional<bool> store, fields.Flag("store"));
  request.store = store.value_or(true);
  INGOT_TRY(ReadMetadata(fields, request.said));
  Repeat(fields, task, request.store, request.said);
  return request;
}

}  // namespace ingot::server
