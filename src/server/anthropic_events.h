// Answers as POST /v1/messages gives them: one message, or the events of a stream. Pure; one
// answer, one thread.
#ifndef INGOT_SERVER_ANTHROPIC_EVENTS_H_
#define INGOT_SERVER_ANTHROPIC_EVENTS_H_

#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "server/chat_task.h"
#include "server/openai_chat.h"

namespace ingot::server {

// The type of an event is its "type".
class AnthropicEvents {
 public:
  AnthropicEvents(std::string id, std::string model)
      : id_(std::move(id)), model_(std::move(model)) {}

  // input: tokens of the prompt, of which so many were known already.
  core::Json Start(int input, int cached);
  std::vector<core::Json> Piece(const AnswerPiece& piece);
  std::vector<core::Json> End(const AnswerEnd& end);
  static core::Json Ping() { return {{"type", "ping"}}; }

 private:
  void Open(std::string_view kind, core::Json block, std::vector<core::Json>& events);
  void Close(std::vector<core::Json>& events);
  void Delta(core::Json delta, std::vector<core::Json>& events) const;

  std::string id_;
  std::string model_;
  int index_ = 0;     // of the open block, or of the next one
  std::string open_;  // its kind; "" where none is open
};

core::Json AnthropicMessage(const std::string& id, const std::string& model,
                            const WholeAnswer& answer);
// "end_turn", "max_tokens", "tool_use", "stop_sequence".
std::string_view AnthropicStop(const AnswerEnd& end);

}  // namespace ingot::server

#endif  // INGOT_SERVER_ANTHROPIC_EVENTS_H_
