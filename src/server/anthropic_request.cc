#include "server/anthropic_request.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "core/strings.h"
#include "server/ruled_fields.h"

namespace ingot::server {
namespace {

using core::Json;
using core::Status;
using core::StrCat;

constexpr std::array kRules = {
    FieldRule{"model"},
    FieldRule{"messages"},
    FieldRule{"system"},
    FieldRule{"max_tokens"},
    FieldRule{"stream"},
    FieldRule{"temperature"},
    FieldRule{"top_p"},
    FieldRule{"top_k"},
    FieldRule{"stop_sequences"},
    FieldRule{"tools"},
    FieldRule{"tool_choice"},
    FieldRule{"thinking"},
    FieldRule{"output_config"},
    FieldRule{"output_format"},
    FieldRule{"metadata", FieldUse::kNoted},
    // Prefixes are kept without being asked; where they end makes no difference to an answer.
    FieldRule{"cache_control", FieldUse::kNoted},
    FieldRule{"service_tier", FieldUse::kOnly, R"(["auto", "standard_only"])"},
    FieldRule{"mcp_servers", FieldUse::kOnly, "[[]]"},
    FieldRule{"container", FieldUse::kRefused},
    FieldRule{"context_management", FieldUse::kRefused},
    FieldRule{"inference_geo", FieldUse::kRefused, "there is one place: this machine"},
    FieldRule{"betas", FieldUse::kOnly, "[[]]"},
};
// What only matters to an answer has no place where tokens are counted.
constexpr std::array kCountingUnused = {"max_tokens", "stream",         "temperature",
                                        "top_p",      "stop_sequences", "top_k"};

constexpr std::array kMessageRules = {
    FieldRule{"role", FieldUse::kOnly, R"(["user", "assistant"])"}, FieldRule{"content"}};
constexpr std::array kToolRules = {
    FieldRule{"type", FieldUse::kOnly, R"(["custom"])"},
    FieldRule{"name"},
    FieldRule{"description"},
    FieldRule{"input_schema"},
    FieldRule{"strict"},
    FieldRule{"cache_control", FieldUse::kNoted},
    FieldRule{"eager_input_streaming", FieldUse::kOnly, "[false]"},
};
constexpr std::array kChoiceRules = {
    FieldRule{"type", FieldUse::kOnly, R"(["auto", "any", "tool", "none"])"}, FieldRule{"name"},
    FieldRule{"disable_parallel_tool_use"}};
constexpr std::array kThinkingRules = {
    FieldRule{"type", FieldUse::kOnly, R"(["enabled", "disabled", "adaptive"])"},
    FieldRule{"budget_tokens"}, FieldRule{"display", FieldUse::kOnly, R"(["summarized"])"}};
constexpr std::array kOutputRules = {FieldRule{"effort"}, FieldRule{"format"}};
constexpr std::array kFormatRules = {FieldRule{"type", FieldUse::kOnly, R"(["json_schema"])"},
                                     FieldRule{"schema"}};

// Blocks of a message, by their types.
constexpr std::array kTextRules = {FieldRule{"type"}, FieldRule{"text"},
                                   FieldRule{"cache_control", FieldUse::kNoted},
                                   FieldRule{"citations", FieldUse::kOnly, "[[]]"}};
constexpr std::array kImageRules = {FieldRule{"type"}, FieldRule{"source"},
                                    FieldRule{"cache_control", FieldUse::kNoted}};
constexpr std::array kUseRules = {FieldRule{"type"},
                                  FieldRule{"id"},
                                  FieldRule{"name"},
                                  FieldRule{"input"},
                                  FieldRule{"caller", FieldUse::kNoted},
                                  FieldRule{"cache_control", FieldUse::kNoted}};
constexpr std::array kResultRules = {FieldRule{"type"}, FieldRule{"tool_use_id"},
                                     FieldRule{"content"}, FieldRule{"is_error"},
                                     FieldRule{"cache_control", FieldUse::kNoted}};
constexpr std::array kThoughtRules = {FieldRule{"type"}, FieldRule{"thinking"},
                                      FieldRule{"signature", FieldUse::kNoted}};
constexpr std::array kSourceRules = {
    FieldRule{"type", FieldUse::kOnly, R"(["base64"])"},
    FieldRule{"media_type", FieldUse::kOnly, R"(["image/jpeg", "image/png", "image/webp"])"},
    FieldRule{"data"}};

// One turn while it is taken apart: results of tools are turns of their own, in front of it.
struct Turn {
  std::vector<text::Message> results;
  text::Message message;
};

void AddText(std::string text, text::Message& message) {
  message.content.push_back({text::ContentPart::Kind::kText, std::move(text)});
}

Status ReadText(const Json& block, const std::string& place, Turn& turn) {
  INGOT_ASSIGN(const RuledFields fields, RuledFields::Of(block, place, kTextRules));
  INGOT_ASSIGN(std::string text, fields.RequiredText("text"));
  AddText(std::move(text), turn.message);
  return {};
}

Status CheckImage(const Json& block, const std::string& place) {
  INGOT_ASSIGN(const RuledFields fields, RuledFields::Of(block, place, kImageRules));
  const Json* source = fields.Find("source");
  if (source == nullptr) return core::InvalidArgument(StrCat(place, ".source: missing"));
  INGOT_ASSIGN(const RuledFields inner, RuledFields::Of(*source, place + ".source", kSourceRules));
  return inner.RequiredText("data").status();
}

Status ReadImage(const Json& block, const std::string& place, Turn& turn) {
  INGOT_TRY(CheckImage(block, place));
  turn.message.content.push_back({text::ContentPart::Kind::kImage, ""});
  return {};
}

Status ReadUse(const Json& block, const std::string& place, Turn& turn) {
  INGOT_ASSIGN(const RuledFields fields, RuledFields::Of(block, place, kUseRules));
  text::ToolCall call;
  INGOT_ASSIGN(call.id, fields.RequiredText("id"));
  INGOT_ASSIGN(call.name, fields.RequiredText("name"));
  INGOT_ASSIGN(const Json* input, fields.Object("input"));
  if (input != nullptr) call.arguments = *input;
  turn.message.tool_calls.push_back(std::move(call));
  return {};
}

Status ReadResult(const Json& block, const std::string& place, Turn& turn) {
  INGOT_ASSIGN(const RuledFields fields, RuledFields::Of(block, place, kResultRules));
  text::Message result;
  result.role = "tool";
  INGOT_ASSIGN(result.tool_call_id, fields.RequiredText("tool_use_id"));
  INGOT_ASSIGN(const std::optional<bool> failed, fields.Flag("is_error"));
  std::string text;
  const Json* content = fields.Find("content");
  if (content != nullptr && content->is_string()) {
    text = content->get<std::string>();
  } else if (content != nullptr) {
    INGOT_ASSIGN(const Json* blocks, fields.List("content"));
    for (size_t i = 0; i < blocks->size(); ++i) {
      const std::string inner = StrCat(place, ".content[", i, "]");
      Turn one;
      const auto type = (*blocks)[i].find("type");
      if (type != (*blocks)[i].end() && *type == "image") {
        INGOT_TRY(ReadImage((*blocks)[i], inner, one));
        result.content.push_back({text::ContentPart::Kind::kImage, ""});
      } else {
        INGOT_TRY(ReadText((*blocks)[i], inner, one));
        text += one.message.Text();
      }
    }
  }
  // Models are told in words that a tool failed.
  if (failed.value_or(false)) text.insert(0, "Error: ");
  AddText(std::move(text), result);
  turn.results.push_back(std::move(result));
  return {};
}

Status ReadThought(const Json& block, const std::string& place, Turn& turn) {
  INGOT_ASSIGN(const RuledFields fields, RuledFields::Of(block, place, kThoughtRules));
  INGOT_ASSIGN(const std::string thinking, fields.RequiredText("thinking"));
  turn.message.thinking += thinking;
  return {};
}

struct BlockKind {
  std::string_view type;
  std::string_view role;  // whose it may be; "" for both
  Status (*read)(const Json& block, const std::string& place, Turn& turn);
};
constexpr std::array kBlocks = {
    BlockKind{"text", "", ReadText},
    BlockKind{"image", "user", ReadImage},
    BlockKind{"tool_use", "assistant", ReadUse},
    BlockKind{"tool_result", "user", ReadResult},
    BlockKind{"thinking", "assistant", ReadThought},
};

Status ReadBlock(const Json& block, const std::string& place, Turn& turn) {
  if (!block.is_object()) return WrongValue(place, "an object", block);
  const auto type = block.find("type");
  if (type == block.end() || !type->is_string()) {
    return core::InvalidArgument(StrCat(place, ".type: required, and missing"));
  }
  const auto kind = std::find_if(kBlocks.begin(), kBlocks.end(),
                                 [&](const BlockKind& one) { return *type == one.type; });
  if (kind == kBlocks.end()) {
    return core::Unsupported(StrCat(place, ".type: blocks of type ",
                                    core::Quoted(type->get_ref<const std::string&>(), 40),
                                    " are not supported"));
  }
  if (!kind->role.empty() && kind->role != turn.message.role) {
    return core::InvalidArgument(StrCat(place, ": a block of type ", kind->type,
                                        " has no place in a message of the ", turn.message.role));
  }
  return kind->read(block, place, turn);
}

Status ReadMessage(const Json& json, const std::string& place,
                   std::vector<text::Message>& messages) {
  INGOT_ASSIGN(const RuledFields fields, RuledFields::Of(json, place, kMessageRules));
  Turn turn;
  INGOT_ASSIGN(turn.message.role, fields.RequiredText("role"));
  const Json* content = fields.Find("content");
  if (content == nullptr) return core::InvalidArgument(StrCat(place, ".content: missing"));
  if (content->is_string()) {
    AddText(content->get<std::string>(), turn.message);
  } else {
    INGOT_ASSIGN(const Json* blocks, fields.List("content"));
    for (size_t i = 0; i < blocks->size(); ++i) {
      INGOT_TRY(ReadBlock((*blocks)[i], StrCat(place, ".content[", i, "]"), turn));
    }
  }
  for (text::Message& result : turn.results) {
    for (const text::Message& earlier : messages) {
      for (const text::ToolCall& call : earlier.tool_calls) {
        if (call.id == result.tool_call_id) result.tool_name = call.name;
      }
    }
    messages.push_back(std::move(result));
  }
  const bool empty = turn.message.content.empty() && turn.message.tool_calls.empty() &&
                     turn.message.thinking.empty();
  if (!empty || turn.results.empty()) messages.push_back(std::move(turn.message));
  return {};
}

Status ReadSystem(const RuledFields& fields, std::vector<text::Message>& messages) {
  const Json* system = fields.Find("system");
  if (system == nullptr) return {};
  Turn turn;
  turn.message.role = "system";
  if (system->is_string()) {
    AddText(system->get<std::string>(), turn.message);
  } else {
    INGOT_ASSIGN(const Json* blocks, fields.List("system"));
    for (size_t i = 0; i < blocks->size(); ++i) {
      const std::string place = StrCat("system[", i, "]");
      if (i > 0) AddText("\n", turn.message);
      INGOT_TRY(ReadText((*blocks)[i], place, turn));
    }
  }
  if (!turn.message.content.empty()) messages.push_back(std::move(turn.message));
  return {};
}

Status ReadTools(const RuledFields& fields, ChatTask& task) {
  INGOT_ASSIGN(const Json* tools, fields.List("tools"));
  Json list = Json::array();
  for (size_t i = 0; tools != nullptr && i < tools->size(); ++i) {
    INGOT_ASSIGN(const RuledFields tool,
                 RuledFields::Of((*tools)[i], StrCat("tools[", i, "]"), kToolRules));
    Json function = Json::object();
    INGOT_ASSIGN(function["name"], tool.RequiredText("name"));
    INGOT_ASSIGN(const std::optional<std::string> description, tool.Text("description"));
    if (description) function["description"] = *description;
    INGOT_ASSIGN(const Json* schema, tool.Object("input_schema"));
    if (schema == nullptr) {
      return core::InvalidArgument(StrCat(tool.PathOf("input_schema"), ": required, and missing"));
    }
    function["parameters"] = *schema;
    INGOT_ASSIGN(const std::optional<bool> strict, tool.Flag("strict"));
    task.tool_choice.strict = task.tool_choice.strict || strict.value_or(false);
    list.push_back(Json{{"type", "function"}, {"function", std::move(function)}});
  }
  if (!list.empty()) task.chat->tools = std::move(list);
  const Json* choice = fields.Find("tool_choice");
  if (choice == nullptr) return {};
  INGOT_ASSIGN(const RuledFields chosen, RuledFields::Of(*choice, "tool_choice", kChoiceRules));
  INGOT_ASSIGN(const std::string type, chosen.RequiredText("type"));
  static constexpr std::array kModes = {
      std::pair{"auto", ToolChoice::Mode::kAuto}, std::pair{"none", ToolChoice::Mode::kNone},
      std::pair{"any", ToolChoice::Mode::kRequired}, std::pair{"tool", ToolChoice::Mode::kNamed}};
  for (const auto& [name, mode] : kModes) {
    if (type == name) task.tool_choice.mode = mode;
  }
  INGOT_ASSIGN(const std::optional<bool> alone, chosen.Flag("disable_parallel_tool_use"));
  task.tool_choice.parallel = !alone.value_or(false);
  if (task.tool_choice.mode == ToolChoice::Mode::kNamed) {
    INGOT_ASSIGN(task.tool_choice.name, chosen.RequiredText("name"));
    const Json& have = task.chat->tools;
    const bool known = have.is_array() && std::any_of(have.begin(), have.end(), [&](const Json& t) {
                         return t["function"]["name"] == task.tool_choice.name;
                       });
    if (!known) {
      return core::InvalidArgument(StrCat(
          "tool_choice.name: ", core::Quoted(task.tool_choice.name, 60), " is not among tools"));
    }
  } else if (task.tool_choice.mode == ToolChoice::Mode::kRequired && !task.chat->HasTools()) {
    return core::InvalidArgument("tool_choice: a call is required, but there are no tools");
  }
  return {};
}

Status ReadFormat(const Json& json, const std::string& place, ChatTask& task) {
  INGOT_ASSIGN(const RuledFields fields, RuledFields::Of(json, place, kFormatRules));
  INGOT_TRY(fields.RequiredText("type").status());
  INGOT_ASSIGN(const Json* schema, fields.Object("schema"));
  if (schema == nullptr) return core::InvalidArgument(StrCat(place, ".schema: missing"));
  task.format_field = place + ".schema";
  task.format = text::GrammarSpec{.kind = text::GrammarKind::kSchema, .text = schema->dump()};
  return {};
}

Status ReadThinking(const RuledFields& fields, ChatTask& task) {
  if (const Json* output = fields.Find("output_config")) {
    INGOT_ASSIGN(const RuledFields inner, RuledFields::Of(*output, "output_config", kOutputRules));
    INGOT_ASSIGN(const std::optional<std::string> effort, inner.Text("effort"));
    if (effort) {
      const std::string level = *effort == "xhigh" ? "high" : *effort;
      static constexpr std::array kLevels = {"low", "medium", "high", "max"};
      if (std::find(kLevels.begin(), kLevels.end(), level) == kLevels.end()) {
        return core::Unsupported(
            StrCat("output_config.effort: expected low, medium, high, xhigh or max, found ",
                   core::Quoted(*effort, 40)));
      }
      task.chat->think = {.on = true, .effort = level};
    }
    if (const Json* format = inner.Find("format")) {
      INGOT_TRY(ReadFormat(*format, "output_config.format", task));
    }
  }
  if (const Json* format = fields.Find("output_format")) {
    INGOT_TRY(ReadFormat(*format, "output_format", task));
  }
  const Json* thinking = fields.Find("thinking");
  if (thinking == nullptr) return {};
  INGOT_ASSIGN(const RuledFields inner, RuledFields::Of(*thinking, "thinking", kThinkingRules));
  INGOT_ASSIGN(const std::string type, inner.RequiredText("type"));
  if (type == "disabled") {
    task.chat->think = {.on = false, .effort = ""};
  } else if (type == "enabled") {
    task.chat->think.on = true;
    INGOT_ASSIGN(const std::optional<int64_t> budget, inner.Integer("budget_tokens", 1, 1 << 30));
    if (!budget) {
      return core::InvalidArgument("thinking.budget_tokens: required when thinking is enabled");
    }
    task.thinking_budget = static_cast<int>(*budget);
  }
  return {};
}

Status ReadSampling(const RuledFields& fields, ChatTask& task) {
  INGOT_ASSIGN(const std::optional<int64_t> most, fields.Integer("max_tokens", 1, 1 << 30));
  if (!most) return core::InvalidArgument("max_tokens: required, and missing");
  task.settings.emplace_back("num_predict", *most);
  INGOT_ASSIGN(const std::optional<double> temperature, fields.Number("temperature", 0, 1));
  if (temperature) task.settings.emplace_back("temperature", *temperature);
  INGOT_ASSIGN(const std::optional<double> top_p, fields.Number("top_p", 0, 1));
  if (top_p) task.settings.emplace_back("top_p", *top_p);
  INGOT_ASSIGN(const std::optional<int64_t> top_k, fields.Integer("top_k", 0, 1 << 30));
  if (top_k) task.settings.emplace_back("top_k", *top_k);
  INGOT_ASSIGN(const std::vector<std::string> stops, fields.Texts("stop_sequences", 64));
  if (!stops.empty()) task.settings.emplace_back("stop", Json(stops));
  return {};
}

}  // namespace

core::Result<AnthropicRequest> ParseAnthropic(const Json& json, bool counting) {
  INGOT_ASSIGN(const RuledFields fields, RuledFields::Of(json, "", kRules));
  AnthropicRequest request;
  ChatTask& task = request.task;
  INGOT_ASSIGN(task.model, fields.RequiredText("model"));
  task.base.sampling.temperature = 1;
  // Agents ask for thinking without knowing who is asked.
  task.relaxed_thinking = true;
  task.chat.emplace();
  INGOT_TRY(ReadSystem(fields, task.chat->messages));
  INGOT_ASSIGN(const Json* messages, fields.RequiredList("messages"));
  if (messages->empty()) return core::InvalidArgument("messages: at least one is needed");
  for (size_t i = 0; i < messages->size(); ++i) {
    INGOT_TRY(ReadMessage((*messages)[i], StrCat("messages[", i, "]"), task.chat->messages));
  }
  INGOT_TRY(ReadTools(fields, task));
  INGOT_TRY(ReadThinking(fields, task));
  if (counting) {
    for (const char* name : kCountingUnused) {
      if (fields.Has(name)) {
        return core::Unsupported(StrCat(name, ": tokens are counted without it"));
      }
    }
    return request;
  }
  INGOT_TRY(ReadSampling(fields, task));
  INGOT_ASSIGN(const std::optional<bool> stream, fields.Flag("stream"));
  request.stream = stream.value_or(false);
  return request;
}

}  // namespace ingot::server
