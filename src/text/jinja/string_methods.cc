// Methods of strings that change or test the whole: case, classes, padding.
#include <algorithm>

#include "text/jinja/arguments.h"
#include "text/jinja/builtins.h"
#include "text/jinja/number.h"
#include "text/jinja/print.h"
#include "text/jinja/runtime.h"
#include "text/jinja/string_ops.h"

namespace ingot::text::jinja {
namespace {

using Result = core::Result<Value>;

template <Case kTo>
Result Cased(Runtime& rt, const Value& self, const Args&) {
  return ChangeCase(rt.heap(), self, kTo);
}

// True when there is a character and the class holds for all of them.
template <bool (*kClass)(uint32_t), bool kEmpty = false>
Result AllAre(Runtime& rt, const Value& self, const Args&) {
  std::string_view text = self.view();
  INGOT_TRY(rt.heap().Charge(text.size() / 8 + 1));
  if (text.empty()) return Value::Bool(kEmpty);
  for (size_t at = 0; at < text.size();) {
    Utf8Char c = DecodeUtf8(text, at);
    if (!kClass(c.code)) return Value::Bool(false);
    at += c.size;
  }
  return Value::Bool(true);
}

bool IsAsciiChar(uint32_t c) { return c < 0x80; }

Result IsIdentifier(Runtime& rt, const Value& self, const Args&) {
  std::string_view text = self.view();
  INGOT_TRY(rt.heap().Charge(text.size() / 8 + 1));
  for (size_t at = 0; at < text.size();) {
    Utf8Char c = DecodeUtf8(text, at);
    bool fits = c.code == '_' || IsAlpha(c.code) || (at > 0 && IsDecimal(c.code));
    if (!fits) return Value::Bool(false);
    at += c.size;
  }
  return Value::Bool(!text.empty());
}

Result LowerTest(Runtime& rt, const Value& self, const Args&) {
  INGOT_TRY(rt.heap().Charge(self.text().size() / 8 + 1));
  return Value::Bool(IsLowerText(self.view()));
}
Result UpperTest(Runtime& rt, const Value& self, const Args&) {
  INGOT_TRY(rt.heap().Charge(self.text().size() / 8 + 1));
  return Value::Bool(IsUpperText(self.view()));
}

Result TitleTest(Runtime& rt, const Value& self, const Args&) {
  std::string_view text = self.view();
  INGOT_TRY(rt.heap().Charge(text.size() / 8 + 1));
  bool any = false;
  bool after_letter = false;
  for (size_t at = 0; at < text.size();) {
    Utf8Char c = DecodeUtf8(text, at);
    bool upper = IsUpper(c.code) || IsTitle(c.code);
    bool lower = IsLower(c.code);
    if ((upper && after_letter) || (lower && !after_letter)) return Value::Bool(false);
    after_letter = upper || lower;
    any |= after_letter;
    at += c.size;
  }
  return Value::Bool(any);
}

core::Result<Value> FillArgument(Heap& heap, const Value& self, const Value& fill) {
  if (fill.missing()) return Value::String(" ");
  INGOT_ASSIGN(Value text, TextArgument(fill, "the fill character"));
  if (text.text().length() != 1) {
    return TypeError("the fill character must be exactly one character long");
  }
  if (self.markup()) return Escape(heap, text);
  return text;
}

Result CenterMethod(Runtime& rt, const Value& self, const Args& args) {
  INGOT_ASSIGN(Int width, IntArgument(args.positional[0], 0));
  INGOT_ASSIGN(Value fill, FillArgument(rt.heap(), self, args.positional[1]));
  return Center(rt.heap(), self, width, fill);
}

Result Justify(Runtime& rt, const Value& self, const Args& args, bool left) {
  INGOT_ASSIGN(Int width, IntArgument(args.positional[0], 0));
  INGOT_ASSIGN(Value fill, FillArgument(rt.heap(), self, args.positional[1]));
  Int missing = width - static_cast<Int>(self.text().length());
  if (missing <= 0) return self;
  if (missing > Int{1} << 40) return core::Exhausted("the width is too large");
  TextBuilder out = rt.heap().NewText();
  if (left) out.Append(self.text());
  out.Repeat(fill.text(), static_cast<uint64_t>(missing));
  if (!left) out.Append(self.text());
  return rt.heap().String(std::move(out), self.markup());
}
Result LeftJustify(Runtime& rt, const Value& self, const Args& args) {
  return Justify(rt, self, args, true);
}
Result RightJustify(Runtime& rt, const Value& self, const Args& args) {
  return Justify(rt, self, args, false);
}

Result ZeroFill(Runtime& rt, const Value& self, const Args& args) {
  INGOT_ASSIGN(Int width, IntArgument(args.positional[0], 0));
  Int missing = width - static_cast<Int>(self.text().length());
  if (missing <= 0) return self;
  if (missing > Int{1} << 40) return core::Exhausted("the width is too large");
  std::string_view view = self.view();
  size_t sign = !view.empty() && (view[0] == '+' || view[0] == '-') ? 1 : 0;
  TextBuilder out = rt.heap().NewText();
  out.AppendSlice(self.text(), 0, sign);
  out.Repeat(Text("0"), static_cast<uint64_t>(missing));
  out.AppendSlice(self.text(), sign, view.size());
  return rt.heap().String(std::move(out), self.markup());
}

Result ExpandTabs(Runtime& rt, const Value& self, const Args& args) {
  INGOT_ASSIGN(Int size, IntArgument(args.positional[0], 8));
  if (size > 1 << 20) return core::Exhausted("the tab size is too large");
  const Text& text = self.text();
  INGOT_TRY(rt.heap().Charge(text.size() + 1));
  TextBuilder out = rt.heap().NewText();
  CharReader reader(text);
  Int column = 0;
  while (!reader.Done()) {
    uint32_t c = reader.Next();
    if (c == '\t') {
      Int spaces = size > 0 ? size - column % size : 0;
      out.Repeat(Text(" ", reader.origin()), static_cast<uint64_t>(spaces));
      column += spaces;
      continue;
    }
    out.AppendChar(c, reader.origin());
    column = c == '\n' || c == '\r' ? 0 : column + 1;
  }
  return rt.heap().String(std::move(out), self.markup());
}

Result Refused(Runtime&, const Value&, const Args&) {
  return core::Unsupported("this string method is not supported");
}

constexpr NativeDef kMethods[] = {
    {"capitalize", "", 0, Cased<Case::kCapitalize>},
    {"casefold", "", 0, Cased<Case::kFold>},
    {"lower", "", 0, Cased<Case::kLower>},
    {"swapcase", "", 0, Cased<Case::kSwap>},
    {"title", "", 0, Cased<Case::kTitle>},
    {"upper", "", 0, Cased<Case::kUpper>},
    {"isalnum", "", 0, AllAre<IsAlnum>},
    {"isalpha", "", 0, AllAre<IsAlpha>},
    {"isascii", "", 0, AllAre<IsAsciiChar, true>},
    {"isdecimal", "", 0, AllAre<IsDecimal>},
    {"isdigit", "", 0, AllAre<IsDigit>},
    {"isidentifier", "", 0, IsIdentifier},
    {"islower", "", 0, LowerTest},
    {"isnumeric", "", 0, AllAre<IsNumeric>},
    {"isprintable", "", 0, AllAre<IsPrintable, true>},
    {"isspace", "", 0, AllAre<IsSpace>},
    {"istitle", "", 0, TitleTest},
    {"isupper", "", 0, UpperTest},
    {"center", "/width /fillchar", 1, CenterMethod},
    {"ljust", "/width /fillchar", 1, LeftJustify},
    {"rjust", "/width /fillchar", 1, RightJustify},
    {"zfill", "/width", 1, ZeroFill},
    {"expandtabs", "tabsize", 0, ExpandTabs},
    {"encode", "", -1, Refused},
    {"maketrans", "", -1, Refused},
    {"translate", "", -1, Refused},
};

}  // namespace

std::span<const NativeDef> StringMethods() { return kMethods; }

}  // namespace ingot::text::jinja
