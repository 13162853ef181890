// What every front end makes of a request to a model, and what it gets back. Plain values.
#ifndef INGOT_SERVER_CHAT_TASK_H_
#define INGOT_SERVER_CHAT_TASK_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/json.h"
#include "engine/generation.h"
#include "engine/keep_alive.h"
#include "engine/request_options.h"
#include "text/chat/message.h"
#include "text/grammar/grammar_spec.h"

namespace ingot::server {

struct ToolChoice {
  enum class Mode : uint8_t { kAuto, kNone, kRequired, kNamed };
  Mode mode = Mode::kAuto;
  std::string name;      // of kNamed
  bool parallel = true;  // more than one call in an answer
  // Arguments keep to their schemas even where the model may choose not to call.
  bool strict = false;
};

struct ChatTask {
  std::string model;
  // Who asks (SetAsker): turns are fair among them. Whether prefixes are shared with all others.
  std::string owner;
  bool shares_prefixes = false;
  std::string request_id;  // of the HTTP request, for the log

  // What is asked: a conversation, or text as it stands.
  std::optional<text::ChatRequest> chat;
  std::string raw;
  // Instead of the SYSTEM and TEMPLATE of the model; empty: those of the model.
  std::optional<std::string> chat_template;
  // Tokens in front of all that, as an earlier answer gave them back.
  std::vector<int> context;
  // The whole prompt, instead of all that.
  std::vector<int> tokens;

  // How. Lowest first: base, what the model's PARAMETERs say, settings.
  engine::RequestOptions base;
  std::vector<std::pair<std::string, core::Json>> settings;
  std::optional<text::GrammarSpec> format;
  std::string format_field = "format";  // as the interface calls it
  ToolChoice tool_choice;
  std::optional<int> thinking_budget;  // tokens
  int logprobs = -1;                   // alternatives a token; -1: none
  bool prompt_logprobs = false;
  bool ignore_end = false;
  // Thinking that is asked of a model that cannot is passed over instead of refused.
  bool relaxed_thinking = false;
  // Oldest turns give way where the conversation is too long for the context.
  bool truncate = true;
  std::optional<engine::KeepAlive> keep_alive;
};

struct TokenText {
  int id = 0;
  std::string bytes;
  float logprob = 0;
};

struct PieceLogprob {
  TokenText chosen;
  std::vector<TokenText> top;  // likeliest first
};

// Known once the prompt has been read.
struct AnswerStart {
  int prompt_tokens = 0;
  int cached_tokens = 0;
  std::vector<PieceLogprob> prompt;  // where asked for: every token; the first without logprob
};

struct AnswerPiece {
  std::string thinking;
  std::string content;
  std::vector<text::ToolCall> calls;   // with ids, "call_…"
  std::vector<PieceLogprob> logprobs;  // of the tokens that became certain with it

  bool empty() const {
    return thinking.empty() && content.empty() && calls.empty() && logprobs.empty();
  }
};

struct AnswerEnd {
  engine::Finish finish = engine::Finish::kStop;
  std::string stop_text;  // the stop string that ended it; empty: none did
  bool called = false;    // there were tool calls
  engine::GenerationTimings timings;
  engine::PrefixMiss miss = engine::PrefixMiss::kNone;
  double load_seconds = 0;   // until the model was there
  double total_seconds = 0;  // from StartChat on
  std::vector<int> tokens;   // prompt and answer
};

}  // namespace ingot::server

#endif  // INGOT_SERVER_CHAT_TASK_H_
