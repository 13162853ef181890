// "..." % arguments.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "core/strings.h"
#include "text/jinja/format.h"
#include "text/jinja/number.h"
#include "text/jinja/ops.h"
#include "text/jinja/print.h"
#include "text/jinja/unicode.h"

namespace ingot::text::jinja {
namespace {

struct Directive {
  bool left = false, plus = false, space = false, alternate = false, zero = false;
  std::optional<uint64_t> width;
  std::optional<uint64_t> precision;
  char conversion = 0;
};

class PercentFormatter {
 public:
  PercentFormatter(Heap& heap, const Value& format, const Value& arguments)
      : heap_(heap),
        format_(format.text()),
        view_(format.view()),
        markup_(format.markup()),
        arguments_(arguments),
        out_(heap.NewText()) {}

  core::Result<Value> Run() {
    while (at_ < view_.size()) {
      size_t percent = std::min(view_.find('%', at_), view_.size());
      out_.AppendSlice(format_, at_, percent);
      at_ = percent;
      if (at_ == view_.size()) break;
      ++at_;
      INGOT_TRY(heap_.Charge(1));
      INGOT_TRY(One());
    }
    if (arguments_.is(Kind::kTuple)) {
      if (used_ < arguments_.items().size()) return Unconverted();
    } else if (!used_single_ && !IsMapping()) {
      return Unconverted();
    }
    return heap_.String(std::move(out_), markup_);
  }

 private:
  static core::Status Unconverted() {
    return TypeError("not all arguments converted during string formatting");
  }
  // What Python's % looks keys up in, and never misses when it goes unused.
  bool IsMapping() const {
    switch (arguments_.kind()) {
      case Kind::kDict:
      case Kind::kList:
      case Kind::kRange:
      case Kind::kUndefined:
        return true;
      default:
        return false;
    }
  }

  core::Status One() {
    Directive d;
    Value keyed;
    size_t begin = at_;
    if (Peek() == '(') INGOT_TRY(Key(keyed));
    for (bool more = true; more;) {
      switch (Peek()) {
        case '-':
          d.left = true;
          break;
        case '+':
          d.plus = true;
          break;
        case ' ':
          d.space = true;
          break;
        case '#':
          d.alternate = true;
          break;
        case '0':
          d.zero = true;
          break;
        default:
          more = false;
          continue;
      }
      ++at_;
    }
    INGOT_TRY(Number(d.width, &d.left));
    if (Peek() == '.') {
      ++at_;
      INGOT_TRY(Number(d.precision, nullptr));
      if (!d.precision.has_value()) d.precision = 0;
    }
    if (Peek() == 'h' || Peek() == 'l' || Peek() == 'L') ++at_;
    if (at_ >= view_.size()) return TypeError("incomplete format");
    d.conversion = view_[at_++];
    if (d.conversion == '%') {
      if (at_ - begin > 1) return core::Unsupported("%% takes no flags or width");
      out_.AppendSlice(format_, at_ - 1, at_);
      return {};
    }
    Value value = keyed;
    if (value.missing()) INGOT_TRY(NextArgument(value));
    return Convert(d, value);
  }

  char Peek() const { return at_ < view_.size() ? view_[at_] : 0; }

  core::Status Key(Value& value) {
    if (!arguments_.is(Kind::kDict)) return TypeError("format requires a mapping");
    size_t begin = ++at_;
    for (int open = 1; open > 0; ++at_) {
      if (at_ >= view_.size()) return TypeError("incomplete format key");
      if (view_[at_] == '(') ++open;
      if (view_[at_] == ')') --open;
    }
    std::string_view key = view_.substr(begin, at_ - 1 - begin);
    const Value* found = arguments_.dict().Find(key);
    if (found == nullptr) return TypeError(core::StrCat("KeyError: ", core::Quoted(key)));
    value = *found;
    return {};
  }

  // Digits, or * for the next argument, whose sign may ask for the left side.
  core::Status Number(std::optional<uint64_t>& number, bool* left) {
    if (Peek() == '*') {
      ++at_;
      Value value;
      INGOT_TRY(NextArgument(value));
      if (!value.is_integer()) return TypeError("* wants int");
      Int integer = value.integer();
      if (integer < 0 && left != nullptr) *left = true;
      if (integer < 0) integer = left != nullptr ? -integer : 0;
      number = static_cast<uint64_t>(std::min<Int>(integer, Int{1} << 62));
    } else {
      while (Peek() >= '0' && Peek() <= '9') {
        number = std::min<uint64_t>(number.value_or(0) * 10 + (view_[at_++] - '0'), 1u << 30);
      }
    }
    if (number.value_or(0) > kMaxWidth) return core::Exhausted("a format's width is too large");
    return {};
  }

  core::Status NextArgument(Value& value) {
    if (arguments_.is(Kind::kTuple)) {
      if (used_ >= arguments_.items().size()) {
        return TypeError("not enough arguments for format string");
      }
      value = arguments_.items()[used_++];
      return {};
    }
    if (used_single_) return TypeError("not enough arguments for format string");
    used_single_ = true;
    value = arguments_;
    return {};
  }

  core::Status Convert(const Directive& d, const Value& value) {
    switch (d.conversion) {
      case 's':
      case 'r':
      case 'c':
        return TextConversion(d, value);
      case 'd':
      case 'i':
      case 'u':
      case 'o':
      case 'x':
      case 'X':
        return IntegerConversion(d, value);
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G':
        return RealConversion(d, value);
      default:
        return TypeError(core::StrCat("unsupported format character ",
                                      core::Quoted(std::string_view(&d.conversion, 1))));
    }
  }

