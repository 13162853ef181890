// The answer to POST /v1/responses: the events of a stream, in their order and numbered, and the
// response that they end with. Pure; one answer, one thread.
#ifndef INGOT_SERVER_RESPONSES_EVENTS_H_
#define INGOT_SERVER_RESPONSES_EVENTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/status.h"
#include "server/chat_task.h"
#include "server/openai_responses.h"

namespace ingot::server {

class ResponsesEvents {
 public:
  // created: seconds since 1970.
  ResponsesEvents(std::string id, int64_t created, const OpenAiResponses& request);

  std::vector<core::Json> Start();
  std::vector<core::Json> Piece(const AnswerPiece& piece);
  std::vector<core::Json> End(const AnswerEnd& end);
  std::vector<core::Json> Fail(const core::Status& status);

  const std::string& id() const { return id_; }
  // As it is now; whole after End.
  const core::Json& response() const { return response_; }

 private:
  core::Json Event(std::string_view type, const core::Json& fields);
  // Opens an item of that type, closing the one before it.
  void Open(std::string_view type, std::vector<core::Json>& events);
  void Close(std::vector<core::Json>& events);
  void CloseMessage(std::vector<core::Json>& events);
  void Call(const text::ToolCall& call, std::vector<core::Json>& events);
  core::Json At(const core::Json& fields) const;  // where the open item is

  std::string id_;
  core::Json response_;
  bool logprobs_;
  int sequence_ = 0;
  std::string open_;  // the type of the open item; "" where none is
  std::string item_;  // its id
  std::string text_;  // of it
  core::Json token_logprobs_ = core::Json::array();
  std::vector<PieceLogprob> held_;  // of tokens whose text has not come yet
};

}  // namespace ingot::server

#endif  // INGOT_SERVER_RESPONSES_EVENTS_H_
