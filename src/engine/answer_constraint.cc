#include "engine/answer_constraint.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "core/strings.h"
#include "text/parse/output_parser.h"

namespace ingot::engine {
namespace {

using core::Result;
using core::Status;
using core::StrCat;

struct ThinkingTags {
  std::string_view open;
  std::string_view close;
};
constexpr std::array<ThinkingTags, 3> kThinkingTags = {{
    {"<think>", "</think>"},
    {"<|channel>thought", "<channel|>"},
    {"<|START_THINKING|>", "<|END_THINKING|>"},
}};
// Answers in channels have marks of their own around everything, which no grammar knows of.
constexpr std::string_view kChannelMark = "<|channel|>";

void SetBit(std::span<uint32_t> mask, int token, bool on) {
  uint32_t& word = mask[static_cast<size_t>(token) / 32];
  const uint32_t bit = uint32_t{1} << (static_cast<size_t>(token) % 32);
  word = on ? word | bit : word & ~bit;
}

struct Thinking {
  std::optional<int> open;  // the token that begins it, where it is one
  std::string close;
  std::vector<int> close_tokens;
};

class AnswerConstraint final : public TokenConstraint {
 public:
  AnswerConstraint(const ConstrainedModel& model, Thinking thinking,
                   std::optional<text::GrammarMatcher> matcher, const ConstraintSpec& spec)
      : tokenizer_(*model.tokenizer),
        ends_(model.ends),
        thinking_(std::move(thinking)),
        matcher_(std::move(matcher)),
        budget_(spec.thinking_budget),
        phase_(spec.in_thinking ? Phase::kThinking : Phase::kStart) {}

  Result<bool> Allowed(std::span<uint32_t> mask) override {
    if (phase_ == Phase::kThinking && budget_ && thought_ >= *budget_) phase_ = Phase::kClosing;
    switch (phase_) {
      case Phase::kThinking:
        if (!matcher_) return false;
        // The answer may not end before it has begun.
        std::fill(mask.begin(), mask.end(), ~uint32_t{0});
        for (const int end : ends_) SetBit(mask, end, false);
        return !ends_.empty();
      case Phase::kClosing:
        std::fill(mask.begin(), mask.end(), 0);
        SetBit(mask, thinking_.close_tokens[closed_], true);
        return true;
      case Phase::kStart:
      case Phase::kAnswer:
        break;
    }
    if (!matcher_) return false;
    INGOT_ASSIGN(const bool some, matcher_->Fill(mask));
    if (some && phase_ == Phase::kStart && thinking_.open) SetBit(mask, *thinking_.open, true);
    return some;
  }

  Status Accept(int token) override {
    switch (phase_) {
      case Phase::kThinking:
        ++thought_;
        return Think(token);
      case Phase::kClosing:
        if (++closed_ == thinking_.close_tokens.size()) phase_ = Phase::kAnswer;
        return Status::Ok();
      case Phase::kStart:
        if (thinking_.open && token == *thinking_.open) {
          phase_ = Phase::kThinking;
          return Status::Ok();
        }
        phase_ = Phase::kAnswer;
        break;
      case Phase::kAnswer:
        break;
    }
    if (!matcher_) return Status::Ok();
    INGOT_ASSIGN(const bool fits, matcher_->Accept(static_cast<text::TokenId>(token)));
    if (fits) return Status::Ok();
    return core::Internal("the answer left the format that was asked for");
  }

  bool Finished() const override { return matcher_ && matcher_->terminated(); }

 private:
  enum class Phase : uint8_t { kStart, kThinking, kClosing, kAnswer };

  Status Think(int token) {
    const auto id = static_cast<text::TokenId>(token);
    tail_ += tokenizer_.Decode({&id, 1});
    const size_t at = tail_.find(thinking_.close);
    if (at == std::string::npos) {
      const size_t kept = std::min(tail_.size(), thinking_.close.size());
      tail_.erase(0, tail_.size() - kept);
      return Status::Ok();
    }
    phase_ = Phase::kAnswer;
    const std::string_view rest = std::string_view(tail_).substr(at + thinking_.close.size());
    if (!matcher_ || rest.find_first_not_of(" \t\r\n") == std::string_view::npos) {
      return Status::Ok();
    }
    return core::Internal("the answer began in the token that ended the model's thinking");
  }

