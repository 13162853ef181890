// Takes a model's answer apart while it is written: thinking, content and tool calls. The pieces
// may be cut anywhere, between any two bytes; what comes out, put together, is always the same.
//
// Nothing is ever lost: what looks like a call and is none becomes content.
//
// One answer, one parser, one thread.
#ifndef INGOT_TEXT_PARSE_OUTPUT_PARSER_H_
#define INGOT_TEXT_PARSE_OUTPUT_PARSER_H_

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/status.h"
#include "text/chat/message.h"

namespace ingot::text {

// What one more piece of text made certain. Calls have no id yet.
struct ParsedPiece {
  std::string content;
  std::string thinking;
  std::vector<ToolCall> calls;

  bool empty() const { return content.empty() && thinking.empty() && calls.empty(); }
};

class OutputParser {
 public:
  virtual ~OutputParser() = default;
  virtual ParsedPiece Add(std::string_view text) = 0;
  // The rest, at the end of the answer. Nothing may be added after it.
  virtual ParsedPiece Finish() = 0;
};

struct ParserOptions {
  core::Json tools;          // what ChatRequest::tools was: arguments take the types declared there
  bool in_thinking = false;  // what RenderedChat::in_thinking was
};

// By the name that the import found or that a Modelfile gave (PARSER): "qwen3.5". Empty or "none"
// is the generic one. kUnsupported where there is no parser of the name.
core::Result<std::unique_ptr<OutputParser>> MakeOutputParser(std::string_view name,
                                                             ParserOptions options);
bool HasOutputParser(std::string_view name);
std::span<const std::string_view> OutputParserNames();

// The parser that fits what a chat template tells the model to write, or "" where nothing in it
// speaks of calls or thinking.
std::string_view InferOutputParser(std::string_view chat_template);

// Tags that mean something to the parser: text from outside must not become tokens of these
// (Tokenizer's EncodeOptions::also_guarded).
std::vector<std::string_view> ParserTags(std::string_view name);

}  // namespace ingot::text

#endif  // INGOT_TEXT_PARSE_OUTPUT_PARSER_H_
