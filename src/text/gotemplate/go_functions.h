// The functions that a Go-style template may call. Constant table; any thread.
#ifndef INGOT_TEXT_GOTEMPLATE_GO_FUNCTIONS_H_
#define INGOT_TEXT_GOTEMPLATE_GO_FUNCTIONS_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "core/status.h"
#include "text/jinja/heap.h"
#include "text/jinja/value.h"

namespace ingot::text {

struct GoCall {
  jinja::Heap& heap;
  std::span<const jinja::Value> arguments;
  int64_t wall_ns;
};

struct GoFunction {
  std::string_view name;
  int min_arguments;
  int max_arguments;  // -1: any number
  // and, or: the rest is not looked at once the answer is known.
  bool lazy;
  core::Result<jinja::Value> (*call)(const GoCall& call);
};

const GoFunction* FindGoFunction(std::string_view name);

// A dict that stands for a structure of the original keeps under this key, which no template can
// name, what its JSON is: fields are called Name there, and name here.
inline constexpr std::string_view kGoJsonKey = "";

// As Go's templates print a value: text as it is, lists and maps as JSON.
core::Status AppendGoText(jinja::Heap& heap, jinja::TextBuilder& out, const jinja::Value& value);
// json.Marshal: no spaces, <, > and & escaped.
core::Status AppendGoJson(jinja::Heap& heap, jinja::TextBuilder& out, const jinja::Value& value);

}  // namespace ingot::text

#endif  // INGOT_TEXT_GOTEMPLATE_GO_FUNCTIONS_H_
