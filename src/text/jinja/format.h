// Python's two ways to format: "%5d" % value and format(value, ">5,"), which str.format uses.
#ifndef INGOT_TEXT_JINJA_FORMAT_H_
#define INGOT_TEXT_JINJA_FORMAT_H_

#include "core/status.h"
#include "text/jinja/heap.h"
#include "text/jinja/value.h"

namespace ingot::text::jinja {

// format % arguments; a tuple gives several arguments, a dict named ones.
core::Result<Value> PercentFormat(Heap& heap, const Value& format, const Value& arguments);

// Appends format(value, spec).
core::Status AppendFormatted(Heap& heap, TextBuilder& out, const Value& value, const Text& spec);

// How a finished piece of text is set into its field.
struct Padding {
  uint64_t width = 0;
  char align = '<';  // < > ^, or = for zeros between the sign and the digits
  uint32_t fill = ' ';
  Origin fill_origin = Origin::kTemplate;
};
// prefix is the sign and base prefix of a number: "=" pads behind it.
core::Status AppendPadded(Heap& heap, TextBuilder& out, const Text& prefix, const Text& body,
                          const Padding& padding);

// A float in one of the forms e E f F g G, without sign; precision is bounded.
core::Result<std::string> RealDigits(double magnitude, char form, int precision, bool alternate);

constexpr int kMaxPrecision = 1000;
constexpr uint64_t kMaxWidth = 1'000'000;

}  // namespace ingot::text::jinja

#endif  // INGOT_TEXT_JINJA_FORMAT_H_
