// The one way from a front end to a model: a ChatTask goes in, pieces of text come out.
#ifndef INGOT_SERVER_ANSWER_H_
#define INGOT_SERVER_ANSWER_H_

#include <functional>
#include <memory>
#include <string>
#include <variant>

#include "core/status.h"
#include "engine/scheduler.h"
#include "server/chat_task.h"
#include "server/context.h"
#include "server/exchange.h"
#include "server/refusal.h"

namespace ingot::server {

// Called by the engine's thread, one call at a time, in the order of the answer: must not wait.
class AnswerSink {
 public:
  virtual ~AnswerSink() = default;
  // Once, before the first piece; not at all when the prompt could not be read.
  virtual void OnStart(const AnswerStart& start) { (void)start; }
  virtual void OnPiece(AnswerPiece piece) = 0;
  // Exactly once, last.
  virtual void OnEnd(core::Result<AnswerEnd> end) = 0;
};

// Loads the model if need be, which blocks, then queues the request. When it fails the sink has
// heard and will hear nothing. The ticket cancels the answer.
std::variant<engine::Ticket, Refusal> StartChat(Context& context, ChatTask task,
                                                std::shared_ptr<AnswerSink> sink);

// The prompt that a task makes, as text, without asking the model.
core::Result<std::string> RenderPrompt(Context& context, const ChatTask& task);

// Says in the task who asks. Callers with keys are told apart by them, and so are their prefixes
// unless the server shares those; without keys each address takes its turn, and all share prefixes.
void SetAsker(const Context& context, const Exchange& exchange, ChatTask& task);

// Cancels the answer when the client of the exchange goes.
void CancelWhenGone(Exchange& exchange, engine::Ticket ticket);

// How many tokens the prompt of a task has.
core::Result<int> CountPromptTokens(Context& context, const ChatTask& task);

}  // namespace ingot::server

#endif  // INGOT_SERVER_ANSWER_H_
