#include "text/grammar/tool_grammar.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>

#include "core/json.h"
#include "core/strings.h"
#include "text/grammar/tagged_arguments.h"

namespace ingot::text {

using core::Json;
using core::Quoted;
using core::StrCat;

namespace {

using Marks = std::array<std::string_view, 6>;

// How one family writes a call: open, before, the name, between, the arguments, after, close.
struct Notation {
  std::string_view parser;
  std::string_view open;  // with it a call begins, and nothing else does
  std::string_view before;
  bool quoted;  // the name is a JSON string
  std::string_view between;
  const ArgumentTags* tags;  // null: the arguments are JSON
  std::string_view after;
  std::string_view close;
  Marks marks = {};  // what else stands in answers: special tokens that text may hold
};

constexpr std::string_view kTag = "<tool_call>";
constexpr std::string_view kEndTag = "</tool_call>";
constexpr Marks kThinkMarks = {"<think>", "</think>"};
constexpr ArgumentTags kParameterTags = {"qwen_xml", "<parameter=", ">", "", "</parameter>", true};
constexpr ArgumentTags kPairTags = {"glm_xml",     "<arg_key>",    "</arg_key>",
                                    "<arg_value>", "</arg_value>", false};
constexpr Notation FunctionTags(std::string_view parser, const Marks& marks) {
  return {parser,          kTag,    "\n<function=", false, ">\n", &kParameterTags,
          "</function>\n", kEndTag, marks};
}
constexpr Notation ArgumentPairs(std::string_view parser) {
  return {parser, kTag, "", false, "", &kPairTags, "", kEndTag, kThinkMarks};
}
constexpr Notation BareJson(std::string_view parser) {
  return {parser, "{\"name\": ", "", true, ", \"arguments\": ", nullptr, "", "}", kThinkMarks};
}
constexpr Notation kNotations[] = {
    {"qwen3", kTag, "\n{\"name\": ", true, ", \"arguments\": ", nullptr, "}\n", kEndTag,
     kThinkMarks},
    FunctionTags("qwen3-coder", {}),
    FunctionTags("qwen3.5", kThinkMarks),
    FunctionTags("nemotron-3-nano", kThinkMarks),
    FunctionTags("nemotron-3.5-nano", kThinkMarks),
    ArgumentPairs("glm-4.7"),
    ArgumentPairs("laguna"),
    ArgumentPairs("poolside-v1"),
    {"gemma4",
     "<|tool_call>",
     "call:",
     false,
     "",
     nullptr,
     "",
     "<tool_call|>",
     {"<|channel>", "<channel|>"}},
    {"xml", "<function=", "", false, ">\n", &kParameterTags, "", "</function>", kThinkMarks},
    BareJson("generic"),
    BareJson("json"),
};

// What stands around a list of calls.
constexpr Notation kCohere = {"cohere",
                              "<|START_ACTION|>",
                              "[",
                              true,
                              "",
                              nullptr,
                              "\n]",
                              "<|END_ACTION|>",
                              {"<|START_THINKING|>", "<|END_THINKING|>", "<|START_TEXT|>",
                               "<|END_TEXT|>", "<|START_RESPONSE|>", "<|END_RESPONSE|>"}};

constexpr std::string_view kHarmonyMarks[] = {"<|channel|>", "<|message|>", "<|constrain|>",
                                              "<|start|>", "<|end|>"};

struct CheckedTool {
  std::string name;
  Json schema;
};

core::Result<Json> Parameters(const ToolDefinition& tool, const GrammarLimits& limits) {
  if (tool.parameters.empty()) return Json{{"type", "object"}, {"properties", Json::object()}};
  INGOT_TRY(CheckSchema(tool.parameters, limits));
  INGOT_ASSIGN(Json schema, core::ParseJson(tool.parameters));
  const auto type = schema.find("type");
  if (!schema.is_object() || (type != schema.end() && *type != "object")) {
    return core::InvalidArgument("the schema: expected one of an object");
  }
  return schema;
}

// Names stand in the midst of a notation, so they must be names.
bool IsName(std::string_view text) {
  if (text.empty() || text.size() > 256) return false;
  for (const char c : text) {
    const bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '_' || c == '-' || c == '.' || c == ':' || c == '/';
    if (!fits) return false;
  }
  return true;
}

// Makes xgrammar's structural tags.
class Builder {
 public:
  Builder(const std::vector<CheckedTool>& tools, const ToolGrammarOptions& options,
          const GrammarLimits& limits)
      : tools_(tools), options_(options), limits_(limits) {}

