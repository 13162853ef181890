#include "server/seconds_text.h"

#include <array>
#include <charconv>

namespace ingot::server {

std::string SecondsText(double seconds) {
  std::array<char, 400> digits = {};  // the largest double has 309 before the point
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), seconds,
                                 std::chars_format::fixed, 4);
  return {digits.data(), end.ptr};
}

}  // namespace ingot::server
