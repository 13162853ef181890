// What a CompiledGrammar holds. For this folder.
#ifndef INGOT_TEXT_GRAMMAR_COMPILED_GRAMMAR_H_
#define INGOT_TEXT_GRAMMAR_COMPILED_GRAMMAR_H_

#include <utility>

#include <xgrammar/compiler.h>

#include "text/grammar/grammar_matcher.h"
#include "text/grammar/grammar_spec.h"

namespace ingot::text {

struct CompiledGrammar::Impl {
  Impl(xgrammar::CompiledGrammar value, const GrammarLimits& limits)
      : grammar(std::move(value)),
        token_work(limits.token_work),
        token_states(limits.token_states) {}
  xgrammar::CompiledGrammar grammar;
  uint64_t token_work;
  size_t token_states;
};

}  // namespace ingot::text

#endif  // INGOT_TEXT_GRAMMAR_COMPILED_GRAMMAR_H_
