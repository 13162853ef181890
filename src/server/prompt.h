// Makes the prompt of a task: what the model brings of its own goes in front, too long
// conversations lose their oldest turns, and what the model cannot do is refused. Any thread.
#ifndef INGOT_SERVER_PROMPT_H_
#define INGOT_SERVER_PROMPT_H_

#include <memory>
#include <string>
#include <vector>

#include "core/status.h"
#include "engine/loaded_model.h"
#include "server/chat_task.h"
#include "server/context.h"
#include "text/parse/output_parser.h"

namespace ingot::server {

struct Prompt {
  engine::RequestOptions options;
  std::vector<int> tokens;
  std::unique_ptr<text::OutputParser> parser;  // null: the answer is text alone
  std::string text;                            // of a conversation, as it was rendered
  bool in_thinking = false;                    // it ends where the model thinks already
};

// May change the task: its conversation gets what the model brings.
core::Result<Prompt> MakePrompt(Context& context, const engine::LoadedModel& model, ChatTask& task);

}  // namespace ingot::server

#endif  // INGOT_SERVER_PROMPT_H_
