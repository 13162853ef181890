// Grammars of tool calls: an answer that calls the tools it was given, with arguments that fit
// their schemas, in the notation that the model's parser reads. Pure functions.
#ifndef INGOT_TEXT_GRAMMAR_TOOL_GRAMMAR_H_
#define INGOT_TEXT_GRAMMAR_TOOL_GRAMMAR_H_

#include <span>
#include <string>
#include <string_view>

#include "core/status.h"
#include "text/grammar/grammar_spec.h"
#include "text/token/tokenizer.h"

namespace ingot::text {

struct ToolDefinition {
  std::string name;
  std::string parameters;  // a JSON schema of an object; empty: no arguments
};

struct ToolGrammarOptions {
  // The answer is calls and nothing else; otherwise text, in which calls may stand.
  bool required = false;
  // The answer ends with its first call.
  bool single = false;
  // Of the model. What marks a call may be a special token of it, which comes through where the
  // notation has the mark and nowhere else; without a tokenizer, marks are plain text.
  const Tokenizer* tokenizer = nullptr;
};

// parser: as a model names the one that reads its answers ("qwen3", "glm-4.7"); kUnsupported for
// one whose calls have no grammar. Schemas are checked as CheckSchema does. The grammar is of the
// answer alone, which begins where the prompt ends; text in it may be thoughts, in their tags.
core::Result<GrammarSpec> ToolCallGrammar(std::string_view parser,
                                          std::span<const ToolDefinition> tools,
                                          const ToolGrammarOptions& options,
                                          const GrammarLimits& limits = {});

// Whether some notation marks its calls, thoughts or messages with this. GrammarVocabulary keeps
// such tokens apart from other special ones, which no grammar lets through.
bool IsCallMark(std::string_view token);

}  // namespace ingot::text

#endif  // INGOT_TEXT_GRAMMAR_TOOL_GRAMMAR_H_
