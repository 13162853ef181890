#include "text/grammar/tool_grammar.h"

#include <set>

#include "core/json.h"
#include "core/strings.h"

namespace ingot::text {

using core::Json;
using core::Quoted;
using core::StrCat;

namespace {

// How one family writes a call. `style` is xgrammar's name for the arguments.
struct Notation {
  std::string_view parser;
  std::string_view trigger;  // with it a call begins, and nothing else does
  std::string_view before;   // the name, after the trigger
  bool quoted;               // the name is a JSON string
  std::string_view between;  // the name and the arguments
  std::string_view style;
  std::string_view end;
};

constexpr std::string_view kTag = "<tool_call>";
constexpr Notation kNotations[] = {
    {"qwen3", kTag, "\n{\"name\": ", true, ", \"arguments\": ", "json", "}\n</tool_call>"},
    {"qwen3-coder", kTag, "\n<function=", false, ">\n", "qwen_xml", "\n</function>\n</tool_call>"},
    {"qwen3.5", kTag, "\n<function=", false, ">\n", "qwen_xml", "\n</function>\n</tool_call>"},
    {"nemotron-3-nano", kTag, "\n<function=", false, ">\n", "qwen_xml",
     "\n</function>\n</tool_call>"},
    {"glm-4.7", kTag, "", false, "", "glm_xml", "</tool_call>"},
};

const Notation* FindNotation(std::string_view parser) {
  for (const Notation& notation : kNotations) {
    if (notation.parser == parser) return &notation;
  }
  return nullptr;
}

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

}  // namespace

core::Result<GrammarSpec> ToolCallGrammar(std::string_view parser,
                                          std::span<const ToolDefinition> tools,
                                          const ToolGrammarOptions& options,
                                          const GrammarLimits& limits) {
  const Notation* notation = FindNotation(parser);
  if (notation == nullptr) {
    return core::Unsupported(
        StrCat("calls as ", Quoted(parser, 60), " writes them have no grammar"));
  }
  if (tools.empty()) return core::InvalidArgument("no tools to call");
  if (tools.size() > limits.schema_branches) {
    return core::Exhausted(
        StrCat(tools.size(), " tools, over the limit of ", limits.schema_branches));
  }
  Json tags = Json::array();
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
    const std::string name = notation->quoted ? Json(tool.name).dump() : tool.name;
    tags.push_back({{"type", "tag"},
                    {"begin", StrCat(notation->trigger, notation->before, name, notation->between)},
                    {"content",
                     {{"type", "json_schema"},
                      {"json_schema", *std::move(schema)},
                      {"style", notation->style},
                      {"max_whitespace_cnt", limits.whitespace}}},
                    {"end", notation->end}});
  }
  const Json format = {{"type", "triggered_tags"},
                       {"triggers", Json::array({notation->trigger})},
                       {"tags", std::move(tags)},
                       {"at_least_one", options.required},
                       {"stop_after_first", options.single}};
  const Json tag = {{"type", "structural_tag"}, {"format", format}};
  return GrammarSpec{GrammarKind::kTools, tag.dump()};
}

}  // namespace ingot::text
