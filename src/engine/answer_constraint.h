// Constraints on answers as requests ask for them: a grammar that holds from the first token after
// thinking has ended, and a bound on how long thinking may take.
//
// AnswerConstraints: any thread. What it makes belongs to one sequence.
#ifndef INGOT_ENGINE_ANSWER_CONSTRAINT_H_
#define INGOT_ENGINE_ANSWER_CONSTRAINT_H_

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/status.h"
#include "engine/token_constraint.h"
#include "text/grammar/grammar_compiler.h"
#include "text/grammar/tool_grammar.h"
#include "text/token/tokenizer.h"

namespace ingot::engine {

struct ConstraintSpec {
  std::optional<text::GrammarSpec> grammar = {};
  // Where there are any and no grammar: calls of these, in the notation of the model's parser.
  std::vector<text::ToolDefinition> tools = {};
  bool tools_required = false;  // calls and nothing else; otherwise text in which calls may stand
  bool single_call = false;
  bool in_thinking = false;                 // the prompt ends where the model thinks already
  bool may_think = false;                   // it does not, and the model may begin to
  std::optional<int> thinking_budget = {};  // tokens, after which thinking is made to end
};

// What of a model the constraints need to know.
struct ConstrainedModel {
  const text::Tokenizer* tokenizer = nullptr;  // outlives the constraints
  std::string parser;                          // of its answers
  std::vector<int> ends;                       // tokens that end an answer
  int vocabulary = 0;                          // tokens that it gives logits for
};

class AnswerConstraints {
 public:
  explicit AnswerConstraints(ConstrainedModel model) : model_(std::move(model)) {}

  // Null where nothing is asked for. kInvalidArgument or kExhausted for grammars that cannot be
  // compiled, kUnsupported where the model's answers are such that the constraint could not be
  // kept. Takes as long as compiling does, the first time.
  core::Result<std::unique_ptr<TokenConstraint>> Make(const ConstraintSpec& spec) const;

 private:
  core::Result<std::shared_ptr<const text::CompiledGrammar>> Compile(
      const text::GrammarSpec& spec) const;

  const ConstrainedModel model_;
  mutable std::mutex mutex_;
  mutable std::unique_ptr<text::GrammarCompiler> compiler_;  // made when first needed
};

}  // namespace ingot::engine

#endif  // INGOT_ENGINE_ANSWER_CONSTRAINT_H_
