// UTF-8 by hand: the text of a tokenizer is checked once at the door (Repair) and walked without
// checks after that. Pure functions.
#ifndef INGOT_TEXT_TOKEN_UTF8_H_
#define INGOT_TEXT_TOKEN_UTF8_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "core/utf8.h"

namespace ingot::text {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// Bytes of the character that starts with this byte, in valid text.
constexpr size_t Utf8Length(char lead) {
  const auto byte = static_cast<uint8_t>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}
constexpr bool IsUtf8Continuation(char c) { return (static_cast<uint8_t>(c) & 0xC0) == 0x80; }

// The character at `at`, which is moved past it. text is valid and at < text.size().
inline uint32_t NextPoint(std::string_view text, size_t& at) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(text[i])); };
  const uint32_t lead = byte(at);
  if (lead < 0x80) {
    ++at;
    return lead;
  }
  if (lead < 0xE0) {
    const uint32_t point = (lead & 0x1F) << 6 | (byte(at + 1) & 0x3F);
    at += 2;
    return point;
  }
  if (lead < 0xF0) {
    const uint32_t point = (lead & 0x0F) << 12 | (byte(at + 1) & 0x3F) << 6 | (byte(at + 2) & 0x3F);
    at += 3;
    return point;
  }
  const uint32_t point = (lead & 0x07) << 18 | (byte(at + 1) & 0x3F) << 12 |
                         (byte(at + 2) & 0x3F) << 6 | (byte(at + 3) & 0x3F);
  at += 4;
  return point;
}
inline uint32_t PointAt(std::string_view text, size_t at) { return NextPoint(text, at); }

// Where the character before `at` begins; at > 0.
inline size_t PreviousStart(std::string_view text, size_t at) {
  do {
    --at;
  } while (at > 0 && IsUtf8Continuation(text[at]));
  return at;
}

inline void AppendPoint(std::string& out, uint32_t point) { core::AppendUtf8(out, point); }

// How far text is valid UTF-8, in bytes.
size_t ValidPrefix(std::string_view text);

// What stands at the start of text, which is not a valid character: how many bytes one U+FFFD
// replaces (the longest start of a character that could have been, at least one byte), and whether
// the text ends there, so that more bytes might complete it.
struct BrokenPoint {
  size_t bytes = 1;
  bool unfinished = false;
};
BrokenPoint MeasureBroken(std::string_view text);

// text with each broken sequence replaced by U+FFFD, as Python's errors="replace" and Rust's
// from_utf8_lossy do; text itself when there is none, else a view of storage.
std::string_view Repair(std::string_view text, std::string& storage);

}  // namespace ingot::text

#endif  // INGOT_TEXT_TOKEN_UTF8_H_
