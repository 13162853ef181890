// Writing UTF-8. Pure.
#ifndef INGOT_CORE_UTF8_H_
#define INGOT_CORE_UTF8_H_

#include <cstdint>
#include <string>

namespace ingot::core {

// point is at most 0x10FFFF, and not half of a UTF-16 pair: neither is checked here.
inline void AppendUtf8(std::string& out, uint32_t point) {
  const auto put = [&](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  const auto put_rest = [&](int shift) { put(0x80 | (point >> shift & 0x3F)); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0 | point >> 6);
    put_rest(0);
  } else if (point < 0x10000) {
    put(0xE0 | point >> 12);
    put_rest(6);
    put_rest(0);
  } else {
    put(0xF0 | point >> 18);
    put_rest(12);
    put_rest(6);
    put_rest(0);
  }
}

}  // namespace ingot::core

#endif  // INGOT_CORE_UTF8_H_