  // Text in which calls of one notation stand.
  core::Result<Json> Calls(const Notation& notation) const {
    Json tags = Json::array();
    for (const CheckedTool& tool : tools_) {
      const std::string name = notation.quoted ? Json(tool.name).dump() : tool.name;
      Json arguments;
      if (notation.tags == nullptr) {
        arguments = Arguments(tool);
      } else {
        auto tagged = TaggedArguments(tool.schema, *notation.tags, limits_);
        if (!tagged.ok()) {
          return std::move(tagged).status().Context(StrCat("the tool ", Quoted(tool.name, 60)));
        }
        arguments = *std::move(tagged);
      }
      tags.push_back(
          Tag(notation, StrCat(notation.before, name, notation.between), std::move(arguments)));
    }
    return InText(notation, std::move(tags));
  }

  // All calls are one list of JSON objects.
  Json Cohere() const {
    Json calls = Json::array();
    for (const CheckedTool& tool : tools_) {
      calls.push_back(Sequence(
          {Plain("\n    {\"tool_call_id\": \""),
           {{"type", "regex"}, {"pattern", "[0-9]{1,4}"}},
           Plain(StrCat("\", \"tool_name\": ", Json(tool.name).dump(), ", \"parameters\": ")),
           Arguments(tool),
           Plain("}")}));
    }
    const Json call = Either(std::move(calls));
    Json list = call;
    if (!options_.single) {
      list = Sequence({call, {{"type", "star"}, {"content", Sequence({Plain(","), call})}}});
    }
    return InText(kCohere, Json::array({Tag(kCohere, kCohere.before, std::move(list))}));
  }

  // Messages, of which the last is a call or the answer. The end of a call ends the generation.
  Json Harmony() const {
    const auto message = [&](std::string_view channel) {
      return Sequence({Plain(channel), Mark("<|message|>"), Text()});
    };
    const auto before_others = [&](std::string_view channel) {
      return Sequence({TagOf("<|channel|>", message(channel), "<|end|>"), Mark("<|start|>"),
                       Plain("assistant")});
    };
    Json last = Json::array();
    for (const CheckedTool& tool : tools_) {
      last.push_back(
          Sequence({Mark("<|channel|>"), Plain(StrCat("commentary to=functions.", tool.name, " ")),
                    Mark("<|constrain|>"), Plain("json"), Mark("<|message|>"), Arguments(tool)}));
    }
    if (!options_.required) {
      last.push_back(Sequence({Mark("<|channel|>"), message("final")}));
    }
    return Sequence({{{"type", "star"},
                      {"content", Either(Json::array(
                                      {before_others("analysis"), before_others("commentary")}))}},
                     Either(std::move(last))});
  }

 private:
  std::optional<TokenId> Special(std::string_view mark) const {
    if (options_.tokenizer == nullptr || mark.empty()) return std::nullopt;
    const std::optional<TokenId> id = options_.tokenizer->TokenOf(mark);
    return id && options_.tokenizer->IsSpecial(*id) ? id : std::nullopt;
  }
  static Json Token(TokenId id) { return {{"type", "token"}, {"token", id}}; }
  static Json Plain(std::string_view text) { return {{"type", "const_string"}, {"value", text}}; }
  Json Mark(std::string_view mark) const {
    const std::optional<TokenId> id = Special(mark);
    return id ? Token(*id) : Plain(mark);
  }
  static Json Sequence(Json elements) {
    return {{"type", "sequence"}, {"elements", std::move(elements)}};
  }
  static Json Either(Json elements) { return {{"type", "or"}, {"elements", std::move(elements)}}; }
  Json Arguments(const CheckedTool& tool) const {
    return {{"type", "json_schema"},
            {"json_schema", tool.schema},
            {"style", "json"},
            {"max_whitespace_cnt", limits_.whitespace}};
  }

  // Ends at the mark that ends the tag around it.
  Json Text() const {
    if (options_.tokenizer == nullptr) return {{"type", "any_text"}};
    return {{"type", "any_tokens"}, {"exclude_tokens", SpecialsBut({})}};
  }

  Json TagOf(std::string_view begin, Json content, std::string_view end) const {
    const std::optional<TokenId> first = Special(begin);
    const std::optional<TokenId> last = Special(end);
    return {{"type", "tag"},
            {"begin", first ? Token(*first) : Json(begin)},
            {"content", std::move(content)},
            {"end", last ? Token(*last) : Json(end)}};
  }

