// Where xgrammar's inside meets ours: what it logs, and how large a grammar is. For this folder.
#ifndef INGOT_TEXT_GRAMMAR_XGRAMMAR_GLUE_H_
#define INGOT_TEXT_GRAMMAR_XGRAMMAR_GLUE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <xgrammar/compiler.h>
#include <xgrammar/grammar.h>

#include "core/status.h"

namespace ingot::text {

// Collects the warnings of this thread for as long as it lives. xgrammar warns where it passes over
// something that was asked for, so whoever compiles takes a warning for a refusal.
class WarningScope {
 public:
  WarningScope();
  ~WarningScope();
  WarningScope(const WarningScope&) = delete;
  WarningScope& operator=(const WarningScope&) = delete;
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  std::vector<std::string> warnings_;
  std::vector<std::string>* outer_;
};

// Runs work and makes a status of what it throws.
core::Status CatchGrammarErrors(const std::function<core::Status()>& work);

// How much work the masks of a grammar are, for a vocabulary of one token: states, each weighed
// with the part of all first bytes that it lets pass. The grammar must have been compiled, be it
// without a vocabulary.
double MaskWork(const xgrammar::CompiledGrammar& grammar);

}  // namespace ingot::text

#endif  // INGOT_TEXT_GRAMMAR_XGRAMMAR_GLUE_H_
