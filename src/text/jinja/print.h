// How values become text: str(), repr() and JSON, byte for byte as Python prints them. User bytes
// stay marked. Each charges what it visits, so a value that is small in memory but huge in print
// ends in an error.
#ifndef INGOT_TEXT_JINJA_PRINT_H_
#define INGOT_TEXT_JINJA_PRINT_H_

#include "core/status.h"
#include "text/jinja/heap.h"
#include "text/jinja/value.h"

namespace ingot::text::jinja {

core::Status AppendStr(Heap& heap, TextBuilder& out, const Value& value);
core::Status AppendRepr(Heap& heap, TextBuilder& out, const Value& value);
// str(value) as a value; strings come back as they are (Markup stays Markup when soft is set).
core::Result<Value> ToStr(Heap& heap, const Value& value, bool soft = false);
core::Result<Value> ToRepr(Heap& heap, const Value& value);
// markupsafe.escape(value): a Markup string.
core::Result<Value> Escape(Heap& heap, const Value& value);

struct JsonStyle {
  bool ascii = false;
  bool sort_keys = false;
  bool lines = false;  // an element a line, each level indented by one more `indent`
  Value indent;        // a string, where lines is set
  Value item_separator;
  Value key_separator;
};
core::Status AppendJson(Heap& heap, TextBuilder& out, const Value& value, const JsonStyle& style);

}  // namespace ingot::text::jinja

#endif  // INGOT_TEXT_JINJA_PRINT_H_
