// What an answer may look like, before it meets a vocabulary: a JSON schema, any JSON object, a
// regular expression, a grammar in EBNF, or the calls of tools. And the limits that such input,
// which comes from requests, must keep to before anything is compiled from it. Plain values.
#ifndef INGOT_TEXT_GRAMMAR_GRAMMAR_SPEC_H_
#define INGOT_TEXT_GRAMMAR_GRAMMAR_SPEC_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/status.h"

namespace ingot::text {

enum class GrammarKind {
  kJson,    // one JSON object; text is empty
  kSchema,  // text: a JSON schema
  kRegex,   // text: a regular expression that the whole answer matches
  kEbnf,    // text: rules in EBNF (name ::= "text" [a-z]{1,3} (a | b)*), the first one named root
  kTools,   // text: made by ToolCallGrammar
};

struct GrammarSpec {
  GrammarKind kind = GrammarKind::kJson;
  std::string text;
};

struct GrammarLimits {
  size_t schema_bytes = size_t{512} << 10;
  size_t schema_depth = 48;       // of the JSON text
  size_t schema_nodes = 30'000;   // values in it, all told
  size_t schema_branches = 2000;  // of one anyOf, oneOf or type
  size_t schema_refs = 2000;
  size_t schema_values = 10'000;  // of one enum
  // Of minLength, maxItems and the like. Larger ones of the upper kind would limit nothing.
  uint64_t repetition = 1'000'000;
  // Properties times how many of them must or may be there: the grammar has a rule for each pair.
  uint64_t counted_properties = 20'000;
  uint64_t multiple_of = 1000;  // a rule for each remainder

  size_t pattern_bytes = size_t{64} << 10;  // of a regex or an EBNF grammar
  size_t pattern_depth = 100;               // brackets in brackets

  // White space between the parts of JSON: so many characters at a time and no more, or a model
  // that goes astray could write it for ever.
  int whitespace = 20;

  // The grammar without masks, and how many (token, state) pairs its masks are computed from.
  size_t grammar_bytes = size_t{16} << 20;
  uint64_t mask_work = 1'000'000'000;
  // What the parser may do while they are computed, and how many states it may hold on to at once:
  // rules that can read the same text in very many ways take ever more of both.
  uint64_t parse_work = 16'000'000'000;
  size_t parse_states = 500'000;
  // The same while an answer is followed, for each token of it.
  uint64_t token_work = 200'000'000;
  size_t token_states = 8'000'000;
  // How long one caller waits. What is not done by then is given up (see grammar_compiler.h).
  std::chrono::milliseconds compile_time{30'000};
  // All compiled grammars that are kept, by how much memory they take.
  size_t cache_bytes = size_t{96} << 20;
};

// Refuses what is over the limits, and what would be compiled into less than it says. The error
// names the keyword and where it stands ("#/properties/name").
core::Status CheckSchema(std::string_view schema, const GrammarLimits& limits);
// For regular expressions and EBNF: length and nesting.
core::Status CheckPattern(GrammarKind kind, std::string_view text, const GrammarLimits& limits);

}  // namespace ingot::text

#endif  // INGOT_TEXT_GRAMMAR_GRAMMAR_SPEC_H_
