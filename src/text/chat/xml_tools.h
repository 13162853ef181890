// The list of tools as Qwen3-Coder and Nemotron write it: nested XML-like tags.
#ifndef INGOT_TEXT_CHAT_XML_TOOLS_H_
#define INGOT_TEXT_CHAT_XML_TOOLS_H_

#include "core/json.h"
#include "text/chat/message.h"
#include "text/chat/prompt_writer.h"

namespace ingot::text {

// <tools> … </tools>. Nemotron puts a parameter's choices behind its description, and the names of
// required ones at the end.
void WriteXmlTools(const core::Json& tools, bool nemotron, PromptWriter& out);
// <function=name> … </function>, the inside of a call.
void WriteXmlCall(const ToolCall& call, PromptWriter& out);

}  // namespace ingot::text

#endif  // INGOT_TEXT_CHAT_XML_TOOLS_H_