  core::Status TextConversion(const Directive& d, const Value& value) {
    Value text;
    if (d.conversion == 'c') {
      INGOT_TRY(Character(value, text));
    } else if (d.conversion == 'r') {
      INGOT_ASSIGN(text, ToRepr(heap_, value));
    } else {
      INGOT_ASSIGN(text, ToStr(heap_, value, true));
    }
    if (markup_) {
      INGOT_ASSIGN(text, Escape(heap_, text));
    }
    if (d.precision.has_value() && d.conversion != 'c') {
      INGOT_ASSIGN(text, heap_.Slice(text, 0, text.text().OffsetOf(*d.precision)));
    }
    return AppendPadded(heap_, out_, Text(), text.text(),
                        {.width = d.width.value_or(0), .align = d.left ? '<' : '>'});
  }

  core::Status Character(const Value& value, Value& text) {
    if (value.is_string() && value.text().length() == 1) {
      text = value;
      return {};
    }
    if (!value.is_integer() || value.integer() < 0 || value.integer() > 0x10ffff ||
        (value.integer() >= 0xd800 && value.integer() <= 0xdfff)) {
      return TypeError("%c requires int or char");
    }
    TextBuilder builder = heap_.NewText();
    builder.AppendChar(static_cast<uint32_t>(value.integer()), Origin::kTemplate);
    INGOT_ASSIGN(text, heap_.String(std::move(builder)));
    return {};
  }

  core::Status IntegerConversion(const Directive& d, const Value& value) {
    bool decimal = d.conversion == 'd' || d.conversion == 'i' || d.conversion == 'u';
    std::optional<Int> integer;
    if (value.is_integer()) integer = value.integer();
    if (decimal && value.is(Kind::kFloat)) integer = Truncate(value.real());
    if (!integer.has_value()) {
      return TypeError(core::StrCat("%", std::string(1, d.conversion),
                                    " format: a number is required, not ", TypeName(value)));
    }
    bool upper = d.conversion == 'X';
    int base = decimal ? 10 : d.conversion == 'o' ? 8 : 16;
    std::string digits = IntText(*integer, base, upper);
    std::string prefix = SignOf(d, digits[0] == '-');
    if (digits[0] == '-') digits.erase(0, 1);
    if (d.alternate && base == 8) prefix += "0o";
    if (d.alternate && base == 16) prefix += upper ? "0X" : "0x";
    if (d.precision.has_value() && *d.precision > digits.size()) {
      digits.insert(0, *d.precision - digits.size(), '0');
    }
    return Pad(d, prefix, digits);
  }

  core::Status RealConversion(const Directive& d, const Value& value) {
    if (!value.is_number()) {
      return TypeError(core::StrCat("must be real number, not ", TypeName(value)));
    }
    double real = value.AsReal();
    if (d.precision.value_or(0) > kMaxPrecision) return core::Exhausted("precision too large");
    INGOT_ASSIGN(std::string digits,
                 RealDigits(std::abs(real), d.conversion, static_cast<int>(d.precision.value_or(6)),
                            d.alternate));
    Directive padded = d;
    if (!std::isfinite(real)) padded.zero = d.zero;
    return Pad(padded, SignOf(d, std::signbit(real) && !std::isnan(real)), digits);
  }

  static std::string SignOf(const Directive& d, bool negative) {
    return negative ? "-" : d.plus ? "+" : d.space ? " " : "";
  }

  core::Status Pad(const Directive& d, std::string prefix, std::string digits) {
    Padding padding{.width = d.width.value_or(0), .align = d.left ? '<' : '>'};
    if (d.zero && !d.left) {
      padding.align = '=';
      padding.fill = '0';
    }
    return AppendPadded(heap_, out_, Text(std::move(prefix)), Text(std::move(digits)), padding);
  }

  Heap& heap_;
  const Text& format_;
  std::string_view view_;
  bool markup_;
  const Value& arguments_;
  TextBuilder out_;
  size_t at_ = 0;
  size_t used_ = 0;
  bool used_single_ = false;
};

}  // namespace

core::Result<Value> PercentFormat(Heap& heap, const Value& format, const Value& arguments) {
  return PercentFormatter(heap, format, arguments).Run();
}

core::Status AppendPadded(Heap& heap, TextBuilder& out, const Text& prefix, const Text& body,
                          const Padding& padding) {
  size_t length = prefix.length() + body.length();
  uint64_t missing = padding.width > length ? padding.width - length : 0;
  uint64_t before = 0;
  if (padding.align == '>' || padding.align == '=') before = missing;
  if (padding.align == '^') before = missing / 2;
  INGOT_TRY(heap.Charge(missing / 8 + 1));
  std::string fill;
  AppendUtf8(fill, padding.fill);
  Text filler(fill, padding.fill_origin);
  if (padding.align == '=') out.Append(prefix);
  out.Repeat(filler, before);
  if (padding.align != '=') out.Append(prefix);
  out.Append(body);
  out.Repeat(filler, missing - before);
  return {};
}

core::Result<std::string> RealDigits(double magnitude, char form, int precision, bool alternate) {
  bool upper = form >= 'A' && form <= 'Z';
  if (std::isnan(magnitude)) return std::string(upper ? "NAN" : "nan");
  if (std::isinf(magnitude)) return std::string(upper ? "INF" : "inf");
  if (precision > kMaxPrecision) return core::Exhausted("precision too large");
  char pattern[8] = {'%'};
  size_t n = 1;
  if (alternate) pattern[n++] = '#';
  pattern[n++] = '.';
  pattern[n++] = '*';
  pattern[n] = form;
  char buffer[kMaxPrecision + 400];
  int size = std::snprintf(buffer, sizeof buffer, pattern, precision, magnitude);
  return std::string(buffer, static_cast<size_t>(size));
}

}  // namespace ingot::text::jinja
