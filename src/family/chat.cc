#include "family/chat.h"

#include <algorithm>
#include <span>

#include "core/strings.h"
#include "family/rules.h"

namespace ingot::family {
namespace {

// Which text of the checkpoint is searched for a row's marks.
enum class Look : uint8_t { kNowhere, kMainTemplate, kBothTemplates };

// Rows are tried in order; the first whose identifier fits is taken. With all of its marks found,
// the model is of the newer make.
struct Row {
  std::span<const NameTest> identifiers;
  std::string_view parser;
  std::string_view renderer;
  Look look = Look::kNowhere;
  std::span<const std::string_view> marks = {};
  std::string_view marked_parser = {};
  std::string_view marked_renderer = {};
  bool always_thinks = false;
};

constexpr NameTest kGlimmer[] = {Begins("museglimmer"), Begins("muse_glimmer")};
constexpr NameTest kLaguna[] = {Contains("laguna")};
constexpr NameTest kCohere[] = {Contains("cohere2moe"), Contains("cohere2_moe")};
constexpr NameTest kGlm4[] = {Contains("glm4"), Contains("glm-4")};
constexpr NameTest kDeepSeek[] = {Contains("deepseek")};
constexpr NameTest kGemma4[] = {Contains("gemma4")};
constexpr NameTest kQwen35[] = {Contains("qwen3_5"), Contains("qwen3next"), Contains("qwen3_next")};
constexpr NameTest kQwen3[] = {Contains("qwen3")};
constexpr NameTest kNemotron[] = {Contains("nemotronh"), Contains("nemotron_h")};

constexpr std::string_view kPoolsideMarks[] = {"laguna_glm_thinking_v8"};
constexpr std::string_view kQwen38Marks[] = {"resolved_reasoning_effort", "preserve_thinking"};
constexpr std::string_view kNemotron35Marks[] = {"{reasoning effort: efficient}"};

constexpr Row kRows[] = {
    {.identifiers = kGlimmer, .parser = "glimmer", .renderer = "glimmer"},
    {.identifiers = kLaguna,
     .parser = "laguna",
     .renderer = "laguna",
     .look = Look::kBothTemplates,
     .marks = kPoolsideMarks,
     .marked_parser = "poolside-v1",
     .marked_renderer = "poolside-v1"},
    {.identifiers = kCohere, .parser = "cohere", .renderer = "cohere"},
    {.identifiers = kGlm4, .parser = "glm-4.7", .renderer = "glm-4.7"},
    {.identifiers = kDeepSeek, .parser = "deepseek3", .renderer = "deepseek3"},
    {.identifiers = kGemma4, .parser = "gemma4", .renderer = "gemma4"},
    {.identifiers = kQwen35,
     .parser = "qwen3.5",
     .renderer = "qwen3.5",
     .look = Look::kMainTemplate,
     .marks = kQwen38Marks,
     .marked_parser = "qwen3.5",
     .marked_renderer = "qwen3.8",
     .always_thinks = true},
    {.identifiers = kQwen3, .parser = "qwen3", .renderer = "qwen3-coder"},
    {.identifiers = kNemotron,
     .parser = "nemotron-3-nano",
     .renderer = "nemotron-3-nano",
     .look = Look::kBothTemplates,
     .marks = kNemotron35Marks,
     .marked_parser = "nemotron-3.5-nano",
     .marked_renderer = "nemotron-3.5-nano"},
};

struct Ability {
  std::string_view parser;
  ParserAbilities abilities;
};
constexpr Ability kAbilities[] = {
    {"glimmer", {true, Thinking::kAlways}},
    {"laguna", {true, Thinking::kAlways}},
    {"poolside-v1", {true, Thinking::kAlways}},
    {"cohere", {true, Thinking::kAlways}},
    {"glm-4.7", {true, Thinking::kAlways}},
    {"deepseek3", {true, Thinking::kAlways}},
    {"gemma4", {true, Thinking::kAlways}},
    {"qwen3.5", {true, Thinking::kAlways}},
    {"qwen3", {true, Thinking::kIfTemplate}},
    {"qwen3-coder", {true, Thinking::kNever}},
    {"nemotron-3-nano", {true, Thinking::kAlways}},
    {"nemotron-3.5-nano", {true, Thinking::kAlways}},
};

bool Has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool HasAll(std::string_view text, std::span<const std::string_view> parts) {
  return std::all_of(parts.begin(), parts.end(),
                     [&](std::string_view part) { return Has(text, part); });
}

bool IsMarked(const Row& row, const ChatTemplates& templates) {
  switch (row.look) {
    case Look::kNowhere:
      return false;
    case Look::kMainTemplate:
      return HasAll(templates.Main(), row.marks);
    case Look::kBothTemplates:
      return HasAll(templates.tokenizer_config, row.marks) || HasAll(templates.file, row.marks);
  }
  return false;
}

// What a config calls the model, most telling first, in lower case.
std::vector<std::string> Identifiers(const core::Json& config) {
  std::vector<std::string> identifiers;
  const auto add = [&](const core::Json& object, const char* key) {
    const auto it = object.find(key);
    if (it != object.end() && it->is_string())
      identifiers.push_back(core::ToLower(it->get_ref<const std::string&>()));
  };
  if (!config.is_object()) return identifiers;
  if (const auto list = config.find("architectures"); list != config.end() && list->is_array()) {
    for (const core::Json& entry : *list) {
      if (entry.is_string())
        identifiers.push_back(core::ToLower(entry.get_ref<const std::string&>()));
    }
  }
  add(config, "model_type");
  if (const auto nested = config.find("llm_config");
      nested != config.end() && nested->is_object()) {
    add(*nested, "model_type");
  }
  return identifiers;
}

const Row* FindRow(const std::vector<std::string>& identifiers) {
  for (const std::string& identifier : identifiers) {
    for (const Row& row : kRows) {
      if (Names{.any = row.identifiers}.Match(identifier)) return &row;
    }
  }
  return nullptr;
}

bool IsPresent(const core::Json& config, const char* key) {
  const auto it = config.find(key);
  return it != config.end() && !it->is_null();
}

bool IsTrue(const core::Json& config, const char* key) {
  const auto it = config.find(key);
  return it != config.end() && it->is_boolean() && it->get<bool>();
}

// A template that shows thinking, or that takes it out of earlier turns.
bool TemplateThinks(std::string_view text) {
  if (Has(text, "<think>") && Has(text, "</think>")) return true;
  const bool splits =
      Has(text, "content.split('</think>')") || Has(text, "content.split(\"</think>\")");
  return splits && !Has(text, "reasoning_content") && !Has(text, "<SPECIAL_12>");
}

}  // namespace

ParserAbilities AbilitiesOf(std::string_view parser) {
  for (const Ability& row : kAbilities) {
    if (row.parser == parser) return row.abilities;
  }
  return {};
}

ChatSupport DetectChatSupport(const core::Json& config, const ChatTemplates& templates,
                              std::string_view chosen_renderer, std::string_view chosen_parser) {
  const std::vector<std::string> identifiers = Identifiers(config);
  ChatSupport support;
  bool thinks = TemplateThinks(templates.Main());
  if (const Row* row = FindRow(identifiers)) {
    const bool marked = IsMarked(*row, templates);
    support.parser = marked ? row->marked_parser : row->parser;
    support.renderer = marked ? row->marked_renderer : row->renderer;
  }
  thinks |= std::any_of(identifiers.begin(), identifiers.end(), [](const std::string& identifier) {
    return std::any_of(std::begin(kRows), std::end(kRows), [&](const Row& row) {
      return row.always_thinks && Names{.any = row.identifiers}.Match(identifier);
    });
  });
  if (!chosen_renderer.empty()) support.renderer = chosen_renderer;
  if (!chosen_parser.empty()) support.parser = chosen_parser;
  const ParserAbilities abilities = AbilitiesOf(support.parser);
  support.capabilities.emplace_back("completion");
  if (config.is_object()) {
    if (IsPresent(config, "vision_config") || IsTrue(config, "has_vision"))
      support.capabilities.emplace_back("vision");
    if (IsPresent(config, "audio_config") || IsPresent(config, "sound_config"))
      support.capabilities.emplace_back("audio");
  }
  if (abilities.tools) support.capabilities.emplace_back("tools");
  if (abilities.thinking == Thinking::kAlways ||
      (thinks && abilities.thinking == Thinking::kIfTemplate)) {
    support.capabilities.emplace_back("thinking");
  }
  return support;
}

}  // namespace ingot::family
