// Compiles grammars for one vocabulary, and keeps them.
//
// Input from requests cannot make it work or grow without bounds:
// - What is too large, too deep or repeats too often is refused before anything is built from it.
// - It is then compiled without a vocabulary, which is quick; what turns out too large, or would
//   take too much work with one, is refused.
// - The rest is done on threads of its own, one grammar at a time. What the parser does there is
//   counted, for rules can read the same text in very many ways: over the limit, it ends with an
//   error. A caller waits no longer than the limit; the work goes on, bounded as it is, and what it
//   made is kept for whoever asks again.
//
// Any thread may call it. The destructor ends work that is under way.
#ifndef INGOT_TEXT_GRAMMAR_GRAMMAR_COMPILER_H_
#define INGOT_TEXT_GRAMMAR_GRAMMAR_COMPILER_H_

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/status.h"
#include "text/grammar/deadline_runner.h"
#include "text/grammar/grammar_matcher.h"
#include "text/grammar/grammar_spec.h"
#include "text/token/tokenizer.h"

namespace ingot::text {

// Text of each token as grammars see it: plain bytes. Special tokens are no part of any text. Those
// that end the answer come through where it may end, and marks of calls where the notation of
// ToolCallGrammar has them.
std::vector<std::string> GrammarVocabulary(const Tokenizer& tokenizer);

class GrammarCompiler {
 public:
  // ends: the tokens that end an answer. width: how many tokens the model gives logits for, no less
  // than the tokenizer has.
  static core::Result<std::unique_ptr<GrammarCompiler>> Create(
      const std::vector<std::string>& vocabulary, std::span<const TokenId> ends, size_t width,
      const GrammarLimits& limits = {});
  ~GrammarCompiler();

  core::Result<std::shared_ptr<const CompiledGrammar>> Compile(const GrammarSpec& spec);

  struct CacheStats {
    size_t grammars = 0;
    size_t bytes = 0;
    size_t hits = 0;
    size_t compiled = 0;
  };
  CacheStats cache_stats() const;

 private:
  struct Shared;
  struct Job;
  explicit GrammarCompiler(std::shared_ptr<Shared> shared);

  std::shared_ptr<Shared> shared_;
  DeadlineRunner runner_;
};

}  // namespace ingot::text

#endif  // INGOT_TEXT_GRAMMAR_GRAMMAR_COMPILER_H_
