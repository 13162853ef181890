// Any text as a model's answer, through each parser: what comes out is the same however the answer
// is cut, is valid JSON where it is a call, and nothing that was said is lost.
//
// The first byte chooses the parser, the second whether the prompt ended inside thinking and
// whether tools were offered, the third how the answer is cut; the rest is the answer.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/json.h"
#include "core/strings.h"
#include "text/parse/output_parser.h"

namespace {

using ingot::core::Json;
using ingot::text::OutputParser;
using ingot::text::ParsedPiece;

void Require(bool holds) {
  if (!holds) std::abort();
}

Json Tools() {
  const Json parameters = {
      {"type", "object"},
      {"properties",
       {{"a", {{"type", "string"}}},
        {"n", {{"type", "integer"}}},
        {"u", {{"anyOf", {{{"type", "null"}}, {{"type", "array"}}, {{"type", "number"}}}}}},
        {"o", {{"$ref", "#/$defs/any"}}}}},
      {"required", {"a"}},
      {"$defs", {{"any", {{"type", "object"}}}}}};
  return {{{"type", "function"}, {"function", {{"name", "f"}, {"parameters", parameters}}}},
          {{"type", "function"}, {"function", {{"name", "read"}}}}};
}

void Gather(ParsedPiece piece, ParsedPiece& all) {
  all.content += piece.content;
  all.thinking += piece.thinking;
  std::move(piece.calls.begin(), piece.calls.end(), std::back_inserter(all.calls));
}

// Pieces of 1 to 16 bytes, their sizes drawn from the seed; all at once for seed 0.
ParsedPiece Parse(std::string_view name, const ingot::text::ParserOptions& options,
                  std::string_view answer, uint32_t seed) {
  auto parser = ingot::text::MakeOutputParser(name, options);
  Require(parser.ok());
  ParsedPiece all;
  uint32_t state = seed;
  while (!answer.empty()) {
    state = state * 1664525u + 1013904223u;
    const size_t size =
        seed == 0 ? answer.size() : std::min<size_t>((state >> 24) % 16 + 1, answer.size());
    Gather((*parser)->Add(answer.substr(0, size)), all);
    answer.remove_prefix(size);
  }
  Gather((*parser)->Finish(), all);
  return all;
}

std::string Solid(std::string_view text) {
  std::string solid;
  std::copy_if(text.begin(), text.end(), std::back_inserter(solid),
               [](char c) { return c != ' ' && c != '\t' && c != '\r' && c != '\n'; });
  return solid;
}

bool Holds(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  static const Json tools = Tools();
  const auto names = ingot::text::OutputParserNames();
  const std::string_view name = names[data[0] % names.size()];
  ingot::text::ParserOptions options;
  options.in_thinking = (data[1] & 1) != 0;
  if ((data[1] & 2) != 0) options.tools = tools;
  const std::string_view answer(reinterpret_cast<const char*>(data) + 3, size - 3);

  const ParsedPiece whole = Parse(name, options, answer, 0);
  const ParsedPiece cut = Parse(name, options, answer, data[2] + 1u);
  Require(whole.content == cut.content && whole.thinking == cut.thinking);
  Require(whole.calls.size() == cut.calls.size());
  for (size_t i = 0; i < whole.calls.size(); ++i) {
    Require(whole.calls[i].name == cut.calls[i].name && !whole.calls[i].name.empty());
    Require(whole.calls[i].arguments.is_object());
    Require(whole.calls[i].arguments.dump() == cut.calls[i].arguments.dump());
    Require(ingot::core::IsValidUtf8(whole.calls[i].name));
  }
  // Without a call, and without any tag, all that was said is thinking or content.
  const auto tags = ingot::text::ParserTags(name);
  const bool tagged = std::any_of(tags.begin(), tags.end(),
                                  [&](std::string_view tag) { return Holds(answer, tag); });
  if (whole.calls.empty() && !tagged)
    Require(Solid(whole.thinking + whole.content) == Solid(answer));
  return 0;
}
