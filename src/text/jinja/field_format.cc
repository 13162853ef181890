// format(value, spec): [[fill]align][sign][#][0][width][grouping][.precision][type].
#include <algorithm>
#include <cmath>

#include "core/strings.h"
#include "text/jinja/format.h"
#include "text/jinja/number.h"
#include "text/jinja/ops.h"
#include "text/jinja/print.h"
#include "text/jinja/unicode.h"

namespace ingot::text::jinja {
namespace {

struct Spec {
  uint32_t fill = ' ';
  Origin fill_origin = Origin::kTemplate;
  char align = 0;  // 0: not given
  char sign = 0;
  bool alternate = false;
  uint64_t width = 0;
  char grouping = 0;
  std::optional<uint64_t> precision;
  char type = 0;

  Padding PaddingFor(char default_align) const {
    return {.width = width,
            .align = align != 0 ? align : default_align,
            .fill = fill,
            .fill_origin = fill_origin};
  }
};

bool IsAlign(uint32_t c) { return c == '<' || c == '>' || c == '^' || c == '='; }

core::Result<Spec> ParseSpec(const Text& text) {
  Spec spec;
  std::string_view view = text.view();
  size_t at = 0;
  auto peek = [&] { return at < view.size() ? view[at] : '\0'; };
  auto number = [&]() -> std::optional<uint64_t> {
    std::optional<uint64_t> value;
    while (peek() >= '0' && peek() <= '9') {
      value = std::min<uint64_t>(value.value_or(0) * 10 + (view[at++] - '0'), kMaxWidth + 1);
    }
    return value;
  };
  if (!view.empty()) {
    Utf8Char first = DecodeUtf8(view, 0);
    if (first.size < view.size() && IsAlign(static_cast<uint8_t>(view[first.size]))) {
      spec.fill = first.code;
      spec.fill_origin = text.OriginAt(0);
      spec.align = view[first.size];
      at = first.size + 1;
    } else if (IsAlign(first.code)) {
      spec.align = view[at++];
    }
  }
  if (peek() == '+' || peek() == '-' || peek() == ' ') spec.sign = view[at++];
  if (peek() == '#') {
    spec.alternate = true;
    ++at;
  }
  if (peek() == '0') {
    ++at;
    if (spec.align == 0) {
      spec.fill = '0';
      spec.align = '=';
    }
  }
  spec.width = number().value_or(0);
  if (peek() == ',' || peek() == '_') spec.grouping = view[at++];
  if (peek() == '.') {
    ++at;
    spec.precision = number();
    if (!spec.precision.has_value()) return TypeError("Format specifier missing precision");
  }
  if (at < view.size()) spec.type = view[at++];
  if (at < view.size())
    return TypeError(core::StrCat("Invalid format specifier ", core::Quoted(view)));
  if (spec.width > kMaxWidth) return core::Exhausted("a format's width is too large");
  if (spec.precision.value_or(0) > kMaxWidth) return core::Exhausted("precision too large");
  return spec;
}

core::Status UnknownCode(const Spec& spec, const Value& value) {
  return TypeError(core::StrCat("Unknown format code ",
                                core::Quoted(std::string_view(&spec.type, 1)),
                                " for object of type '", TypeName(value), "'"));
}

core::Status FormatText(Heap& heap, TextBuilder& out, const Value& value, const Spec& spec) {
  if (spec.type != 0 && spec.type != 's') return UnknownCode(spec, value);
  if (spec.sign != 0) return TypeError("Sign not allowed in string format specifier");
  if (spec.alternate) return TypeError("Alternate form (#) not allowed in string format specifier");
  if (spec.grouping != 0) return TypeError("Cannot specify ',' with 's'.");
  Spec padded = spec;
  if (spec.align == '=') {
    if (spec.fill != '0') return TypeError("'=' alignment not allowed in string format specifier");
    padded.align = '<';
  }
  Value text = value;
  if (spec.precision.has_value()) {
    INGOT_ASSIGN(text, heap.Slice(value, 0, value.text().OffsetOf(*spec.precision)));
  }
  return AppendPadded(heap, out, Text(), text.text(), padded.PaddingFor('<'));
}

std::string SignText(const Spec& spec, bool negative) {
  if (negative) return "-";
  return spec.sign == '+' || spec.sign == ' ' ? std::string(1, spec.sign) : "";
}

// Puts separators between groups of digits; zeros that fill the width are grouped too.
std::string Group(std::string_view digits, char separator, size_t size, uint64_t min_length) {
  std::string reversed;
  size_t in_group = 0;
  auto put = [&](char c) {
    if (in_group == size) {
      reversed.push_back(separator);
      in_group = 0;
    }
    reversed.push_back(c);
    ++in_group;
  };
  for (size_t i = digits.size(); i > 0; --i) put(digits[i - 1]);
  while (reversed.size() < min_length) put('0');
  std::reverse(reversed.begin(), reversed.end());
  return reversed;
}

// digits may be followed by a tail (fraction, exponent, %) that is not grouped.
core::Status AppendNumber(Heap& heap, TextBuilder& out, const Spec& spec, std::string prefix,
                          std::string digits, const std::string& tail, size_t group_size) {
  if (spec.grouping != 0) {
    uint64_t used = prefix.size() + tail.size();
    bool zeros = spec.align == '=' && spec.fill == '0';
    uint64_t min_length = zeros && spec.width > used ? spec.width - used : 0;
    digits = Group(digits, spec.grouping, group_size, min_length);
  }
  return AppendPadded(heap, out, Text(std::move(prefix)), Text(digits + tail),
                      spec.PaddingFor('>'));
}

core::Status FormatReal(Heap& heap, TextBuilder& out, const Value& value, const Spec& spec);

core::Status FormatInteger(Heap& heap, TextBuilder& out, const Value& value, const Spec& spec) {
  int base = 10;
  const char* prefix = "";
  switch (spec.type) {
    case 0:
    case 'd':
    case 'n':
      break;
    case 'b':
      base = 2;
      prefix = "0b";
      break;
    case 'o':
      base = 8;
      prefix = "0o";
      break;
    case 'x':
      base = 16;
      prefix = "0x";
      break;
    case 'X':
      base = 16;
      prefix = "0X";
      break;
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
    case '%':
      return FormatReal(heap, out, value, spec);
    default:
      return UnknownCode(spec, value);
  }
  if (spec.precision.has_value()) {
    return TypeError("Precision not allowed in integer format specifier");
  }
  if (spec.grouping == ',' && base != 10) return TypeError("Cannot specify ',' with this type.");
  std::string digits = IntText(value.integer(), base, spec.type == 'X');
  bool negative = digits[0] == '-';
  if (negative) digits.erase(0, 1);
  std::string head = SignText(spec, negative);
  if (spec.alternate) head += prefix;
  return AppendNumber(heap, out, spec, head, digits, "", base == 10 ? 3 : 4);
}

core::Status FormatReal(Heap& heap, TextBuilder& out, const Value& value, const Spec& spec) {
  double real = value.AsReal();
  double magnitude = std::abs(real);
  std::string text;
  auto precision = static_cast<int>(spec.precision.value_or(6));
  if (precision > kMaxPrecision) return core::Exhausted("precision too large");
  switch (spec.type) {
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G': {
      INGOT_ASSIGN(text, RealDigits(magnitude, spec.type, precision, spec.alternate));
      break;
    }
    case 'n': {
      INGOT_ASSIGN(text, RealDigits(magnitude, 'g', precision, spec.alternate));
      break;
    }
    case '%': {
      INGOT_ASSIGN(text, RealDigits(magnitude * 100, 'f', precision, spec.alternate));
      text += '%';
      break;
    }
    case 0:
      if (!spec.precision.has_value()) {
        text = FloatText(magnitude);
      } else {
        // As g, but there is always a digit behind the point.
        INGOT_ASSIGN(text, RealDigits(magnitude, 'g', precision, spec.alternate));
        if (std::isfinite(magnitude) && text.find_first_of(".e") == std::string_view::npos) {
          if (static_cast<int>(text.size()) >= std::max(precision, 1)) {
            INGOT_ASSIGN(text, RealDigits(magnitude, 'e', std::max(precision, 1) - 1, false));
          } else {
            text += ".0";
          }
        }
      }
      break;
    default:
      return UnknownCode(spec, value);
  }
  size_t whole = std::min(text.find_first_not_of("0123456789"), text.size());
  std::string tail = text.substr(whole);
  text.resize(whole);
  if (text.empty()) std::swap(text, tail);  // inf, nan
  return AppendNumber(heap, out, spec, SignText(spec, std::signbit(real) && !std::isnan(real)),
                      text, tail, 3);
}

}  // namespace

core::Status AppendFormatted(Heap& heap, TextBuilder& out, const Value& value, const Text& text) {
  if (text.empty()) return AppendStr(heap, out, value);
  if (!value.is_string() && !value.is_number()) {
    return TypeError(
        core::StrCat("unsupported format string passed to ", TypeName(value), ".__format__"));
  }
  INGOT_ASSIGN(Spec spec, ParseSpec(text));
  if (value.is_string()) return FormatText(heap, out, value, spec);
  if (value.is_integer()) return FormatInteger(heap, out, value, spec);
  return FormatReal(heap, out, value, spec);
}

}  // namespace ingot::text::jinja
