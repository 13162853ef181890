// What the OpenAI requests have in common: sampling, tools, formats, effort; and their errors.
// Pure.
#ifndef INGOT_SERVER_OPENAI_FIELDS_H_
#define INGOT_SERVER_OPENAI_FIELDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/json.h"
#include "core/status.h"
#include "server/chat_task.h"
#include "server/exchange.h"
#include "server/refusal.h"
#include "server/ruled_fields.h"

namespace ingot::server {

// A task with the model, and the defaults of this API below what the model brings.
core::Result<ChatTask> OpenAiTask(const RuledFields& fields);

// Those of sampling and stopping that the request has: temperature, top_p, seed, penalties,
// logit_bias, stop, and top_k, min_p and repetition_penalty, which the API itself lacks.
core::Status ReadOpenAiSampling(const RuledFields& fields, ChatTask& task);

// "none", "low" and so on. kUnsupported for what is none of them.
core::Result<text::ThinkSetting> ThinkOfEffort(std::string_view path, std::string_view effort);

// {"type": "text" | "json_object" | "json_schema" | "regex" | "grammar", …}. flat: the schema lies
// beside its type, and not in "json_schema".
core::Result<std::optional<text::GrammarSpec>> ReadOpenAiFormat(const core::Json& json,
                                                                const std::string& path, bool flat);

// tools and tool_choice. flat: as the responses interface writes functions.
core::Status ReadOpenAiTools(const RuledFields& fields, bool flat, ChatTask& task);

// n, stream and stream_options: how many answers to a prompt, and how they are to come.
struct OpenAiDelivery {
  int choices = 1;
  bool stream = false;
  bool usage = false;  // at the end of a stream
};
core::Result<OpenAiDelivery> ReadOpenAiDelivery(const RuledFields& fields, int64_t most_choices);

// logprobs as chat/completions and responses write them.
core::Json OpenAiLogprob(const PieceLogprob& logprob);
core::Json OpenAiLogprobs(const std::vector<PieceLogprob>& logprobs);

// The whole body of an error; `param` is where in the request it is, `code` what was not found.
core::Json OpenAiErrorBody(const core::Status& status,
                           std::string_view missing = "model_not_found");
void SendOpenAiError(Exchange& exchange, const Refusal& refusal,
                     std::string_view missing = "model_not_found");

// "chatcmpl-" and so many hexadecimal digits.
std::string NewId(std::string_view prefix, int digits);
// "stop", "length" or "tool_calls".
std::string_view OpenAiFinish(const AnswerEnd& end);
// Seconds since 1970.
int64_t UnixSeconds(core::Clock& clock);

}  // namespace ingot::server

#endif  // INGOT_SERVER_OPENAI_FIELDS_H_