  const text::Tokenizer& tokenizer_;
  const std::vector<int> ends_;
  const Thinking thinking_;
  std::optional<text::GrammarMatcher> matcher_;
  const std::optional<int> budget_;
  Phase phase_;
  int thought_ = 0;
  size_t closed_ = 0;  // tokens of the forced end so far
  std::string tail_;   // what the last tokens of the thinking said
};

Result<Thinking> ThinkingOf(const ConstrainedModel& model) {
  Thinking thinking;
  const std::vector<std::string_view> tags = text::ParserTags(model.parser);
  for (const ThinkingTags& one : kThinkingTags) {
    if (std::find(tags.begin(), tags.end(), one.open) == tags.end()) continue;
    thinking.close = one.close;
    if (const auto open = model.tokenizer->TokenOf(one.open)) {
      thinking.open = static_cast<int>(*open);
    }
    if (const auto whole = model.tokenizer->TokenOf(one.close)) {
      thinking.close_tokens = {static_cast<int>(*whole)};
    } else {
      INGOT_ASSIGN(const std::vector<text::TokenId> ids, model.tokenizer->Encode(one.close));
      thinking.close_tokens.assign(ids.begin(), ids.end());
    }
    break;
  }
  return thinking;
}

}  // namespace

Result<std::shared_ptr<const text::CompiledGrammar>> AnswerConstraints::Compile(
    const text::GrammarSpec& spec) const {
  text::GrammarCompiler* compiler = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (!compiler_) {
      const std::vector<text::TokenId> ends(model_.ends.begin(), model_.ends.end());
      INGOT_ASSIGN(compiler_,
                   text::GrammarCompiler::Create(text::GrammarVocabulary(*model_.tokenizer), ends,
                                                 static_cast<size_t>(model_.vocabulary)));
    }
    compiler = compiler_.get();
  }
  return compiler->Compile(spec);
}

Result<std::unique_ptr<TokenConstraint>> AnswerConstraints::Make(const ConstraintSpec& spec) const {
  std::optional<text::GrammarSpec> grammar = spec.grammar;
  if (!grammar && !spec.tools.empty()) {
    INGOT_ASSIGN(grammar, text::ToolCallGrammar(model_.parser, spec.tools,
                                                {.required = spec.tools_required,
                                                 .single = spec.single_call,
                                                 .tokenizer = model_.tokenizer}));
  }
  if (!grammar && !spec.thinking_budget) return std::unique_ptr<TokenConstraint>();
  if (model_.tokenizer == nullptr) {
    return core::Unsupported("the model has no tokenizer, so its answers have no format");
  }
  const std::vector<std::string_view> tags = text::ParserTags(model_.parser);
  if (std::find(tags.begin(), tags.end(), kChannelMark) != tags.end()) {
    return core::Unsupported(StrCat("answers of this model come in channels (parser ",
                                    model_.parser, "), and no format can be held to there"));
  }
  INGOT_ASSIGN(Thinking thinking, ThinkingOf(model_));
  const bool thinks = !thinking.close.empty() && !thinking.close_tokens.empty();
  if (spec.thinking_budget && *spec.thinking_budget < 0) {
    return core::InvalidArgument("the thinking budget: expected 0 or more tokens");
  }
  if (!thinks && (spec.in_thinking || spec.may_think || spec.thinking_budget)) {
    return core::Unsupported("nothing says where this model's thinking ends");
  }
  for (const int token : thinking.close_tokens) {
    if (token >= model_.vocabulary) {
      return core::Unsupported("the end of this model's thinking is no token that it makes");
    }
  }
  const bool opens = spec.may_think && thinking.open && *thinking.open < model_.vocabulary;
  if (!opens) thinking.open.reset();
  std::optional<text::GrammarMatcher> matcher;
  if (grammar) {
    INGOT_ASSIGN(auto compiled, Compile(*grammar));
    matcher.emplace(std::move(compiled));
  }
  return std::unique_ptr<TokenConstraint>(
      std::make_unique<AnswerConstraint>(model_, std::move(thinking), std::move(matcher), spec));
}

}  // namespace ingot::engine
