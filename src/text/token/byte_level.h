// The alphabet of byte-level tokenizers: each of the 256 bytes has a printable character that
// stands for it in the vocabulary. Printable Latin-1 stands for itself, the other 68 bytes take
// U+0100 and upward in order. Pure functions.
#ifndef INGOT_TEXT_TOKEN_BYTE_LEVEL_H_
#define INGOT_TEXT_TOKEN_BYTE_LEVEL_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "text/token/utf8.h"

namespace ingot::text {

constexpr bool StandsForItself(uint32_t byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) ||
         (byte >= 0xAE && byte <= 0xFF);
}

constexpr std::array<uint16_t, 256> kPointOfByte = [] {
  std::array<uint16_t, 256> table{};
  uint16_t next = 0x100;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    table[byte] = StandsForItself(byte) ? static_cast<uint16_t>(byte) : next++;
  }
  return table;
}();

constexpr uint32_t kBytePointEnd = 0x144;

// The byte a character stands for, -1 where it stands for none.
constexpr std::array<int16_t, kBytePointEnd> kByteOfPoint = [] {
  std::array<int16_t, kBytePointEnd> table{};
  for (int16_t& entry : table) entry = -1;
  for (size_t byte = 0; byte < 256; ++byte) table[kPointOfByte[byte]] = static_cast<int16_t>(byte);
  return table;
}();

inline void AppendByteLevel(std::string& out, std::string_view bytes) {
  for (const char c : bytes) AppendPoint(out, kPointOfByte[static_cast<uint8_t>(c)]);
}

// The bytes that a valid text stands for; nullopt when a character of it stands for none.
inline std::optional<std::string> FromByteLevel(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const uint32_t point = NextPoint(text, at);
    if (point >= kBytePointEnd || kByteOfPoint[point] < 0) return std::nullopt;
    out.push_back(static_cast<char>(kByteOfPoint[point]));
  }
  return out;
}

}  // namespace ingot::text

#endif  // INGOT_TEXT_TOKEN_BYTE_LEVEL_H_
