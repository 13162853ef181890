#include "family/schedule.h"

#include <algorithm>
#include <charconv>

namespace ingot::family {
namespace {

constexpr std::string_view kMarker = ".layers.";

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::optional<uint32_t> LayerIndex(std::string_view name) {
  for (size_t at = name.find(kMarker); at != std::string_view::npos;
       at = name.find(kMarker, at + 1)) {
    const std::string_view rest = name.substr(at + kMarker.size());
    const size_t digits =
        static_cast<size_t>(std::find_if_not(rest.begin(), rest.end(), IsDigit) - rest.begin());
    if (digits == 0 || digits == rest.size() || rest[digits] != '.') continue;
    uint32_t index = 0;
    const auto parsed = std::from_chars(rest.data(), rest.data() + digits, index);
    if (parsed.ec != std::errc()) return std::nullopt;  // no model has that many layers
    return index;
  }
  return std::nullopt;
}

bool IsSensitiveLayer(uint32_t i, uint32_t n, int64_t cadence_end) {
  if (n == 0) return false;
  const uint32_t first = n / 8;
  const uint32_t last = static_cast<uint32_t>(uint64_t{7} * n / 8);
  if (i < first || i >= last) return true;
  return int64_t{i} < cadence_end && (i - first) % 3 == 2;
}

}  // namespace ingot::family
