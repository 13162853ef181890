// An answer as it is shown: piece by piece to a terminal or a pipe, or kept for JSON. Thinking is
// kept apart from what is said: at a terminal it is dimmed, in a pipe it is left out. Control
// characters that a model may have been taught to write do not reach a terminal.
//
// One answer, one thread.
#ifndef INGOT_CLI_ANSWER_H_
#define INGOT_CLI_ANSWER_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "core/json.h"
#include "engine/generator.h"
#include "engine/stop_strings.h"
#include "text/parse/output_parser.h"
#include "text/token/tokenizer.h"

namespace ingot::cli {

class Answer {
 public:
  // tokenizer may be null: then token numbers are shown. parser may be null: then all is content.
  // Nothing is shown when quiet.
  Answer(Session& session, const text::Tokenizer* tokenizer,
         std::unique_ptr<text::OutputParser> parser, std::vector<std::string> stops, bool quiet);

  // False when a stop text was found: the answer is over.
  bool Add(const engine::GeneratedToken& token);
  // A piece that somebody else took apart.
  void AddPiece(const text::ParsedPiece& piece) { Show(piece); }
  // Shows what was held back, and ends the line.
  void Finish();

  const std::string& text() const { return text_; }
  const std::string& thinking() const { return thinking_; }
  // As messages have them: [{"function": {"name", "arguments"}}].
  const core::Json& calls() const { return calls_; }
  const std::vector<int>& tokens() const { return tokens_; }
  // [{"token", "id", "logprob", "top_logprobs"}], of tokens that came with them.
  const core::Json& logprobs() const { return logprobs_; }

 private:
  void Take(std::string_view text);
  void Show(const text::ParsedPiece& piece);
  void Print(const std::string& text);
  void EndThinking();
  core::Json LogprobJson(const engine::TokenLogprob& logprob) const;

  Session& session_;
  const text::Tokenizer* tokenizer_;
  bool quiet_;
  engine::StopStrings stops_;
  std::optional<text::TokenStream> stream_;
  std::unique_ptr<text::OutputParser> parser_;
  std::string text_;
  std::string thinking_;
  core::Json calls_ = core::Json::array();
  bool shows_thinking_ = false;
  std::vector<int> tokens_;
  core::Json logprobs_ = core::Json::array();
};

// Of one answer, for people and for JSON.
// miss: why not more of the prompt was known; empty: all that could be was.
std::string TimingsText(const engine::GenerationTimings& timings, std::string_view miss = {});
core::Json TimingsJson(const engine::GenerationTimings& timings);

}  // namespace ingot::cli

#endif  // INGOT_CLI_ANSWER_H_