  // Marks that are no special tokens are part of the text beside them. arguments may be null.
  Json Tag(const Notation& notation, std::string_view before, Json arguments) const {
    const bool opens = Special(notation.open).has_value();
    const bool closes = Special(notation.close).has_value();
    if (opens || closes || arguments.is_null()) {
      Json parts = Json::array();
      if (opens && !before.empty()) parts.push_back(Plain(before));
      if (!arguments.is_null()) parts.push_back(std::move(arguments));
      if (closes && !notation.after.empty()) parts.push_back(Plain(notation.after));
      if (parts.empty()) parts.push_back(Plain(""));
      arguments = Sequence(std::move(parts));
    }
    return TagOf(opens ? std::string(notation.open) : StrCat(notation.open, before),
                 std::move(arguments),
                 closes ? std::string(notation.close) : StrCat(notation.after, notation.close));
  }

  Json InText(const Notation& notation, Json tags) const {
    Json format = {{"tags", std::move(tags)},
                   {"at_least_one", options_.required},
                   {"stop_after_first", options_.single}};
    if (const std::optional<TokenId> open = Special(notation.open)) {
      format["type"] = "token_triggered_tags";
      format["trigger_tokens"] = Json::array({*open});
      format["exclude_tokens"] = SpecialsBut(notation.marks, *open);
    } else {
      format["type"] = "triggered_tags";
      format["triggers"] = Json::array({notation.open});
    }
    return format;
  }

  // All special tokens but those that stand in such text.
  Json SpecialsBut(const Marks& marks, std::optional<TokenId> trigger = {}) const {
    std::set<TokenId> kept;
    for (const std::string_view mark : marks) {
      if (const std::optional<TokenId> id = Special(mark)) kept.insert(*id);
    }
    if (trigger) kept.insert(*trigger);
    Json ids = Json::array();
    for (TokenId id = 0; id < options_.tokenizer->id_end(); ++id) {
      if (options_.tokenizer->IsSpecial(id) && !kept.contains(id)) ids.push_back(id);
    }
    return ids;
  }

  const std::vector<CheckedTool>& tools_;
  const ToolGrammarOptions& options_;
  const GrammarLimits& limits_;
};

core::Result<Json> Format(std::string_view parser, const Builder& builder) {
  if (parser == "cohere") return builder.Cohere();
  if (parser == "harmony" || parser == "gpt-oss") return builder.Harmony();
  for (const Notation& notation : kNotations) {
    if (notation.parser == parser) return builder.Calls(notation);
  }
  return core::Unsupported(StrCat("calls as ", Quoted(parser, 60), " writes them have no grammar"));
}

bool HasMark(const Notation& notation, std::string_view token) {
  return token == notation.open || token == notation.close ||
         std::find(notation.marks.begin(), notation.marks.end(), token) != notation.marks.end();
}

}  // namespace

bool IsCallMark(std::string_view token) {
  if (token.empty()) return false;
  return HasMark(kCohere, token) ||
         std::any_of(std::begin(kNotations), std::end(kNotations),
                     [&](const Notation& notation) { return HasMark(notation, token); }) ||
         std::find(std::begin(kHarmonyMarks), std::end(kHarmonyMarks), token) !=
             std::end(kHarmonyMarks);
}

core::Result<GrammarSpec> ToolCallGrammar(std::string_view parser,
                                          std::span<const ToolDefinition> tools,
                                          const ToolGrammarOptions& options,
                                          const GrammarLimits& limits) {
  if (tools.empty()) return core::InvalidArgument("no tools to call");
  if (tools.size() > limits.schema_branches) {
    return core::Exhausted(
        StrCat(tools.size(), " tools, over the limit of ", limits.schema_branches));
  }
  std::vector<CheckedTool> checked;
  std::set<std::string_view> seen;
  for (const ToolDefinition& tool : tools) {
    const std::string what = StrCat("the tool ", Quoted(tool.name, 60));
    if (!IsName(tool.name)) {
      return core::InvalidArgument(
          StrCat(what, ": expected a name of letters, digits and _ - . : /"));
    }
    if (!seen.insert(tool.name).second) {
      return core::InvalidArgument(StrCat(what, " is there twice"));
    }
    core::Result<Json> schema = Parameters(tool, limits);
    if (!schema.ok()) return std::move(schema).status().Context(what);
    checked.push_back({tool.name, *std::move(schema)});
  }
  INGOT_ASSIGN(Json format, Format(parser, Builder(checked, options, limits)));
  const Json tag = {{"type", "structural_tag"}, {"format", std::move(format)}};
  return GrammarSpec{GrammarKind::kTools, tag.dump()};
}

}  // namespace ingot::text
