// Filters that give text.
#include <cstdio>

#include "text/jinja/arguments.h"
#include "text/jinja/builtins.h"
#include "text/jinja/format.h"
#include "text/jinja/print.h"
#include "text/jinja/runtime.h"
#include "text/jinja/string_ops.h"

namespace ingot::text::jinja {
namespace {

using Result = core::Result<Value>;

template <Case kTo>
Result Cased(Runtime& rt, const Value& input, const Args&) {
  INGOT_ASSIGN(Value text, ToStr(rt.heap(), input, true));
  return ChangeCase(rt.heap(), text, kTo);
}

// Words begin after white space, a hyphen or an opening bracket.
Result Title(Runtime& rt, const Value& input, const Args&) {
  INGOT_ASSIGN(Value text, ToStr(rt.heap(), input));
  std::string_view view = text.view();
  auto separates = [&](size_t at) {
    uint32_t c = DecodeUtf8(view, at).code;
    return IsSpace(c) || (c < 0x80 && std::string_view("-({[<").find(static_cast<char>(c)) !=
                                          std::string_view::npos);
  };
  TextBuilder out = rt.heap().NewText();
  for (size_t at = 0; at < view.size();) {
    size_t begin = at;
    bool separator = separates(at);
    while (at < view.size() && separates(at) == separator) at += DecodeUtf8(view, at).size;
    if (separator) {
      out.AppendSlice(text.text(), begin, at);
      continue;
    }
    size_t second = begin + DecodeUtf8(view, begin).size;
    INGOT_ASSIGN(Value head, rt.heap().Slice(text, begin, second));
    INGOT_ASSIGN(head, ChangeCase(rt.heap(), head, Case::kUpper));
    INGOT_ASSIGN(Value tail, rt.heap().Slice(text, second, at));
    INGOT_ASSIGN(tail, ChangeCase(rt.heap(), tail, Case::kLower));
    out.Append(head.text());
    out.Append(tail.text());
  }
  return rt.heap().String(std::move(out));
}

Result CenterFilter(Runtime& rt, const Value& input, const Args& args) {
  INGOT_ASSIGN(Int width, IntArgument(args.positional[0], 80));
  INGOT_ASSIGN(Value text, ToStr(rt.heap(), input, true));
  return Center(rt.heap(), text, width, Value::String(" "));
}

Result EscapeFilter(Runtime& rt, const Value& input, const Args&) {
  return Escape(rt.heap(), input);
}

Result ForceEscape(Runtime& rt, const Value& input, const Args&) {
  INGOT_ASSIGN(Value text, ToStr(rt.heap(), input));
  return Escape(rt.heap(), text);
}

Result Safe(Runtime& rt, const Value& input, const Args&) {
  INGOT_ASSIGN(Value text, ToStr(rt.heap(), input));
  return text.WithMarkup(true);
}

Result String(Runtime& rt, const Value& input, const Args&) {
  return ToStr(rt.heap(), input, true);
}

Result Format(Runtime& rt, const Value& input, const Args& args) {
  INGOT_ASSIGN(Value format, ToStr(rt.heap(), input, true));
  if (args.named.empty()) {
    INGOT_ASSIGN(Value values, rt.heap().Tuple(args.positional));
    return PercentFormat(rt.heap(), format, values);
  }
  if (!args.positional.empty()) {
    return TypeError("can't handle positional and keyword arguments at the same time");
  }
  std::vector<DictObject::Entry> entries;
  for (const auto& [name, value] : args.named) {
    INGOT_ASSIGN(Value key, rt.heap().String(name));
    entries.emplace_back(std::move(key), value);
  }
  INGOT_ASSIGN(Value values, rt.heap().Dict(std::move(entries)));
  return PercentFormat(rt.heap(), format, values);
}

Result Join(Runtime& rt, const Value& input, const Args& args) {
  Heap& heap = rt.heap();
  Value separator = Value::String("");
  if (!args.positional[0].missing()) {
    INGOT_ASSIGN(separator, ToStr(heap, args.positional[0]));
  }
  INGOT_ASSIGN(Cursor cursor, Cursor::Over(input));
  TextBuilder out = heap.NewText();
  Value item;
  for (bool first = true; cursor.Next(heap, item); first = false) {
    if (!first) out.Append(separator.text());
    if (!args.positional[1].missing()) {
      INGOT_ASSIGN(item, GetPath(heap, item, args.positional[1]));
    }
    INGOT_TRY(AppendStr(heap, out, item));
    if (out.overflowed()) break;
  }
  INGOT_TRY(core::Status(cursor.status()));
  return heap.String(std::move(out));
}

Result ReplaceFilter(Runtime& rt, const Value& input, const Args& args) {
  INGOT_ASSIGN(Value text, ToStr(rt.heap(), input));
  INGOT_ASSIGN(Value from, ToStr(rt.heap(), args.positional[0]));
  INGOT_ASSIGN(Value to, ToStr(rt.heap(), args.positional[1]));
  Value count = args.positional[2].none() ? Value() : args.positional[2];
  INGOT_ASSIGN(Int times, IntArgument(count, -1));
  return Replace(rt.heap(), text, from, to, times);
}

Result Trim(Runtime& rt, const Value& input, const Args& args) {
  INGOT_ASSIGN(Value text, ToStr(rt.heap(), input, true));
  return Strip(rt.heap(), text, args.positional[0], Side::kBoth);
}

void AppendPercent(TextBuilder& out, const Text& text, bool query) {
  for (size_t at = 0; at < text.size(); ++at) {
    auto byte = static_cast<uint8_t>(text.view()[at]);
    bool plain = byte < 0x80 && (IsAlnum(byte) || byte == '_' || byte == '.' || byte == '-' ||
                                 byte == '~' || (byte == '/' && !query));
    char buffer[4] = {static_cast<char>(byte), 0};
    if (query && byte == ' ') {
      buffer[0] = '+';
    } else if (!plain) {
      std::snprintf(buffer, sizeof buffer, "%%%02X", byte);
    }
    out.Append(buffer, text.OriginAt(at));
  }
}

Result UrlEncode(Runtime& rt, const Value& input, const Args&) {
  Heap& heap = rt.heap();
  TextBuilder out = heap.NewText();
  if (input.is_string() || !Iterable(input)) {
    INGOT_ASSIGN(Value text, ToStr(heap, input));
    AppendPercent(out, text.text(), false);
    return heap.String(std::move(out));
  }
  Value pairs = input;
  if (input.is(Kind::kDict)) {
    pairs = Value::OfObject(Kind::kView, std::make_shared<ViewObject>(input, ViewKind::kItems));
  }
  INGOT_ASSIGN(std::vector<Value> items, Collect(heap, pairs));
  for (size_t i = 0; i < items.size(); ++i) {
    INGOT_ASSIGN(std::vector<Value> pair, Collect(heap, items[i]));
    if (pair.size() != 2) return TypeError("urlencode takes pairs of key and value");
    if (i > 0) out.Append("&");
    for (size_t half = 0; half < 2; ++half) {
      if (half == 1) out.Append("=");
      INGOT_ASSIGN(Value text, ToStr(heap, pair[half]));
      AppendPercent(out, text.text(), true);
    }
  }
  return heap.String(std::move(out));
}

Result XmlAttr(Runtime& rt, const Value& input, const Args& args) {
  if (input.undefined()) return UndefinedError(input);
  if (!input.is(Kind::kDict)) return TypeError("xmlattr takes a mapping");
  TextBuilder out = rt.heap().NewText();
  bool space = Flag(args.positional[0], true);
  for (const auto& [key, value] : input.dict().entries()) {
    if (value.none() || value.undefined()) continue;
    if (!key.is_string()) return TypeError("attribute names must be strings");
    if (key.view().find_first_of(" \t\n\r\f\v/>=") != std::string_view::npos) {
      return TypeError(
          core::StrCat("invalid character in attribute name: ", core::Quoted(key.view(), 60)));
    }
    INGOT_ASSIGN(Value name, Escape(rt.heap(), key));
    INGOT_ASSIGN(Value text, Escape(rt.heap(), value));
    if (space || out.size() > 0) out.Append(" ");
    out.Append(name.text());
    out.Append("=\"");
    out.Append(text.text());
    out.Append("\"");
  }
  return rt.heap().String(std::move(out));
}

constexpr NativeDef kFilters[] = {
    {"capitalize", "", 0, Cased<Case::kCapitalize>},
    {"center", "width", 0, CenterFilter},
    {"e", "", 0, EscapeFilter},
    {"escape", "", 0, EscapeFilter},
    {"forceescape", "", 0, ForceEscape},
    {"format", "", -1, Format},
    {"join", "d attribute", 0, Join},
    {"lower", "", 0, Cased<Case::kLower>},
    {"replace", "old new count", 2, ReplaceFilter},
    {"safe", "", 0, Safe},
    {"string", "", 0, String},
    {"title", "", 0, Title},
    {"trim", "chars", 0, Trim},
    {"upper", "", 0, Cased<Case::kUpper>},
    {"urlencode", "", 0, UrlEncode},
    {"xmlattr", "autospace", 0, XmlAttr},
};

}  // namespace

std::span<const NativeDef> TextFilters() { return kFilters; }

}  // namespace ingot::text::jinja
