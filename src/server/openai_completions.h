// POST /v1/completions: text in, text out, and the logprobs of both, as evaluation harnesses want
// them. Pure.
#ifndef INGOT_SERVER_OPENAI_COMPLETIONS_H_
#define INGOT_SERVER_OPENAI_COMPLETIONS_H_

#include <string>
#include <vector>

#include "core/json.h"
#include "core/status.h"
#include "server/chat_task.h"
#include "server/openai_chat.h"
#include "server/openai_fields.h"

namespace ingot::server {

struct OpenAiCompletions {
  std::vector<ChatTask> tasks;  // one a prompt
  // The prompts that were text, as they were given; empty for those that were tokens.
  std::vector<std::string> prompts;
  OpenAiDelivery delivery;  // of each prompt
  bool echo = false;
  bool logprobs = false;
};

core::Result<OpenAiCompletions> ParseOpenAiCompletions(const core::Json& json);

// {"tokens", "token_logprobs", "top_logprobs", "text_offset"}: one entry a token. offset:
// characters of text in front, and moved on by what is added. The first token of a prompt has no
// logprob.
core::Json CompletionLogprobs(const std::vector<PieceLogprob>& logprobs, bool first_is_null,
                              size_t& offset);

// What echo puts in front of that answer: the prompt as it was given, or the text of its tokens.
std::string EchoedPrompt(const OpenAiCompletions& request, size_t answer, const AnswerStart& start);

core::Json CompletionChunk(const OpenAiHead& head, int index, std::string_view text,
                           core::Json logprobs, core::Json finish);

struct CompletionAnswer {
  std::string prompt;  // what echo puts in front
  AnswerStart start;
  WholeAnswer answer;
};
core::Json Completion(const OpenAiHead& head, const std::vector<CompletionAnswer>& answers,
                      int choices, bool echo, bool logprobs);

}  // namespace ingot::server

#endif  // INGOT_SERVER_OPENAI_COMPLETIONS_H_
