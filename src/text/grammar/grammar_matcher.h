// Follows an answer token by token and says which tokens may come next.
//
//   matcher.Fill(mask);                    // one bit a token, in words of 32, low bits first
//   ... sample among the tokens whose bit is set ...
//   matcher.Accept(token);
//
// What one token may cost is bounded (GrammarLimits::token_work): a matcher whose grammar comes to
// more gives kExhausted from then on, and the answer cannot go on.
//
// A matcher belongs to one thread at a time; any number of them share one compiled grammar, which
// is immutable.
#ifndef INGOT_TEXT_GRAMMAR_GRAMMAR_MATCHER_H_
#define INGOT_TEXT_GRAMMAR_GRAMMAR_MATCHER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "core/status.h"
#include "text/token/vocab.h"

namespace ingot::text {

// A grammar together with a vocabulary. Made by GrammarCompiler.
class CompiledGrammar {
 public:
  struct Impl;  // of xgrammar
  explicit CompiledGrammar(std::unique_ptr<Impl> impl);
  ~CompiledGrammar();

  // How many tokens a mask has a bit for.
  size_t vocabulary() const;
  size_t mask_words() const { return (vocabulary() + 31) / 32; }
  // Memory that it takes, about.
  size_t bytes() const;

 private:
  friend class GrammarMatcher;
  std::unique_ptr<Impl> impl_;
};

class GrammarMatcher {
 public:
  explicit GrammarMatcher(std::shared_ptr<const CompiledGrammar> grammar);
  ~GrammarMatcher();
  GrammarMatcher(GrammarMatcher&&) noexcept;
  GrammarMatcher& operator=(GrammarMatcher&&) noexcept;

  const CompiledGrammar& grammar() const { return *grammar_; }

  // Sets the bits of the tokens that may come next and clears the others; mask has mask_words()
  // words. False when any token may come, so that nothing need be masked. Must not be called once
  // terminated.
  core::Result<bool> Fill(std::span<uint32_t> mask);
  // False, and nothing changes, when the token may not come next.
  core::Result<bool> Accept(TokenId token);
  // Takes back the last tokens, at most as many as were accepted.
  core::Status Rollback(size_t tokens);
  // The answer is over: a token that ends it was accepted.
  bool terminated() const;
  // The answer could end here.
  bool completed() const;
  // What has to come next whatever is chosen, as bytes; often nothing.
  core::Result<std::string> Forced();
  // Another matcher at the same place.
  GrammarMatcher Fork() const;
  // Back to the beginning.
  void Reset();
  size_t accepted() const { return accepted_; }

 private:
  struct State;
  GrammarMatcher(std::shared_ptr<const CompiledGrammar> grammar, std::unique_ptr<State> state,
                 size_t accepted);

  std::shared_ptr<const CompiledGrammar> grammar_;
  std::unique_ptr<State> state_;
  size_t accepted_ = 0;
};

}  // namespace ingot::text

#endif  // INGOT_TEXT_GRAMMAR_GRAMMAR_MATCHER_H_
