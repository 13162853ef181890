// Gemma 4's notation for values and for declarations of tools: keys in order, strings between
// <|"|> marks, types in capitals.
#ifndef INGOT_TEXT_CHAT_GEMMA4_VALUES_H_
#define INGOT_TEXT_CHAT_GEMMA4_VALUES_H_

#include "core/json.h"
#include "text/chat/prompt_writer.h"

namespace ingot::text {

// quote_keys: keys are strings too, as in schemas.
void WriteGemma4Value(const core::Json& value, bool quote_keys, PromptWriter& out);
// declaration:NAME{…}
void WriteGemma4Declaration(const core::Json& tool, PromptWriter& out);

}  // namespace ingot::text

#endif  // INGOT_TEXT_CHAT_GEMMA4_VALUES_H_
