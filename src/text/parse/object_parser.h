// The parser for models that write calls as bare JSON, with or without a mark before it: an object
// with a declared tool's name is a call, everything else is content. One answer, one thread.
#ifndef INGOT_TEXT_PARSE_OBJECT_PARSER_H_
#define INGOT_TEXT_PARSE_OBJECT_PARSER_H_

#include <span>
#include <string>
#include <string_view>

#include "text/parse/output_parser.h"
#include "text/parse/spaced_text.h"
#include "text/parse/typed_value.h"

namespace ingot::text {

// The marks, and the tags around thinking.
std::span<const std::string_view> ObjectTags();

class ObjectParser final : public OutputParser {
 public:
  explicit ObjectParser(ParserOptions options);

  ParsedPiece Add(std::string_view text) override;
  ParsedPiece Finish() override;

 private:
  enum class State { kStart, kThinking, kContent, kMarked, kObject };

  bool Step(bool last);
  bool Start(bool last);
  bool Thinking(bool last);
  bool Content(bool last);
  bool Marked(bool last);
  bool Object(bool last);
  void OpenObject();
  bool Scan();
  void Say(std::string_view text, std::string& out);

  ToolSchemas schemas_;
  State state_;
  std::string buffer_;
  std::string mark_;    // what stood before the object, said if it is no call
  size_t scanned_ = 0;  // of an object: looked at so far
  std::string open_;    // its brackets that wait for their partner
  bool in_string_ = false;
  bool escaped_ = false;
  SpacedText spaced_;
  bool line_start_ = true;   // an object may begin here
  bool after_call_ = false;  // what closes or parts calls may follow
  ParsedPiece out_;
};

}  // namespace ingot::text

#endif  // INGOT_TEXT_PARSE_OBJECT_PARSER_H_
