// POST /v1/chat/completions: from its JSON to tasks, and from answers to its JSON and its events.
// The translation is pure; openai_routes.h brings it to the network.
#ifndef INGOT_SERVER_OPENAI_CHAT_H_
#define INGOT_SERVER_OPENAI_CHAT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/status.h"
#include "server/chat_task.h"
#include "server/openai_fields.h"

namespace ingot::server {

struct OpenAiChat {
  ChatTask task;
  OpenAiDelivery delivery;
};

core::Result<OpenAiChat> ParseOpenAiChat(const core::Json& json);

// Messages as this interface writes them; every field by its name, roles checked, results of tools
// given the names of their calls.
core::Result<std::vector<text::Message>> OpenAiMessages(const core::Json& list);

// What is the same in every part of an answer.
struct OpenAiHead {
  std::string id;
  std::string model;
  int64_t created = 0;  // seconds since 1970
};

// The tokens of several choices; the prompt is counted once.
struct OpenAiUsage {
  int prompt = 0;
  int cached = 0;
  int completion = 0;

  void Add(const AnswerEnd& end);
};
core::Json UsageJson(const OpenAiUsage& usage);

// The events of one choice of a stream.
class ChatChunks {
 public:
  // usage: every chunk but the last says that it has none, as the interface wants it then.
  ChatChunks(OpenAiHead head, int index, bool usage, bool logprobs)
      : head_(std::move(head)), index_(index), usage_(usage), logprobs_(logprobs) {}

  std::vector<core::Json> Piece(const AnswerPiece& piece);
  std::vector<core::Json> End(const AnswerEnd& end);

 private:
  core::Json Chunk(core::Json delta, core::Json finish);

  OpenAiHead head_;
  int index_;
  bool usage_;
  bool logprobs_;
  bool first_ = true;
  int calls_ = 0;
};
core::Json UsageChunk(const OpenAiHead& head, const OpenAiUsage& usage);

// The pieces of an answer put together.
struct WholeAnswer {
  AnswerPiece all;
  AnswerEnd end;

  void Add(AnswerPiece piece);
};
core::Json ChatCompletion(const OpenAiHead& head, const std::vector<WholeAnswer>& answers,
                          bool logprobs);

}  // namespace ingot::server

#endif  // INGOT_SERVER_OPENAI_CHAT_H_
