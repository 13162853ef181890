#include "text/jinja/escapes.h"

#include <charconv>
#include <cstdio>

#include "core/strings.h"
#include "text/jinja/unicode.h"

namespace ingot::text::jinja {
namespace {

constexpr std::string_view kSimple = "\\'\"abfnrtv";
constexpr std::string_view kMeaning = "\\'\"\a\b\f\n\r\t\v";

// Exactly `count` hexadecimal digits at text[at].
core::Result<uint32_t> Hex(std::string_view text, size_t at, size_t count) {
  uint32_t code = 0;
  std::string_view digits = text.substr(std::min(at, text.size()), count);
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
  if (digits.size() != count || error != std::errc() || end != digits.data() + count) {
    return core::InvalidArgument(core::StrCat("an escape lacks its ", count, " digits"));
  }
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
    return core::InvalidArgument("an escape names no character");
  }
  return code;
}

}  // namespace

core::Result<std::string> Unescape(std::string_view literal) {
  std::string out;
  out.reserve(literal.size());
  for (size_t i = 0; i < literal.size();) {
    if (literal[i] != '\\' || i + 1 >= literal.size()) {
      out.push_back(literal[i++]);
      continue;
    }
    char c = literal[i + 1];
    i += 2;
    if (size_t which = kSimple.find(c); which != std::string_view::npos) {
      out.push_back(kMeaning[which]);
    } else if (c == '\n') {
      continue;
    } else if (c >= '0' && c <= '7') {
      uint32_t code = 0;
      --i;
      for (int digits = 0;
           digits < 3 && i < literal.size() && literal[i] >= '0' && literal[i] <= '7'; ++digits) {
        code = code * 8 + static_cast<uint32_t>(literal[i++] - '0');
      }
      AppendUtf8(out, code);
    } else if (c == 'x' || c == 'u' || c == 'U') {
      size_t count = c == 'x' ? 2 : c == 'u' ? 4 : 8;
      INGOT_ASSIGN(uint32_t code, Hex(literal, i, count));
      AppendUtf8(out, code);
      i += count;
    } else if (c == 'N') {
      return core::Unsupported("escapes of named characters are not supported");
    } else if (static_cast<uint8_t>(c) >= 0x80) {
      // Python spells such a character as an escape of its own first, so the backslash before it
      // turns that escape into text.
      Utf8Char wide = DecodeUtf8(literal, i - 1);
      char buffer[16];
      const char* format = wide.code < 0x100     ? "\\x%02x"
                           : wide.code < 0x10000 ? "\\u%04x"
                                                 : "\\U%08x";
      std::snprintf(buffer, sizeof buffer, format, wide.code);
      out.append(buffer);
      i += wide.size - 1;
    } else {
      out.push_back('\\');
      out.push_back(c);
    }
  }
  return out;
}

}  // namespace ingot::text::jinja
