// Grammars of tool calls: an answer that calls the tools it was given, with arguments that fit
// their schemas, in the notation that the model's parser reads. Pure functions.
#ifndef INGOT_TEXT_GRAMMAR_TOOL_GRAMMAR_H_
#define INGOT_TEXT_GRAMMAR_TOOL_GRAMMAR_H_

#include <span>
#include <string>
#include <string_view>

#include "core/status.h"
#include "text/grammar/grammar_spec.h"

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
};

// parser: as a model names the one that reads its answers ("qwen3", "glm-4.7"); kUnsupported for
// one whose calls have no grammar. Schemas are checked as CheckSchema does.
core::Result<GrammarSpec> ToolCallGrammar(std::string_view parser,
                                          std::span<const ToolDefinition> tools,
                                          const ToolGrammarOptions& options,
                                          const GrammarLimits& limits = {});

}  // namespace ingot::text

#endif  // INGOT_TEXT_GRAMMAR_TOOL_GRAMMAR_H_
