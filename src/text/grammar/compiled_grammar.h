// What a CompiledGrammar holds. For this folder.
#ifndef INGOT_TEXT_GRAMMAR_COMPILED_GRAMMAR_H_
#define INGOT_TEXT_GRAMMAR_COMPILED_GRAMMAR_H_

#include <utility>

#include <xgrammar/compiler.h>

#include "text/grammar/grammar_matcher.h"

namespace ingot::text {

struct CompiledGrammar::Impl {
  explicit Impl(xgrammar::CompiledGrammar value) : grammar(std::move(value)) {}
  xgrammar::CompiledGrammar grammar;
};

}  // namespace ingot::text

#endif  // INGOT_TEXT_GRAMMAR_COMPILED_GRAMMAR_H_
