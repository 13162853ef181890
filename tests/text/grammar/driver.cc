// Walks through grammars for the differential test, as tools/reference/grammar_diff.py does:
//   driver tokenizer.json < requests
// One JSON list in: {"end": id, "width": n, "steps": n} and then {"kind": .., "text": ..} for each
// grammar, or {"kind": "tools", "parser": .., "tools": [..], "required": .., "single": ..}. One
// list out: for each grammar {"masks": ["hex", ..], "tokens": [..], "text": ..} or {"error": ".."}.
#include <bit>
#include <iostream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "core/env.h"
#include "core/json.h"
#include "text/grammar/grammar_compiler.h"
#include "text/grammar/tool_grammar.h"
#include "text/token/tokenizer.h"

namespace {

using namespace ingot;
using core::Json;

[[noreturn]] void Die(const core::Status& status) {
  std::cerr << status.message() << "\n";
  std::exit(1);
}

core::Result<text::GrammarSpec> Spec(const Json& request) {
  const std::string kind = request["kind"];
  if (kind == "tools") {
    std::vector<text::ToolDefinition> tools;
    for (const Json& tool : request["tools"]) {
      tools.push_back({tool["name"].get<std::string>(), tool["parameters"].dump()});
    }
    return text::ToolCallGrammar(request["parser"].get<std::string>(), tools,
                                 {.required = request["required"], .single = request["single"]});
  }
  const std::pair<std::string_view, text::GrammarKind> kinds[] = {
      {"json", text::GrammarKind::kJson},
      {"schema", text::GrammarKind::kSchema},
      {"regex", text::GrammarKind::kRegex},
      {"ebnf", text::GrammarKind::kEbnf}};
  for (const auto& [name, value] : kinds) {
    if (name == kind) return text::GrammarSpec{value, request["text"].get<std::string>()};
  }
  return core::InvalidArgument("unknown kind " + kind);
}

std::string Hex(const std::vector<uint32_t>& mask) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const uint32_t word : mask) {
    for (int shift = 28; shift >= 0; shift -= 4) out.push_back(kDigits[word >> shift & 15]);
  }
  return out;
}

// The n-th token that the mask lets through, n taken modulo how many there are.
std::optional<text::TokenId> Choose(const std::vector<uint32_t>& mask, uint64_t n) {
  uint64_t count = 0;
  for (const uint32_t word : mask) count += static_cast<uint64_t>(std::popcount(word));
  if (count == 0) return std::nullopt;
  n %= count;
  for (text::TokenId id = 0;; ++id) {
    if ((mask[id / 32] >> id % 32 & 1) != 0 && n-- == 0) return id;
  }
}

Json Walk(text::GrammarCompiler& compiler, const Json& request, int steps) {
  const auto spec = Spec(request);
  if (!spec.ok()) return {{"error", std::string(spec.status().message())}};
  const auto grammar = compiler.Compile(*spec);
  if (!grammar.ok()) return {{"error", std::string(grammar.status().message())}};
  text::GrammarMatcher matcher(*grammar);
  Json masks = Json::array();
  Json tokens = Json::array();
  std::vector<uint32_t> mask((*grammar)->mask_words());
  uint64_t random = 1;
  for (int step = 0; step < steps && !matcher.terminated(); ++step) {
    const auto filled = matcher.Fill(mask);
    if (!filled.ok()) Die(filled.status());
    masks.push_back(Hex(mask));
    random = random * 6364136223846793005 + 1442695040888963407;
    const auto token = Choose(mask, random >> 33);
    if (!token) break;
    const auto accepted = matcher.Accept(*token);
    if (!accepted.ok() || !*accepted) Die(core::Internal("a token of the mask is refused"));
    tokens.push_back(*token);
  }
  return {{"masks", std::move(masks)}, {"tokens", std::move(tokens)}, {"text", spec->text}};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const auto file = core::ReadSmallFile(core::Env::Posix(), argv[1], 512 << 20);
  if (!file.ok()) Die(file.status());
  const auto tokenizer = text::Tokenizer::Load(*file);
  if (!tokenizer.ok()) Die(tokenizer.status());
  const std::string input(std::istreambuf_iterator<char>(std::cin), {});
  const auto requests = core::ParseJson(input);
  if (!requests.ok()) Die(requests.status());
  const Json& head = (*requests)[0];
  const text::TokenId end = head["end"];
  auto compiler =
      text::GrammarCompiler::Create(text::GrammarVocabulary(**tokenizer), {&end, 1}, head["width"]);
  if (!compiler.ok()) Die(compiler.status());
  Json answers = Json::array();
  for (size_t i = 1; i < requests->size(); ++i) {
    answers.push_back(Walk(**compiler, (*requests)[i], head["steps"]));
  }
  std::cout << answers.dump() << "\n";
  return 0;
}
