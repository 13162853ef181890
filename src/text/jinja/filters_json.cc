// tojson, as chat renderers define it: json.dumps without ASCII or HTML escapes.
#include "text/jinja/arguments.h"
#include "text/jinja/builtins.h"
#include "text/jinja/print.h"
#include "text/jinja/runtime.h"

namespace ingot::text::jinja {
namespace {

using Result = core::Result<Value>;

core::Status ReadSeparators(Heap& heap, const Value& pair, JsonStyle& style) {
  INGOT_ASSIGN(std::vector<Value> parts, Collect(heap, pair));
  if (parts.size() != 2) return TypeError("separators must be a pair");
  INGOT_ASSIGN(style.item_separator, TextArgument(parts[0], "an item separator"));
  INGOT_ASSIGN(style.key_separator, TextArgument(parts[1], "a key separator"));
  return {};
}

Result ToJson(Runtime& rt, const Value& input, const Args& args) {
  Heap& heap = rt.heap();
  const Value& indent = args.positional[1];
  const Value& separators = args.positional[2];
  JsonStyle style;
  style.ascii = Flag(args.positional[0]);
  style.sort_keys = Flag(args.positional[3]);
  style.lines = !indent.missing() && !indent.none();
  style.item_separator = Value::String(style.lines ? "," : ", ");
  style.key_separator = Value::String(": ");
  if (style.lines) {
    style.indent = indent;
    if (!indent.is_string()) {
      INGOT_ASSIGN(Int width, IntArgument(indent, 0));
      INGOT_ASSIGN(style.indent,
                   Binary(heap, BinaryOp::kMul, Value::String(" "), Value::Of(width)));
    }
  }
  if (!separators.missing() && !separators.none()) {
    INGOT_TRY(ReadSeparators(heap, separators, style));
  }
  TextBuilder out = heap.NewText();
  INGOT_TRY(AppendJson(heap, out, input, style));
  return heap.String(std::move(out));
}

constexpr NativeDef kFilters[] = {
    {"tojson", "ensure_ascii indent separators sort_keys", 0, ToJson},
};

}  // namespace

std::span<const NativeDef> JsonFilters() { return kFilters; }

}  // namespace ingot::text::jinja
