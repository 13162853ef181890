// Answers of the Ollama API as JSON. Pure.
#ifndef INGOT_SERVER_OLLAMA_REPLY_H_
#define INGOT_SERVER_OLLAMA_REPLY_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "server/chat_task.h"

namespace ingot::server {

// /api/generate says "response" and "thinking" at the top, /api/chat has a message.
enum class OllamaShape : uint8_t { kGenerate, kChat };

struct OllamaMaker {
  OllamaShape shape = OllamaShape::kGenerate;
  std::string model;  // as the request spelled it
  bool wants_context = false;

  // One line of a stream.
  core::Json Piece(const AnswerPiece& piece, int64_t wall_ns) const;
  // The last line; with all of the answer where it is the only one.
  core::Json End(const AnswerPiece& all, const AnswerEnd& end, int64_t wall_ns) const;
  // To a request for nothing: "load" or "unload".
  core::Json Nothing(std::string_view done_reason, int64_t wall_ns) const;
  core::Json Rendered(const std::string& prompt, int64_t wall_ns) const;

 private:
  core::Json Base(const AnswerPiece& piece, int64_t wall_ns) const;
};

// "2026-11-21T08:15:30.123456789Z"
std::string Rfc3339Nanos(int64_t wall_ns);

core::Json LogprobsJson(const std::vector<PieceLogprob>& logprobs);
core::Json ToolCallsJson(const std::vector<text::ToolCall>& calls, size_t first_index);

}  // namespace ingot::server

#endif  // INGOT_SERVER_OLLAMA_REPLY_H_
