#include "text/parse/output_parser.h"

#include <algorithm>
#include <array>

#include "core/strings.h"
#include "text/parse/channel_parser.h"
#include "text/parse/object_parser.h"
#include "text/parse/tag_parser.h"

namespace ingot::text {
namespace {

constexpr std::string_view kThink = "<think>";
constexpr std::string_view kThinkEnd = "</think>";
constexpr std::string_view kCall = "<tool_call>";
constexpr std::string_view kCallEnd = "</tool_call>";

constexpr CallTags InToolCall(const CallFormat& format) { return {kCall, kCallEnd, &format}; }
// Models of the Qwen family sometimes leave the outer tags out.
constexpr CallTags kBareFunction = {"<function=", "</function>", &kFunctionTagCalls, true,
                                    kCallEnd};

constexpr TagStyle kQwen35Style = {.think_open = kThink,
                                   .think_close = kThinkEnd,
                                   .calls = {InToolCall(kFunctionTagCalls)},
                                   .call_ends_thinking = true};
// Qwen 3 writes its calls as JSON, its coder variants in tags; both go by this name.
constexpr TagStyle kQwen3Style = {.think_open = kThink,
                                  .think_close = kThinkEnd,
                                  .calls = {InToolCall(kJsonOrTagCalls), kBareFunction}};
constexpr TagStyle kQwen3CoderStyle = {.calls = {InToolCall(kFunctionTagCalls), kBareFunction}};
constexpr TagStyle kNemotronStyle = {
    .think_open = kThink, .think_close = kThinkEnd, .calls = {InToolCall(kFunctionTagCalls)}};
constexpr TagStyle kGemma4Style = {.think_open = "<|channel>thought",
                                   .think_close = "<channel|>",
                                   .calls = {{{"<|tool_call>", "<tool_call|>", &kBraceCalls}}},
                                   .thinks_again = true,
                                   .call_ends_thinking = true,
                                   .dropped = {"<channel|>", "<tool_call|>", "<|tool_response>"},
                                   .stops = {"<turn|>"}};
constexpr TagStyle kGlmStyle = {.think_open = kThink,
                                .think_close = kThinkEnd,
                                .calls = {InToolCall(kArgPairCalls)},
                                .call_ends_thinking = true};
constexpr TagStyle kLagunaStyle = {.think_open = kThink,
                                   .think_close = kThinkEnd,
                                   .calls = {InToolCall(kLagunaCalls)},
                                   .call_ends_thinking = true,
                                   .dropped = {"</assistant>"},
                                   .stops = {"</assistant>\n<user>", "</assistant><user>"},
                                   .turns = {"<user>", "<assistant>"}};
constexpr TagStyle kCohereStyle = {
    .think_open = "<|START_THINKING|>",
    .think_close = "<|END_THINKING|>",
    .calls = {{{"<|START_ACTION|>", "<|END_ACTION|>", &kJsonCalls}}},
    .thinks_again = true,
    .call_ends_thinking = true,
    .dropped = {"<|START_TEXT|>", "<|END_TEXT|>", "<|START_RESPONSE|>", "<|END_RESPONSE|>"},
    .stops = {"<|END_OF_TURN_TOKEN|>"}};
constexpr TagStyle kXmlStyle = {
    .think_open = kThink,
    .think_close = kThinkEnd,
    .calls = {{kBareFunction, {"<invoke ", "</invoke>", &kInvokeCalls, true}}},
    .dropped = {kCall, kCallEnd, "<function_calls>", "</function_calls>"}};

// One of style, channels and neither (bare objects).
struct Row {
  std::string_view name;
  const TagStyle* style = nullptr;
  std::optional<ChannelDialect> channels = {};
};

constexpr Row kRows[] = {
    {"generic"},
    {"json"},
    {"xml", &kXmlStyle},
    {"qwen3", &kQwen3Style},
    {"qwen3-coder", &kQwen3CoderStyle},
    {"qwen3.5", &kQwen35Style},
    {"gemma4", &kGemma4Style},
    {"glm-4.7", &kGlmStyle},
    {"laguna", &kLagunaStyle},
    {"poolside-v1", &kLagunaStyle},
    {"nemotron-3-nano", &kNemotronStyle},
    {"nemotron-3.5-nano", &kNemotronStyle},
    {"cohere", &kCohereStyle},
    {"harmony", nullptr, ChannelDialect::kHarmony},
    {"gpt-oss", nullptr, ChannelDialect::kHarmony},
    {"glimmer", nullptr, ChannelDialect::kGlimmer},
};

const Row* FindRow(std::string_view name) {
  if (name.empty() || name == "none") name = "generic";
  const auto row = std::find_if(std::begin(kRows), std::end(kRows),
                                [&](const Row& one) { return one.name == name; });
  return row != std::end(kRows) ? row : nullptr;
}

constexpr auto kNames = [] {
  std::array<std::string_view, std::size(kRows)> names;
  for (size_t i = 0; i < names.size(); ++i) names[i] = kRows[i].name;
  return names;
}();

std::string AllNames() {
  std::string all;
  for (const std::string_view name : kNames) all += core::StrCat(all.empty() ? "" : ", ", name);
  return all;
}

// What the text of a template must hold for a parser to be the one, tried in order.
struct Telltale {
  std::string_view parser;
  std::array<std::string_view, 2> marks;
};
constexpr Telltale kTelltales[] = {
    {"harmony", {"<|channel|>", "<|message|>"}},
    {"gemma4", {"<|tool_call>", "<|channel>"}},
    {"gemma4", {"<|tool_call>", "call:"}},
    {"cohere", {"<|START_ACTION|>", ""}},
    {"cohere", {"<|START_THINKING|>", ""}},
    {"glm-4.7", {"<tool_call>", "<arg_key>"}},
    {"qwen3.5", {"<function=", "<think>"}},
    {"qwen3-coder", {"<function=", "<tool_call>"}},
    {"xml", {"<function=", ""}},
    {"xml", {"<invoke name=", ""}},
    {"qwen3", {"<tool_call>", "arguments"}},
};

}  // namespace

core::Result<std::unique_ptr<OutputParser>> MakeOutputParser(std::string_view name,
                                                             ParserOptions options) {
  const Row* row = FindRow(name);
  if (row == nullptr) {
    return core::Unsupported(core::StrCat("no output parser ", core::Quoted(name, 60)))
        .WithHint(core::StrCat("There are: ", AllNames(), "."));
  }
  std::unique_ptr<OutputParser> parser;
  if (row->style != nullptr) {
    parser = std::make_unique<TagParser>(*row->style, std::move(options));
  } else if (row->channels.has_value()) {
    parser = std::make_unique<ChannelParser>(*row->channels, std::move(options));
  } else {
    parser = std::make_unique<ObjectParser>(std::move(options));
  }
  return parser;
}

bool HasOutputParser(std::string_view name) { return FindRow(name) != nullptr; }

std::span<const std::string_view> OutputParserNames() { return kNames; }

std::string_view InferOutputParser(std::string_view chat_template) {
  const auto holds = [&](std::string_view mark) {
    return chat_template.find(mark) != std::string_view::npos;
  };
  for (const Telltale& telltale : kTelltales) {
    if (holds(telltale.marks[0]) && holds(telltale.marks[1])) return telltale.parser;
  }
  return {};
}

std::vector<std::string_view> ParserTags(std::string_view name) {
  const Row* row = FindRow(name);
  if (row == nullptr) return {};
  std::vector<std::string_view> tags;
  if (row->style != nullptr) {
    const TagStyle& style = *row->style;
    tags = {style.think_open, style.think_close};
    for (const CallTags& call : style.calls) tags.insert(tags.end(), {call.open, call.close});
    tags.insert(tags.end(), style.dropped.begin(), style.dropped.end());
    tags.insert(tags.end(), style.stops.begin(), style.stops.end());
    tags.insert(tags.end(), style.turns.begin(), style.turns.end());
    std::erase(tags, std::string_view());
  } else if (row->channels.has_value()) {
    tags.assign(ChannelTags().begin(), ChannelTags().end());
  } else {
    tags.assign(ObjectTags().begin(), ObjectTags().end());
  }
  return tags;
}

}  // namespace ingot::text
