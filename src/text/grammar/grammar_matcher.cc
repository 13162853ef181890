#include "text/grammar/grammar_matcher.h"

#include <functional>
#include <utility>

#include <xgrammar/matcher.h>

#include "core/strings.h"
#include "text/grammar/compiled_grammar.h"
#include "text/grammar/parse_budget.h"
#include "text/grammar/parser_hooks.h"
#include "text/grammar/xgrammar_glue.h"

namespace ingot::text {

using core::Result;
using core::Status;
using core::StrCat;

CompiledGrammar::CompiledGrammar(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CompiledGrammar::~CompiledGrammar() = default;

size_t CompiledGrammar::vocabulary() const {
  return static_cast<size_t>(impl_->grammar.GetTokenizerInfo().GetVocabSize());
}

size_t CompiledGrammar::bytes() const { return impl_->grammar.MemorySizeBytes(); }

struct GrammarMatcher::State {
  explicit State(xgrammar::GrammarMatcher value) : matcher(std::move(value)) {}
  xgrammar::GrammarMatcher matcher;
  Status failed;  // then the matcher was left in the midst of something

  // Runs one step on a budget of its own.
  Status Step(const CompiledGrammar::Impl& grammar, const std::function<void()>& step) {
    INGOT_TRY(failed);
    ParseBudget budget(grammar.token_work, grammar.token_states);
    const ParseBudgetScope counted(&budget);
    Status status = CatchGrammarErrors([&] {
      step();
      return Status::Ok();
    });
    if (status.code() == core::Code::kExhausted) {
      status = std::move(status).Context("following the answer by its grammar");
      failed = status;
    }
    return status;
  }
};

GrammarMatcher::GrammarMatcher(std::shared_ptr<const CompiledGrammar> grammar)
    : grammar_(std::move(grammar)),
      state_(std::make_unique<State>(xgrammar::GrammarMatcher(grammar_->impl_->grammar))) {}
GrammarMatcher::GrammarMatcher(std::shared_ptr<const CompiledGrammar> grammar,
                               std::unique_ptr<State> state, size_t accepted)
    : grammar_(std::move(grammar)), state_(std::move(state)), accepted_(accepted) {}
GrammarMatcher::~GrammarMatcher() = default;
GrammarMatcher::GrammarMatcher(GrammarMatcher&&) noexcept = default;
GrammarMatcher& GrammarMatcher::operator=(GrammarMatcher&&) noexcept = default;

Result<bool> GrammarMatcher::Fill(std::span<uint32_t> mask) {
  if (mask.size() != grammar_->mask_words()) {
    return core::InvalidArgument(
        StrCat("a mask of ", mask.size(), " words, expected ", grammar_->mask_words()));
  }
  if (terminated()) return core::InvalidArgument("the answer is over: nothing may come next");
  bool needed = true;
  INGOT_TRY(state_->Step(*grammar_->impl_, [&] {
    auto words = static_cast<int64_t>(mask.size());
    DLTensor tensor = {};
    tensor.data = mask.data();
    tensor.device = {kDLCPU, 0};
    tensor.ndim = 1;
    tensor.dtype = xgrammar::GetBitmaskDLType();
    tensor.shape = &words;
    needed = state_->matcher.FillNextTokenBitmask(&tensor);
  }));
  // xgrammar leaves bits behind the last token as they come.
  const size_t rest = grammar_->vocabulary() % 32;
  if (rest != 0) mask.back() &= (uint32_t{1} << rest) - 1;
  return needed;
}

Result<bool> GrammarMatcher::Accept(TokenId token) {
  if (token >= grammar_->vocabulary()) {
    return core::InvalidArgument(
        StrCat("token ", token, " is not in the vocabulary of ", grammar_->vocabulary()));
  }
  if (terminated()) return false;
  bool accepted = false;
  INGOT_TRY(state_->Step(*grammar_->impl_, [&] {
    accepted = state_->matcher.AcceptToken(static_cast<int32_t>(token));
  }));
  if (accepted) ++accepted_;
  return accepted;
}

Status GrammarMatcher::Rollback(size_t tokens) {
  if (tokens > accepted_) {
    return core::InvalidArgument(
        StrCat("cannot take back ", tokens, " tokens of ", accepted_, " accepted"));
  }
  if (tokens == 0) return Status::Ok();
  INGOT_TRY(
      state_->Step(*grammar_->impl_, [&] { state_->matcher.Rollback(static_cast<int>(tokens)); }));
  accepted_ -= tokens;
  return Status::Ok();
}

bool GrammarMatcher::terminated() const { return state_->matcher.IsTerminated(); }
bool GrammarMatcher::completed() const { return state_->matcher.IsCompleted(); }

Result<std::string> GrammarMatcher::Forced() {
  if (terminated()) return std::string();
  std::string forced;
  INGOT_TRY(
      state_->Step(*grammar_->impl_, [&] { forced = state_->matcher.FindJumpForwardString(); }));
  return forced;
}

GrammarMatcher GrammarMatcher::Fork() const {
  auto state = std::make_unique<State>(state_->matcher.Fork());
  state->failed = state_->failed;
  return GrammarMatcher(grammar_, std::move(state), accepted_);
}

void GrammarMatcher::Reset() {
  if (state_->failed.ok()) {
    state_->matcher.Reset();
  } else {
    state_ = std::make_unique<State>(xgrammar::GrammarMatcher(grammar_->impl_->grammar));
  }
  accepted_ = 0;
}

}  // namespace ingot::text
