// The arguments of a call as some models write them: each value as it stands, between tags that
// name it. What such a grammar lets through is, once its parser has taken the tags and the line
// ends beside them away, a value that the schema allows: no white space may stand between a tag and
// a value but what the parser takes away. Pure functions.
#ifndef INGOT_TEXT_GRAMMAR_TAGGED_ARGUMENTS_H_
#define INGOT_TEXT_GRAMMAR_TAGGED_ARGUMENTS_H_

#include <string_view>

#include "core/json.h"
#include "core/status.h"
#include "text/grammar/grammar_spec.h"

namespace ingot::text {

struct ArgumentTags {
  std::string_view style;     // xgrammar's name for arguments like these
  std::string_view before;    // the name
  std::string_view name_end;  // behind it; no name holds it
  std::string_view opens;     // what else stands before the value
  std::string_view closes;    // behind the value; no value holds it
  // A value has lines of its own, and so has each closing tag; otherwise line ends may stand
  // between tags, and nowhere else.
  bool lines;
};

// A format of xgrammar's structural tags for the arguments that the schema describes, which was
// checked; null where there are none. kUnsupported, naming it, for an argument whose name or
// choices no parser could read.
core::Result<core::Json> TaggedArguments(const core::Json& schema, const ArgumentTags& tags,
                                         const GrammarLimits& limits);

}  // namespace ingot::text

#endif  // INGOT_TEXT_GRAMMAR_TAGGED_ARGUMENTS_H_
