#include "store/json_text.h"

#include <utility>

#include "core/strings.h"

namespace ingot::store {
namespace {

void AppendUnicodeEscape(std::string& out, unsigned code) {
  constexpr char kHex[] = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kHex[code >> shift & 15];
}

// The short escape of a character that has one, or 0.
char ShortEscape(unsigned char c) {
  switch (c) {
    case '"':
    case '\\':
      return static_cast<char>(c);
    case '\b':
      return 'b';
    case '\f':
      return 'f';
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    default:
      return 0;
  }
}

// The length of the valid UTF-8 sequence that text begins with; 0 where there is none.
size_t SequenceLength(std::string_view text) {
  unsigned char first = static_cast<unsigned char>(text[0]);
  size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  return length <= text.size() && core::IsValidUtf8(text.substr(0, length)) ? length : 0;
}

}  // namespace

void AppendJsonString(std::string& out, std::string_view text) {
  out += '"';
  for (size_t i = 0; i < text.size();) {
    unsigned char c = static_cast<unsigned char>(text[i]);
    if (c < 0x80) {
      if (char escape = ShortEscape(c)) {
        out += '\\';
        out += escape;
      } else if (c < 0x20 || c == '<' || c == '>' || c == '&') {
        AppendUnicodeEscape(out, c);
      } else {
        out += static_cast<char>(c);
      }
      ++i;
      continue;
    }
    size_t length = SequenceLength(text.substr(i));
    std::string_view sequence = text.substr(i, length);
    if (length == 0) {
      AppendUnicodeEscape(out, 0xfffd);
    } else if (sequence == "\xe2\x80\xa8") {
      AppendUnicodeEscape(out, 0x2028);
    } else if (sequence == "\xe2\x80\xa9") {
      AppendUnicodeEscape(out, 0x2029);
    } else {
      out += sequence;
    }
    i += length == 0 ? 1 : length;
  }
  out += '"';
}

void JsonObjectText::Key(std::string_view key) {
  if (out_.size() > 1) out_ += ',';
  AppendJsonString(out_, key);
  out_ += ':';
}

JsonObjectText& JsonObjectText::String(std::string_view key, std::string_view value) {
  Key(key);
  AppendJsonString(out_, value);
  return *this;
}

JsonObjectText& JsonObjectText::StringUnlessEmpty(std::string_view key, std::string_view value) {
  return value.empty() ? *this : String(key, value);
}

JsonObjectText& JsonObjectText::Number(std::string_view key, uint64_t value) {
  Key(key);
  core::AppendPiece(out_, value);
  return *this;
}

JsonObjectText& JsonObjectText::NumberUnlessZero(std::string_view key, uint64_t value) {
  return value == 0 ? *this : Number(key, value);
}

JsonObjectText& JsonObjectText::Strings(std::string_view key,
                                        const std::vector<std::string>& values) {
  Key(key);
  out_ += '[';
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out_ += ',';
    AppendJsonString(out_, values[i]);
  }
  out_ += ']';
  return *this;
}

JsonObjectText& JsonObjectText::Raw(std::string_view key, std::string_view json) {
  Key(key);
  out_ += json;
  return *this;
}

std::string JsonObjectText::Take() {
  out_ += '}';
  std::string whole(1, '{');
  whole.swap(out_);
  return whole;
}

}  // namespace ingot::store
