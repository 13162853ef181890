// String operations that methods and filters share. Results keep the Markup flag of their input.
#ifndef INGOT_TEXT_JINJA_STRING_OPS_H_
#define INGOT_TEXT_JINJA_STRING_OPS_H_

#include <vector>

#include "core/status.h"
#include "text/jinja/heap.h"
#include "text/jinja/unicode.h"
#include "text/jinja/value.h"

namespace ingot::text::jinja {

enum class Case { kUpper, kLower, kTitle, kCapitalize, kSwap, kFold };
core::Result<Value> ChangeCase(Heap& heap, const Value& text, Case to);

enum class Side { kLeft, kRight, kBoth };
// chars missing or None: white space.
core::Result<Value> Strip(Heap& heap, const Value& text, const Value& chars, Side side);
core::Result<Value> Replace(Heap& heap, const Value& text, const Value& from, const Value& to,
                            Int count);
core::Result<std::vector<Value>> SplitLines(Heap& heap, const Value& text, bool keep_ends);
// At most max_splits splits (all when negative), from the left or the right; separator missing or
// None: runs of white space.
core::Result<std::vector<Value>> SplitText(Heap& heap, const Value& text, const Value& separator,
                                           Int max_splits, bool from_right);
core::Result<Value> Center(Heap& heap, const Value& text, Int width, const Value& fill);
// separator.join(items); every item must be a string.
core::Result<Value> JoinText(Heap& heap, const Value& separator, const std::vector<Value>& items);
core::Result<Value> StrFormat(Heap& heap, const Value& format, const std::vector<Value>& positional,
                              const Value& named);
bool IsLowerText(std::string_view text);
bool IsUpperText(std::string_view text);

}  // namespace ingot::text::jinja

#endif  // INGOT_TEXT_JINJA_STRING_OPS_H_
