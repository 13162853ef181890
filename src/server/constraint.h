// What a task's answer is held to: its format, the calls that it must make, and how long it may
// think. Any thread.
#ifndef INGOT_SERVER_CONSTRAINT_H_
#define INGOT_SERVER_CONSTRAINT_H_

#include <memory>

#include "core/status.h"
#include "engine/loaded_model.h"
#include "engine/token_constraint.h"
#include "server/chat_task.h"
#include "server/prompt.h"

namespace ingot::server {

// Null where nothing is asked for. What cannot be honoured is refused.
core::Result<std::unique_ptr<engine::TokenConstraint>> MakeConstraint(
    const engine::LoadedModel& model, const ChatTask& task, const Prompt& prompt);

}  // namespace ingot::server

#endif  // INGOT_SERVER_CONSTRAINT_H_
