#include "server/answer_text.h"

#include <algorithm>
#include <array>
#include <random>
#include <utility>

namespace ingot::server {
namespace {

TokenText TextOf(const text::Tokenizer& tokenizer, const engine::TokenLogprob& token) {
  return {token.token, std::string(tokenizer.TokenBytes(static_cast<text::TokenId>(token.token))),
          token.logprob};
}

}  // namespace

PieceLogprob LogprobOf(const text::Tokenizer& tokenizer, const engine::Logprobs& logprobs) {
  PieceLogprob piece;
  piece.chosen = TextOf(tokenizer, logprobs.chosen);
  for (const engine::TokenLogprob& top : logprobs.top) {
    piece.top.push_back(TextOf(tokenizer, top));
  }
  return piece;
}

std::string NewCallId() {
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  thread_local std::mt19937_64 random{std::random_device{}()};
  std::uniform_int_distribution<size_t> pick(0, kLetters.size() - 1);
  std::string id = "call_";
  for (int i = 0; i < 8; ++i) id.push_back(kLetters[pick(random)]);
  return id;
}

AnswerText::AnswerText(const text::Tokenizer& tokenizer, std::unique_ptr<text::OutputParser> parser,
                       std::vector<std::string> stops, bool may_call)
    : tokenizer_(tokenizer),
      parser_(std::move(parser)),
      may_call_(may_call),
      stop_list_(stops),
      stops_(std::move(stops)),
      stream_(tokenizer.Stream()) {
  for (const std::string& stop : stop_list_) longest_stop_ = std::max(longest_stop_, stop.size());
}

// The earliest end of a stop string in the text decides, as StopStrings does it.
void AnswerText::LookForStop() {
  size_t best = std::string::npos;
  for (const std::string& stop : stop_list_) {
    const size_t at = stop.empty() ? std::string::npos : recent_.find(stop);
    if (at >= best) continue;
    best = at;
    stop_text_ = stop;
  }
}

AnswerPiece AnswerText::Take(text::ParsedPiece parsed) {
  AnswerPiece piece;
  piece.thinking = std::move(parsed.thinking);
  piece.content = std::move(parsed.content);
  if (may_call_) piece.calls = std::move(parsed.calls);
  for (text::ToolCall& call : piece.calls) {
    if (call.id.empty()) call.id = NewCallId();
    called_ = true;
  }
  return piece;
}

AnswerPiece AnswerText::Parse(std::string_view text) {
  if (text.empty()) return {};
  if (parser_ != nullptr) return Take(parser_->Add(text));
  AnswerPiece piece;
  piece.content = text;
  return piece;
}

AnswerPiece AnswerText::Add(const engine::GeneratedToken& token) {
  if (token.logprobs) held_.push_back(LogprobOf(tokenizer_, *token.logprobs));
  const std::string decoded = stream_.Push(static_cast<text::TokenId>(token.token));
  if (longest_stop_ > 0) {
    recent_ += decoded;
    if (recent_.size() > 2 * longest_stop_ + decoded.size()) {
      recent_.erase(0, recent_.size() - longest_stop_ - decoded.size());
    }
  }
  AnswerPiece piece = Parse(stops_.Push(decoded));
  if (stopped()) {
    LookForStop();
    // Tokens of the stop string are no part of the answer.
    held_.clear();
  } else if (!piece.empty()) {
    piece.logprobs = std::exchange(held_, {});
  }
  return piece;
}

AnswerPiece AnswerText::Finish() {
  std::string rest;
  if (!stopped()) {
    rest = stops_.Push(stream_.Finish());
    if (!stopped()) rest += stops_.Finish();
  }
  AnswerPiece piece = Parse(rest);
  if (parser_ != nullptr) {
    AnswerPiece last = Take(parser_->Finish());
    piece.thinking += last.thinking;
    piece.content += last.content;
    std::move(last.calls.begin(), last.calls.end(), std::back_inserter(piece.calls));
  }
  piece.logprobs = std::exchange(held_, {});
  return piece;
}

}  // namespace ingot::server
