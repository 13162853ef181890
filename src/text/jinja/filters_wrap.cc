// Filters that lay text out in lines, and the ones that no chat template needs, refused by name.
#include "text/jinja/arguments.h"
#include "text/jinja/builtins.h"
#include "text/jinja/print.h"
#include "text/jinja/runtime.h"
#include "text/jinja/string_ops.h"

namespace ingot::text::jinja {
namespace {

using Result = core::Result<Value>;

Result Indent(Runtime& rt, const Value& input, const Args& args) {
  Heap& heap = rt.heap();
  if (input.undefined()) return UndefinedError(input);
  INGOT_ASSIGN(Value text, TextArgument(input, "the text to indent"));
  Value indention = args.positional[0];
  if (!indention.is_string()) {
    INGOT_ASSIGN(Int width, IntArgument(indention, 4));
    INGOT_ASSIGN(indention, Binary(heap, BinaryOp::kMul, Value::String(" "), Value::Of(width)));
  }
  bool first = Flag(args.positional[1]);
  bool blank = Flag(args.positional[2]);
  // A final line end would be lost otherwise: the text after it is an empty line.
  TextBuilder ended = heap.NewText();
  ended.Append(text.text());
  ended.Append("\n");
  INGOT_ASSIGN(Value whole, heap.String(std::move(ended), text.markup()));
  INGOT_ASSIGN(std::vector<Value> lines, SplitLines(heap, whole, false));
  TextBuilder out = heap.NewText();
  if (first) out.Append(indention.text());
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) {
      out.Append("\n");
      if (blank || !lines[i].text().empty()) out.Append(indention.text());
    }
    out.Append(lines[i].text());
  }
  return heap.String(std::move(out), text.markup());
}

Result Truncate(Runtime& rt, const Value& input, const Args& args) {
  Heap& heap = rt.heap();
  INGOT_ASSIGN(Int length, IntArgument(args.positional[0], 255));
  Value end = args.positional[2].missing() ? Value::String("...") : args.positional[2];
  INGOT_ASSIGN(end, TextArgument(end, "end"));
  Value leeway_value = args.positional[3].none() ? Value() : args.positional[3];
  INGOT_ASSIGN(Int leeway, IntArgument(leeway_value, 5));
  Int kept = length - static_cast<Int>(end.text().length());
  if (kept < 0) return TypeError("truncate: the length is shorter than the end text");
  if (leeway < 0) return TypeError("truncate: the leeway is negative");
  INGOT_ASSIGN(Int given, Length(input));
  if (given <= length + leeway) return input;
  INGOT_ASSIGN(Value text, TextArgument(input, "the text to truncate"));
  INGOT_ASSIGN(Value head, heap.Slice(text, 0, text.text().OffsetOf(static_cast<size_t>(kept))));
  if (!Flag(args.positional[1])) {
    INGOT_ASSIGN(std::vector<Value> parts, SplitText(heap, head, Value::String(" "), 1, true));
    head = parts[0];
  }
  return Binary(heap, BinaryOp::kAdd, head, end);
}

Result WordCount(Runtime& rt, const Value& input, const Args&) {
  INGOT_ASSIGN(Value text, ToStr(rt.heap(), input));
  INGOT_TRY(rt.heap().Charge(text.text().size() / 8 + 1));
  Int words = 0;
  bool inside = false;
  for (size_t at = 0; at < text.text().size();) {
    Utf8Char c = DecodeUtf8(text.view(), at);
    bool word = IsAlnum(c.code) || c.code == '_';
    if (word && !inside) ++words;
    inside = word;
    at += c.size;
  }
  return Value::Of(words);
}

Result Refused(Runtime&, const Value&, const Args&) {
  return core::Unsupported(
      "the filters pprint, random, striptags, urlize and wordwrap are not supported");
}

constexpr NativeDef kFilters[] = {
    {"indent", "width first blank", 0, Indent},
    {"truncate", "length killwords end leeway", 0, Truncate},
    {"wordcount", "", 0, WordCount},
    {"pprint", "", -1, Refused},
    {"random", "", -1, Refused},
    {"striptags", "", -1, Refused},
    {"urlize", "", -1, Refused},
    {"wordwrap", "", -1, Refused},
};

}  // namespace

std::span<const NativeDef> WrapFilters() { return kFilters; }

}  // namespace ingot::text::jinja
