#include "cli/answer.h"

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <utility>

#include "core/strings.h"

namespace ingot::cli {
namespace {

// Line ends and tabs stay what they are.
std::string Disarmed(const std::string& text) {
  std::string out;
  for (const std::string_view line : core::Split(text, '\n')) {
    if (line.data() != text.data()) out.push_back('\n');
    for (size_t i = 0; const std::string_view part : core::Split(line, '\t')) {
      if (i++ > 0) out.push_back('\t');
      out += core::Printable(part, text.size() * 4 + 16);
    }
  }
  return out;
}

double PerSecond(int count, double seconds) { return seconds > 0 ? count / seconds : 0; }

// The step that gives the first token belongs to the prompt.
double DecodeSpeed(const engine::GenerationTimings& t) {
  return PerSecond(std::max(0, t.generated_tokens - 1), t.decode_seconds);
}

std::string OneDecimal(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

}  // namespace

Answer::Answer(Session& session, const text::Tokenizer* tokenizer,
               std::unique_ptr<text::OutputParser> parser, std::vector<std::string> stops,
               bool quiet)
    : session_(session),
      tokenizer_(tokenizer),
      quiet_(quiet),
      stops_(std::move(stops)),
      parser_(std::move(parser)) {
  if (tokenizer != nullptr) stream_.emplace(tokenizer->Stream());
}

core::Json Answer::LogprobJson(const engine::TokenLogprob& logprob) const {
  core::Json json = {{"id", logprob.token}, {"logprob", logprob.logprob}};
  if (tokenizer_ == nullptr) return json;
  json["token"] = tokenizer_->TokenBytes(static_cast<text::TokenId>(logprob.token));
  return json;
}

bool Answer::Add(const engine::GeneratedToken& token) {
  tokens_.push_back(token.token);
  if (token.logprobs) {
    core::Json entry = LogprobJson(token.logprobs->chosen);
    entry["top_logprobs"] = core::Json::array();
    for (const engine::TokenLogprob& top : token.logprobs->top) {
      entry["top_logprobs"].push_back(LogprobJson(top));
    }
    logprobs_.push_back(std::move(entry));
  }
  if (!stream_) {
    if (!quiet_) session_.Print(core::StrCat(tokens_.size() > 1 ? "," : "", token.token));
    return true;
  }
  Take(stops_.Push(stream_->Push(static_cast<text::TokenId>(token.token))));
  return !stops_.stopped();
}

void Answer::Finish() {
  if (stream_ && !stops_.stopped()) {
    Take(stops_.Push(stream_->Finish()));
    if (!stops_.stopped()) Take(stops_.Finish());
  }
  if (parser_ != nullptr) Show(parser_->Finish());
  EndThinking();
  if (!quiet_) session_.Print("\n");
}

void Answer::Take(std::string_view text) {
  if (text.empty()) return;
  if (parser_ != nullptr) return Show(parser_->Add(text));
  text::ParsedPiece piece;
  piece.content = text;
  Show(piece);
}

void Answer::Show(const text::ParsedPiece& piece) {
  thinking_ += piece.thinking;
  text_ += piece.content;
  if (!piece.thinking.empty() && session_.out_is_terminal() && !quiet_) {
    if (!std::exchange(shows_thinking_, true)) session_.Print("\x1B[2m");
    Print(piece.thinking);
  }
  if (!piece.content.empty()) {
    EndThinking();
    Print(piece.content);
  }
  for (const text::ToolCall& call : piece.calls) {
    const core::Json json = {{"name", call.name}, {"arguments", call.arguments}};
    EndThinking();
    Print(json.dump(-1, ' ', false, core::Json::error_handler_t::replace) + "\n");
    calls_.push_back({{"function", json}});
  }
}

void Answer::Print(const std::string& text) {
  if (quiet_) return;
  session_.Print(session_.out_is_terminal() ? Disarmed(text) : text);
  session_.Flush();
}

void Answer::EndThinking() {
  if (std::exchange(shows_thinking_, false)) session_.Print("\x1B[22m\n\n");
}

std::string TimingsText(const engine::GenerationTimings& t, std::string_view miss) {
  const int read = t.prompt_tokens - t.kept_tokens;
  std::string kept =
      t.kept_tokens > 0 ? core::StrCat(" (", t.kept_tokens, " known from before)") : "";
  if (!miss.empty()) kept += core::StrCat(" (why not more was known: ", miss, ")");
  return core::StrCat("prompt    ", t.prompt_tokens, " tokens", kept, ", ",
                      OneDecimal(PerSecond(read, t.prefill_seconds)), " tokens/s\nanswer    ",
                      t.generated_tokens, " tokens, ", OneDecimal(DecodeSpeed(t)),
                      " tokens/s, first after ", core::HumanDuration(t.first_token_seconds), "\n");
}

core::Json TimingsJson(const engine::GenerationTimings& t) {
  return {{"prompt_tokens", t.prompt_tokens},
          {"generated_tokens", t.generated_tokens},
          {"prefill_seconds", t.prefill_seconds},
          {"first_token_seconds", t.first_token_seconds},
          {"decode_seconds", t.decode_seconds},
          {"prefill_tokens_per_second", PerSecond(t.prompt_tokens, t.prefill_seconds)},
          {"decode_tokens_per_second", DecodeSpeed(t)}};
}

}  // namespace ingot::cli
