#include "server/openai_fields.h"

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include "core/strings.h"
#include "server/errors.h"

namespace ingot::server {
namespace {

using core::Json;
using core::Status;
using core::StrCat;

constexpr int64_t kMostTokens = int64_t{1} << 30;
constexpr size_t kMostStops = 64;

// From a field of the request to an option of ours, and its bounds.
struct NumberField {
  std::string_view name;
  std::string_view option;
  double low;
  double high;
};
constexpr std::array kNumbers = {
    NumberField{"temperature", "temperature", 0, 2},
    NumberField{"top_p", "top_p", 0, 1},
    NumberField{"min_p", "min_p", 0, 1},
    NumberField{"presence_penalty", "presence_penalty", -2, 2},
    NumberField{"frequency_penalty", "frequency_penalty", -2, 2},
    NumberField{"repetition_penalty", "repeat_penalty", 0.01, 10},
};
struct IntegerField {
  std::string_view name;
  std::string_view option;
  int64_t low;
};
// The newer name of the two comes last, and wins.
constexpr std::array kIntegers = {
    IntegerField{"top_k", "top_k", 0},
    IntegerField{"max_tokens", "num_predict", 0},
    IntegerField{"max_completion_tokens", "num_predict", 0},
    IntegerField{"max_output_tokens", "num_predict", 1},
};

struct Effort {
  std::string_view name;
  bool on;
  std::string_view level;
};
constexpr std::array kEfforts = {
    Effort{"none", false, ""},        Effort{"minimal", true, "low"}, Effort{"low", true, "low"},
    Effort{"medium", true, "medium"}, Effort{"high", true, "high"},   Effort{"max", true, "max"},
    Effort{"xhigh", true, "max"},     Effort{"ultra", true, "max"},
};

struct FormatKind {
  std::string_view type;
  std::optional<text::GrammarKind> kind;
  std::string_view field;  // where its text lies; "" where it has none
};
constexpr std::array kFormats = {
    FormatKind{"text", std::nullopt, ""},
    FormatKind{"json_object", text::GrammarKind::kJson, ""},
    FormatKind{"json_schema", text::GrammarKind::kSchema, "schema"},
    FormatKind{"regex", text::GrammarKind::kRegex, "pattern"},
    FormatKind{"grammar", text::GrammarKind::kEbnf, "grammar"},
};
constexpr std::array kFormatRules = {FieldRule{"type"},
                                     FieldRule{"json_schema"},
                                     FieldRule{"schema"},
                                     FieldRule{"pattern"},
                                     FieldRule{"grammar"},
                                     FieldRule{"name", FieldUse::kNoted},
                                     FieldRule{"description", FieldUse::kNoted},
                                     FieldRule{"strict", FieldUse::kNoted}};
constexpr std::array kSchemaRules = {FieldRule{"schema"}, FieldRule{"name", FieldUse::kNoted},
                                     FieldRule{"description", FieldUse::kNoted},
                                     FieldRule{"strict", FieldUse::kNoted}};

constexpr std::array kToolRules = {FieldRule{"type", FieldUse::kOnly, R"(["function"])"},
                                   FieldRule{"function"}};
constexpr std::array kFunctionRules = {FieldRule{"name"}, FieldRule{"description"},
                                       FieldRule{"parameters"}, FieldRule{"strict"}};
constexpr std::array kFlatToolRules = {FieldRule{"type", FieldUse::kOnly, R"(["function"])"},
                                       FieldRule{"name"}, FieldRule{"description"},
                                       FieldRule{"parameters"}, FieldRule{"strict"}};

Status ReadLogitBias(const RuledFields& fields, ChatTask& task) {
  INGOT_ASSIGN(const Json* biases, fields.Object("logit_bias"));
  if (biases == nullptr) return {};
  if (biases->size() > 1024) {
    return core::InvalidArgument("logit_bias: at most 1024 tokens can have one");
  }
  for (const auto& [token, bias] : biases->items()) {
    const std::string place = StrCat("logit_bias.", core::Printable(token, 40));
    if (!core::ParseUint(token)) {
      return core::InvalidArgument(StrCat(place, ": the name is not the number of a token"));
    }
    if (!bias.is_number() || !(bias.get<double>() >= -100 && bias.get<double>() <= 100)) {
      return WrongValue(place, "a number from -100 to 100", bias);
    }
  }
  if (!biases->empty()) task.settings.emplace_back("logit_bias", *biases);
  return {};
}

Status ReadToolChoice(const RuledFields& fields, bool flat, ChatTask& task) {
  const Json* choice = fields.Find("tool_choice");
  if (choice == nullptr) return {};
  const bool tools = task.chat && task.chat->HasTools();
  if (choice->is_string()) {
    static constexpr std::array kModes = {std::pair{"auto", ToolChoice::Mode::kAuto},
                                          std::pair{"none", ToolChoice::Mode::kNone},
                                          std::pair{"required", ToolChoice::Mode::kRequired}};
    const auto found = std::find_if(kModes.begin(), kModes.end(),
                                    [&](const auto& mode) { return *choice == mode.first; });
    if (found == kModes.end()) {
      return WrongValue("tool_choice", "\"auto\", \"none\", \"required\" or a function", *choice);
    }
    task.tool_choice.mode = found->second;
  } else {
    INGOT_ASSIGN(const RuledFields named,
                 RuledFields::Of(*choice, "tool_choice",
                                 flat ? std::span<const FieldRule>(kFlatToolRules) : kToolRules));
    const Json* function = flat ? choice : named.Find("function");
    if (function == nullptr) return core::InvalidArgument("tool_choice.function: missing");
    const auto name = function->find("name");
    if (name == function->end() || !name->is_string()) {
      return core::InvalidArgument("tool_choice: the name of a function is missing");
    }
    task.tool_choice.mode = ToolChoice::Mode::kNamed;
    task.tool_choice.name = name->get<std::string>();
    const Json& list = tools ? task.chat->tools : Json::array();
    const bool known = std::any_of(list.begin(), list.end(), [&](const Json& tool) {
      return tool["function"]["name"] == task.tool_choice.name;
    });
    if (!known) {
      return core::InvalidArgument(
          StrCat("tool_choice: ", core::Quoted(task.tool_choice.name, 60), " is not among tools"));
    }
  }
  if (task.tool_choice.mode == ToolChoice::Mode::kRequired && !tools) {
    return core::InvalidArgument("tool_choice: a call is required, but there are no tools");
  }
  return {};
}

std::string RandomHex(int digits) {
  static thread_local std::mt19937_64 random{std::random_device{}()};
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  for (int i = 0; i < digits; ++i) text += kHex[random() & 15U];
  return text;
}

}  // namespace

core::Result<ChatTask> OpenAiTask(const RuledFields& fields) {
  ChatTask task;
  INGOT_ASSIGN(task.model, fields.RequiredText("model"));
  if (task.model.empty()) return core::InvalidArgument("model: empty");
  task.base.sampling.temperature = 1;
  task.base.sampling.top_p = 1;
  return task;
}

Status ReadOpenAiSampling(const RuledFields& fields, ChatTask& task) {
  for (const NumberField& field : kNumbers) {
    INGOT_ASSIGN(const std::optional<double> value,
                 fields.Number(field.name, field.low, field.high));
    if (value) task.settings.emplace_back(field.option, *value);
  }
  for (const IntegerField& field : kIntegers) {
    INGOT_ASSIGN(const std::optional<int64_t> value,
                 fields.Integer(field.name, field.low, kMostTokens));
    if (value) task.settings.emplace_back(field.option, *value);
  }
  INGOT_ASSIGN(const std::optional<int64_t> seed, fields.Integer("seed", INT64_MIN, INT64_MAX));
  if (seed) {
    // Ours have no sign, and -1 means a fresh one; the other negative ones go on where those end.
    task.settings.emplace_back("seed", *seed == -1 ? Json(-1) : Json(static_cast<uint64_t>(*seed)));
  }
  INGOT_ASSIGN(const std::vector<std::string> stops, fields.Texts("stop", kMostStops));
  if (!stops.empty()) task.settings.emplace_back("stop", Json(stops));
  return ReadLogitBias(fields, task);
}

core::Result<text::ThinkSetting> ThinkOfEffort(std::string_view path, std::string_view effort) {
  if (effort.empty()) return text::ThinkSetting{};
  for (const Effort& one : kEfforts) {
    if (one.name == effort) {
      return text::ThinkSetting{.on = one.on, .effort = std::string(one.level)};
    }
  }
  return core::Unsupported(
      StrCat(path, ": expected none, minimal, low, medium, high, xhigh or max, found ",
             core::Quoted(effort, 40)));
}

core::Result<std::optional<text::GrammarSpec>> ReadOpenAiFormat(const Json& json,
                                                                const std::string& path,
                                                                bool flat) {
  INGOT_ASSIGN(const RuledFields fields, RuledFields::Of(json, path, kFormatRules));
  INGOT_ASSIGN(const std::string type, fields.RequiredText("type"));
  const auto kind = std::find_if(kFormats.begin(), kFormats.end(),
                                 [&](const FormatKind& one) { return one.type == type; });
  if (kind == kFormats.end()) {
    return core::Unsupported(StrCat(path, ".type: expected text, json_object, json_schema, regex ",
                                    "or grammar, found ", core::Quoted(type, 40)));
  }
  if (!kind->kind) return std::optional<text::GrammarSpec>();
  text::GrammarSpec spec{.kind = *kind->kind, .text = ""};
  if (spec.kind == text::GrammarKind::kSchema) {
    INGOT_ASSIGN(const Json* outer, fields.Object(flat ? "schema" : "json_schema"));
    std::string place = fields.PathOf(flat ? "schema" : "json_schema");
    if (outer == nullptr) return core::InvalidArgument(StrCat(place, ": required, and missing"));
    const Json* schema = outer;
    if (!flat) {
      INGOT_ASSIGN(const RuledFields inner, RuledFields::Of(*outer, place, kSchemaRules));
      INGOT_ASSIGN(schema, inner.Object("schema"));
      place = inner.PathOf("schema");
      if (schema == nullptr) return core::InvalidArgument(StrCat(place, ": required, and missing"));
    }
    spec.text = schema->dump();
  } else if (!kind->field.empty()) {
    INGOT_ASSIGN(spec.text, fields.RequiredText(kind->field));
  }
  return std::optional(std::move(spec));
}

core::Result<OpenAiDelivery> ReadOpenAiDelivery(const RuledFields& fields, int64_t most_choices) {
  constexpr std::array kStreamRules = {
      FieldRule{"include_usage"}, FieldRule{"include_obfuscation", FieldUse::kOnly, "[false]"}};
  OpenAiDelivery delivery;
  INGOT_ASSIGN(const std::optional<int64_t> choices, fields.Integer("n", 1, most_choices));
  delivery.choices = static_cast<int>(choices.value_or(1));
  INGOT_ASSIGN(const std::optional<bool> stream, fields.Flag("stream"));
  delivery.stream = stream.value_or(false);
  if (const Json* options = fields.Find("stream_options")) {
    if (!delivery.stream) return core::InvalidArgument("stream_options: only with stream");
    INGOT_ASSIGN(const RuledFields inner,
                 RuledFields::Of(*options, "stream_options", kStreamRules));
    INGOT_ASSIGN(const std::optional<bool> usage, inner.Flag("include_usage"));
    delivery.usage = usage.value_or(false);
  }
  return delivery;
}

Status ReadOpenAiTools(const RuledFields& fields, bool flat, ChatTask& task) {
  INGOT_ASSIGN(const Json* tools, fields.List("tools"));
  Json list = Json::array();
  bool strict = false;
  for (size_t i = 0; tools != nullptr && i < tools->size(); ++i) {
    const std::string place = StrCat("tools[", i, "]");
    INGOT_ASSIGN(const RuledFields tool,
                 RuledFields::Of((*tools)[i], place,
                                 flat ? std::span<const FieldRule>(kFlatToolRules) : kToolRules));
    if (!tool.Has("type")) return core::InvalidArgument(StrCat(place, ".type: missing"));
    const Json* function = flat ? &(*tools)[i] : tool.Find("function");
    if (function == nullptr) return core::InvalidArgument(StrCat(place, ".function: missing"));
    INGOT_ASSIGN(
        const RuledFields parts,
        RuledFields::Of(*function, flat ? place : place + ".function",
                        flat ? std::span<const FieldRule>(kFlatToolRules) : kFunctionRules));
    Json kept = Json::object();
    INGOT_ASSIGN(kept["name"], parts.RequiredText("name"));
    INGOT_ASSIGN(const std::optional<std::string> description, parts.Text("description"));
    if (description) kept["description"] = *description;
    INGOT_ASSIGN(const Json* parameters, parts.Object("parameters"));
    if (parameters != nullptr) kept["parameters"] = *parameters;
    INGOT_ASSIGN(const std::optional<bool> wants, parts.Flag("strict"));
    strict = strict || wants.value_or(false);
    list.push_back(Json{{"type", "function"}, {"function", std::move(kept)}});
  }
  if (!list.empty() && task.chat) task.chat->tools = std::move(list);
  task.tool_choice.strict = strict;
  INGOT_ASSIGN(const std::optional<bool> parallel, fields.Flag("parallel_tool_calls"));
  task.tool_choice.parallel = parallel.value_or(true);
  return ReadToolChoice(fields, flat, task);
}

namespace {

Json TokenJson(const TokenText& token) {
  Json bytes = Json::array();
  for (const char c : token.bytes) bytes.push_back(static_cast<unsigned char>(c));
  return {{"token", token.bytes}, {"logprob", token.logprob}, {"bytes", std::move(bytes)}};
}

}  // namespace

Json OpenAiLogprob(const PieceLogprob& logprob) {
  Json json = TokenJson(logprob.chosen);
  Json top = Json::array();
  for (const TokenText& token : logprob.top) top.push_back(TokenJson(token));
  json["top_logprobs"] = std::move(top);
  return json;
}

Json OpenAiLogprobs(const std::vector<PieceLogprob>& logprobs) {
  Json list = Json::array();
  for (const PieceLogprob& logprob : logprobs) list.push_back(OpenAiLogprob(logprob));
  return list;
}

Json OpenAiErrorBody(const Status& status, std::string_view missing) {
  Json body = ErrorBody(ApiStyle::kOpenAi, HttpStatusOf(status), ErrorText(status), "");
  if (const std::string_view place = PlaceOf(status.message());
      !place.empty() && HttpStatusOf(status) == 400) {
    body["error"]["param"] = place;
  }
  if (status.code() == core::Code::kNotFound) body["error"]["code"] = missing;
  return body;
}

void SendOpenAiError(Exchange& exchange, const Refusal& refusal, std::string_view missing) {
  Reply reply = ErrorReply(ApiStyle::kOpenAi, refusal, exchange.request().id);
  reply.body = WireJson(OpenAiErrorBody(refusal.status, missing));
  exchange.Send(std::move(reply));
}

std::string NewId(std::string_view prefix, int digits) { return StrCat(prefix, RandomHex(digits)); }

std::string_view OpenAiFinish(const AnswerEnd& end) {
  if (end.finish == engine::Finish::kLength) return "length";
  return end.called ? "tool_calls" : "stop";
}

int64_t UnixSeconds(core::Clock& clock) { return clock.WallNs() / 1'000'000'000; }

}  // namespace ingot::server
