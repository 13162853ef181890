// The parser for answers that mark thinking and calls with tags, driven by a table of what a family
// writes. One answer, one thread.
#ifndef INGOT_TEXT_PARSE_TAG_PARSER_H_
#define INGOT_TEXT_PARSE_TAG_PARSER_H_

#include <array>
#include <string>
#include <string_view>

#include "text/parse/call_formats.h"
#include "text/parse/output_parser.h"
#include "text/parse/spaced_text.h"

namespace ingot::text {

struct CallTags {
  std::string_view open = {};  // empty: no such calls
  std::string_view close = {};
  const CallFormat* format = nullptr;
  bool keep_tags = false;      // they belong to the call's text: <function=…>…</function>
  std::string_view tail = {};  // goes where it stands behind such a call
};

struct TagStyle {
  std::string_view think_open = {};  // empty: the family does not think aloud
  std::string_view think_close = {};
  std::array<CallTags, 2> calls = {};
  bool thinks_again = false;                     // thinking may begin anywhere in the content
  bool call_ends_thinking = false;               // a call inside thinking ends it
  std::array<std::string_view, 4> dropped = {};  // tags that mean nothing and go
  std::array<std::string_view, 2> stops = {};    // tags behind which nothing counts
  // The other tags of its turns: text from outside must not become these either.
  std::array<std::string_view, 2> turns = {};
};

class TagParser final : public OutputParser {
 public:
  TagParser(const TagStyle& style, ParserOptions options);

  ParsedPiece Add(std::string_view text) override;
  ParsedPiece Finish() override;

 private:
  enum class State { kStart, kThinking, kContent, kCall, kOver };

  // Each takes what it can from the buffer's front and says whether it got further.
  bool Step(bool last);
  bool Start(bool last);
  bool Thinking(bool last);
  bool Content(bool last);
  bool Call(bool last);

  void EnterCall(const CallTags& tags, bool from_thinking);
  bool ReadCall(size_t body_end, bool finished);
  bool NoCall(bool talk);
  bool SkipTail(bool last);
  std::array<std::string_view, 3> OpeningTags() const;
  void Say(std::string_view text, std::string& out);
  std::string Taken(size_t bytes);

  const TagStyle& style_;  // of a static table
  ToolSchemas schemas_;
  State state_;
  std::string buffer_;
  SpacedText spaced_;
  bool thought_ = false;  // some thinking has been said
  int failures_ = 0;      // calls that were none

  // Of the call that is being read.
  const CallTags* call_ = nullptr;
  std::string_view tail_;  // of the call before, if that may still come
  bool from_thinking_ = false;
  size_t scanned_ = 0;  // no closing tag before here
  int closings_ = 0;    // closing tags that were not its end

  ParsedPiece out_;
};

}  // namespace ingot::text

#endif  // INGOT_TEXT_PARSE_TAG_PARSER_H_
