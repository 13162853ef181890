// The notations in which models write tool calls: each reads the inside of a call. nullopt: it is
// none. Pure functions; any thread.
#ifndef INGOT_TEXT_PARSE_CALL_FORMATS_H_
#define INGOT_TEXT_PARSE_CALL_FORMATS_H_

#include <optional>
#include <string_view>
#include <vector>

#include "text/chat/message.h"
#include "text/parse/typed_value.h"

namespace ingot::text {

using Calls = std::vector<ToolCall>;

// A call with more arguments is none: looking for a name among them takes ever longer.
inline constexpr size_t kMaxArguments = 1000;

struct CallFormat {
  // Whether text that begins like this can still become a call: once false, false for whatever
  // follows, and then `read` finds none either.
  bool (*may_become)(std::string_view body);
  // finished: the closing tag was seen; otherwise the answer ended inside the call, and only what
  // is whole all the same may count.
  std::optional<Calls> (*read)(std::string_view body, const ToolSchemas& schemas, bool finished);
  // Whether the text breaks off inside a value, where a closing tag would be part of the value.
  bool (*inside_value)(std::string_view body);
};

// {"name": …, "arguments": {…}}, or a list of such; also with other names for the parts:
// {"tool_name": …, "parameters": {…}}.
extern const CallFormat kJsonCalls;
// <function=NAME><parameter=P>value</parameter></function>
extern const CallFormat kFunctionTagCalls;
// Either of the two above.
extern const CallFormat kJsonOrTagCalls;
// NAME<arg_key>k</arg_key><arg_value>v</arg_value>
extern const CallFormat kArgPairCalls;
// The same, or a JSON object; names that other assistants use stand for the declared ones.
extern const CallFormat kLagunaCalls;
// call:NAME{key:value,…}
extern const CallFormat kBraceCalls;
// <invoke name="NAME"><parameter name="P">value</parameter></invoke>, under any prefix ("atem:").
extern const CallFormat kInvokeCalls;

// One call from its JSON, under the names that models give its parts.
std::optional<ToolCall> CallFromObject(const core::Json& object);
// Text that was meant to be JSON: as it stands, or with what models get wrong put right (bare line
// ends in strings, a comma too many, a bracket missing at the end).
std::optional<core::Json> LenientJson(std::string_view text);

}  // namespace ingot::text

#endif  // INGOT_TEXT_PARSE_CALL_FORMATS_H_
