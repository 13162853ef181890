#include "text/jinja/number.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "text/jinja/unicode.h"

namespace ingot::text::jinja {
namespace {

std::string_view StripSpace(std::string_view text) {
  while (!text.empty()) {
    Utf8Char c = DecodeUtf8(text, 0);
    if (!IsSpace(c.code)) break;
    text.remove_prefix(std::min<size_t>(c.size, text.size()));
  }
  while (!text.empty()) {
    size_t last = PreviousChar(text, text.size());
    if (!IsSpace(DecodeUtf8(text, last).code)) break;
    text.remove_suffix(text.size() - last);
  }
  return text;
}

int DigitOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'z' ? lower - 'a' + 10 : 99;
}

// The base that a prefix names, or 0.
int PrefixBase(std::string_view digits) {
  if (digits.size() < 2 || digits[0] != '0') return 0;
  char letter = static_cast<char>(digits[1] | 0x20);
  return letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
}

}  // namespace

std::string IntText(Int value, int base, bool upper) {
  using Unsigned = unsigned __int128;
  bool negative = value < 0;
  Unsigned rest = negative ? -static_cast<Unsigned>(value) : static_cast<Unsigned>(value);
  std::string out;
  do {
    out.push_back((upper ? "0123456789ABCDEF" : "0123456789abcdef")[rest % base]);
    rest /= base;
  } while (rest != 0);
  if (negative) out.push_back('-');
  std::reverse(out.begin(), out.end());
  return out;
}

std::string FloatText(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[64];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  std::string_view text(buffer, end.ptr);
  size_t e = text.find('e');
  int exponent = 0;
  const char* number = text.data() + e + 1;
  if (*number == '+') ++number;
  std::from_chars(number, end.ptr, exponent);
  std::string digits;
  for (char c : text.substr(0, e)) {
    if (c >= '0' && c <= '9') digits.push_back(c);
  }
  std::string out = text[0] == '-' ? "-" : "";
  int point = exponent + 1;  // digits before the decimal point
  auto count = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= 16) {
    out.append(digits, 0, 1);
    if (count > 1) out.append(".").append(digits, 1);
    char tail[16];
    std::snprintf(tail, sizeof tail, "e%c%02d", exponent < 0 ? '-' : '+', std::abs(exponent));
    return out.append(tail);
  }
  if (point <= 0) return out.append("0.").append(-point, '0').append(digits);
  if (count <= point) return out.append(digits).append(point - count, '0').append(".0");
  return out.append(digits, 0, point).append(".").append(digits, point);
}

std::optional<Int> ParseInt(std::string_view text, int base) {
  text = StripSpace(text);
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  int prefix = PrefixBase(text);
  if (prefix != 0 && (base == 0 || base == prefix)) {
    base = prefix;
    text.remove_prefix(2);
    if (!text.empty() && text[0] == '_') text.remove_prefix(1);
  } else if (base == 0) {
    base = 10;
    // A number that starts with 0 must be 0: the old octal form is refused.
    if (!text.empty() && text[0] == '0' && text.find_first_not_of("0_") != std::string_view::npos) {
      return std::nullopt;
    }
  }
  Int value = 0;
  bool digit_before = false;
  for (char c : text) {
    if (c == '_') {
      if (!digit_before) return std::nullopt;
      digit_before = false;
      continue;
    }
    int digit = DigitOf(c);
    if (digit >= base) return std::nullopt;
    if (__builtin_mul_overflow(value, Int{base}, &value) ||
        __builtin_sub_overflow(value, Int{digit}, &value)) {
      return std::nullopt;
    }
    digit_before = true;
  }
  if (!digit_before) return std::nullopt;
  if (!negative && __builtin_sub_overflow(Int{0}, value, &value)) return std::nullopt;
  return value;
}

std::optional<double> ParseReal(std::string_view text) {
  text = StripSpace(text);
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  std::string plain;
  char before = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '_') {
      bool after = i + 1 < text.size() && text[i + 1] >= '0' && text[i + 1] <= '9';
      if (before < '0' || before > '9' || !after) return std::nullopt;
    } else {
      plain.push_back(c);
    }
    before = c;
  }
  if (plain.empty()) return std::nullopt;
  bool starts = (plain[0] >= '0' && plain[0] <= '9') || plain[0] == '.';
  if (!starts) {
    std::string lower;
    for (char c : plain) lower.push_back(static_cast<char>(c | 0x20));
    if (lower == "nan") return std::nan("");
    if (lower != "inf" && lower != "infinity") return std::nullopt;
    return negative ? -INFINITY : INFINITY;
  }
  double value = 0;
  auto [end, error] = std::from_chars(plain.data(), plain.data() + plain.size(), value);
  if (end != plain.data() + plain.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    // from_chars leaves the value alone; strtod says whether it is too small or too large.
    value = std::strtod(plain.c_str(), nullptr);
  } else if (error != std::errc()) {
    return std::nullopt;
  }
  return negative ? -value : value;
}

std::optional<Int> Truncate(double value) {
  if (!std::isfinite(value) || std::abs(value) >= 0x1p126) return std::nullopt;
  return static_cast<Int>(value);
}

double RoundReal(double value, int digits) {
  if (!std::isfinite(value) || digits > 350) return value;
  if (digits < -310) return std::copysign(0.0, value);
  if (digits < 0) {
    double unit = std::pow(10.0, -digits);
    return std::nearbyint(value / unit) * unit;
  }
  char buffer[800];
  std::snprintf(buffer, sizeof buffer, "%.*f", digits, value);
  return std::strtod(buffer, nullptr);
}

}  // namespace ingot::text::jinja
