// From tokens to text: decodes, looks for stop strings, takes thinking, content and tool calls
// apart. One answer, one thread.
#ifndef INGOT_SERVER_ANSWER_TEXT_H_
#define INGOT_SERVER_ANSWER_TEXT_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/generation.h"
#include "engine/stop_strings.h"
#include "server/chat_task.h"
#include "text/parse/output_parser.h"
#include "text/token/tokenizer.h"

namespace ingot::server {

class AnswerText {
 public:
  // parser may be null: all is content then. may_call: false where the request forbids calls: those
  // that the model writes all the same come to nothing. The tokenizer outlives it.
  AnswerText(const text::Tokenizer& tokenizer, std::unique_ptr<text::OutputParser> parser,
             std::vector<std::string> stops, bool may_call = true);

  // What became certain with this token; perhaps nothing.
  AnswerPiece Add(const engine::GeneratedToken& token);
  // The rest.
  AnswerPiece Finish();
  // A stop string was found: nothing more comes.
  bool stopped() const { return stops_.stopped(); }
  const std::string& stop_text() const { return stop_text_; }
  bool called() const { return called_; }

 private:
  AnswerPiece Parse(std::string_view text);
  AnswerPiece Take(text::ParsedPiece parsed);
  void LookForStop();

  const text::Tokenizer& tokenizer_;
  std::unique_ptr<text::OutputParser> parser_;
  const bool may_call_;
  std::vector<std::string> stop_list_;
  engine::StopStrings stops_;
  text::TokenStream stream_;
  std::string recent_;  // the last of the text, to see which stop string it was
  std::string stop_text_;
  size_t longest_stop_ = 0;
  bool called_ = false;
  std::vector<PieceLogprob> held_;  // of tokens whose text is not certain yet
};

PieceLogprob LogprobOf(const text::Tokenizer& tokenizer, const engine::Logprobs& logprobs);

// "call_" and eight letters or digits.
std::string NewCallId();

}  // namespace ingot::server

#endif  // INGOT_SERVER_ANSWER_TEXT_H_
