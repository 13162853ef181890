#include "text/token/utf8.h"

#include <cstring>

namespace ingot::text {
namespace {

// The range of the byte after a lead byte: it alone tells overlong forms, surrogates and points
// beyond the last from good ones.
struct Second {
  uint8_t low = 0x80;
  uint8_t high = 0xBF;
};
Second SecondRange(uint8_t lead) {
  switch (lead) {
    case 0xE0:
      return {0xA0, 0xBF};
    case 0xED:
      return {0x80, 0x9F};
    case 0xF0:
      return {0x90, 0xBF};
    case 0xF4:
      return {0x80, 0x8F};
    default:
      return {};
  }
}

// Bytes of a character that this byte may lead, 0 for none.
size_t LeadLength(uint8_t lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

// How many bytes at the start of text belong to one character, valid so far; equals
// LeadLength when the character is whole.
size_t GoodBytes(std::string_view text, size_t length) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const Second second = SecondRange(byte(0));
  if (text.size() < 2 || byte(1) < second.low || byte(1) > second.high) return 1;
  for (size_t i = 2; i < length; ++i) {
    if (i >= text.size() || (byte(i) & 0xC0) != 0x80) return i;
  }
  return length;
}

}  // namespace

size_t ValidPrefix(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    uint64_t word = 0;
    while (at + sizeof word <= text.size()) {
      std::memcpy(&word, text.data() + at, sizeof word);
      if ((word & 0x8080808080808080u) != 0) break;
      at += sizeof word;
    }
    if (at >= text.size()) break;
    const size_t length = LeadLength(static_cast<uint8_t>(text[at]));
    if (length == 0) return at;
    if (length > 1 && GoodBytes(text.substr(at), length) != length) return at;
    at += length;
  }
  return at;
}

BrokenPoint MeasureBroken(std::string_view text) {
  BrokenPoint broken;
  const size_t length = text.empty() ? 0 : LeadLength(static_cast<uint8_t>(text[0]));
  if (length < 2) return broken;
  broken.bytes = GoodBytes(text, length);
  broken.unfinished = broken.bytes == text.size();
  return broken;
}

std::string_view Repair(std::string_view text, std::string& storage) {
  size_t valid = ValidPrefix(text);
  if (valid == text.size()) return text;
  storage.clear();
  storage.reserve(text.size() + 64);
  while (true) {
    storage.append(text.substr(0, valid));
    text.remove_prefix(valid);
    if (text.empty()) return storage;
    storage.append(kReplacement);
    text.remove_prefix(MeasureBroken(text).bytes);
    valid = ValidPrefix(text);
  }
}

}  // namespace ingot::text
