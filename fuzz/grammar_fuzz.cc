// Any bytes as a schema, a pattern or a grammar, and a walk through what it makes: it is refused
// with a reason, or its masks say what it takes.
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/grammar/grammar_compiler.h"
#include "text/grammar/tool_grammar.h"

namespace {

using namespace ingot::text;

void Require(bool holds) {
  if (!holds) std::abort();
}

constexpr TokenId kEnd = 258;

GrammarCompiler& Compiler() {
  static const std::unique_ptr<GrammarCompiler> compiler = [] {
    std::vector<std::string> vocabulary;
    for (int byte = 0; byte < 256; ++byte) vocabulary.emplace_back(1, static_cast<char>(byte));
    vocabulary.emplace_back("\": ");
    vocabulary.emplace_back("true");
    GrammarLimits limits;
    limits.mask_work = 200'000;
    limits.grammar_bytes = 1 << 20;
    limits.cache_bytes = 4 << 20;
    limits.parse_work = 50'000'000;
    limits.token_work = 5'000'000;
    limits.whitespace = 3;
    limits.compile_time = std::chrono::minutes(10);  // the fuzzer's own time limit is the measure
    const TokenId ends[] = {kEnd};
    auto made = GrammarCompiler::Create(vocabulary, ends, kEnd + 5, limits);
    Require(made.ok());
    return *std::move(made);
  }();
  return *compiler;
}

void Walk(GrammarMatcher matcher, uint64_t random) {
  std::vector<uint32_t> mask(matcher.grammar().mask_words());
  for (int step = 0; step < 24 && !matcher.terminated(); ++step) {
    const auto filled = matcher.Fill(mask);
    if (filled.status().code() == ingot::core::Code::kExhausted) return;  // too many readings
    Require(filled.ok());
    random = random * 6364136223846793005 + 1442695040888963407;
    const auto token = static_cast<TokenId>((random >> 33) % matcher.grammar().vocabulary());
    const bool bit = (mask[token / 32] >> token % 32 & 1) != 0;
    const auto accepted = matcher.Accept(token);
    if (accepted.status().code() == ingot::core::Code::kExhausted) return;
    Require(accepted.ok() && *accepted == bit);
    if (*accepted && step % 5 == 4) Require(matcher.Rollback(1).ok());
    if (!*accepted) {
      // One that goes on, so that the walk does.
      for (TokenId id = 0; id < matcher.grammar().vocabulary(); ++id) {
        if ((mask[id / 32] >> id % 32 & 1) == 0) continue;
        const auto goes_on = matcher.Accept(id);
        if (goes_on.status().code() == ingot::core::Code::kExhausted) return;
        Require(*goes_on);
        break;
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  constexpr GrammarKind kKinds[] = {GrammarKind::kSchema, GrammarKind::kRegex, GrammarKind::kEbnf};
  constexpr const char* kParsers[] = {"qwen3", "glm-4.7", "qwen3.5", "gemma4", "cohere", "harmony"};
  const size_t kind = data[0] % (std::size(kKinds) + std::size(kParsers));
  GrammarSpec spec;
  if (kind < std::size(kKinds)) {
    spec = {kKinds[kind], text};
  } else {
    const ToolDefinition tools[] = {{"f", text}, {"g", ""}};
    auto made = ToolCallGrammar(kParsers[kind - std::size(kKinds)], tools, {.required = true});
    if (!made.ok()) {
      Require(!made.status().message().empty());
      return 0;
    }
    spec = *std::move(made);
  }
  const auto grammar = Compiler().Compile(spec);
  if (!grammar.ok()) {
    Require(!grammar.status().message().empty());
    return 0;
  }
  Walk(GrammarMatcher(*grammar), size * 2654435761u);
  return 0;
}
