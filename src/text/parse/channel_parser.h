// The parser for answers that are a sequence of messages with headers, each saying whom it is for:
// gpt-oss's harmony, and Muse Glimmer. One answer, one thread.
#ifndef INGOT_TEXT_PARSE_CHANNEL_PARSER_H_
#define INGOT_TEXT_PARSE_CHANNEL_PARSER_H_

#include <span>
#include <string>
#include <string_view>

#include "text/parse/output_parser.h"
#include "text/parse/typed_value.h"

namespace ingot::text {

enum class ChannelDialect { kHarmony, kGlimmer };

// Both dialects' tags.
std::span<const std::string_view> ChannelTags();

class ChannelParser final : public OutputParser {
 public:
  ChannelParser(ChannelDialect dialect, ParserOptions options);

  ParsedPiece Add(std::string_view text) override;
  ParsedPiece Finish() override;

 private:
  enum class Kind { kThinking, kContent, kCall };
  enum class State { kHeader, kBody };

  bool Step(bool last);
  bool Header(bool last);
  bool Body(bool last);
  void OpenBody(std::string_view header);
  void EndBody();
  void Say(Kind kind, std::string_view text);

  const ChannelDialect dialect_;
  ToolSchemas schemas_;
  State state_ = State::kHeader;
  Kind kind_ = Kind::kContent;
  bool started_ = false;  // <|start|> came before the header
  std::string tool_;      // whom a call is for
  std::string header_;    // of the message, as it stood
  std::string buffer_;
  std::string call_;      // the body of a call
  bool fresh_ = false;    // nothing of the message has been said
  bool thought_ = false;  // a thought was written: the next one stands apart
  bool said_ = false;
  ParsedPiece out_;
};

}  // namespace ingot::text

#endif  // INGOT_TEXT_PARSE_CHANNEL_PARSER_H_
