#include "registry/extents.h"

#include <algorithm>

#include "core/strings.h"

namespace ingot::registry {

void ExtentSet::Add(Extent extent) {
  if (extent.begin >= extent.end) return;
  // Everything that overlaps or touches becomes one.
  auto at = ranges_.upper_bound(extent.begin);
  if (at != ranges_.begin() && std::prev(at)->second >= extent.begin) --at;
  while (at != ranges_.end() && at->first <= extent.end) {
    extent.begin = std::min(extent.begin, at->first);
    extent.end = std::max(extent.end, at->second);
    total_ -= at->second - at->first;
    at = ranges_.erase(at);
  }
  ranges_.emplace(extent.begin, extent.end);
  total_ += extent.size();
}

uint64_t ExtentSet::EndFrom(uint64_t position) const {
  auto at = ranges_.upper_bound(position);
  if (at == ranges_.begin()) return position;
  return std::max(position, std::prev(at)->second);
}

std::vector<Extent> ExtentSet::Missing(uint64_t size) const {
  std::vector<Extent> missing;
  uint64_t position = 0;
  for (const auto& [begin, end] : ranges_) {
    if (begin > position) missing.push_back({position, std::min(begin, size)});
    position = std::max(position, end);
    if (position >= size) return missing;
  }
  if (position < size) missing.push_back({position, size});
  return missing;
}

std::vector<Extent> CutRanges(const std::vector<Extent>& missing, uint64_t longest) {
  std::vector<Extent> ranges;
  for (Extent extent : missing) {
    while (extent.size() > longest) {
      ranges.push_back({extent.begin, extent.begin + longest});
      extent.begin += longest;
    }
    ranges.push_back(extent);
  }
  return ranges;
}

std::optional<ContentRange> ParseContentRange(std::string_view text) {
  text = core::Trim(text);
  constexpr std::string_view kUnit = "bytes";
  if (!core::EqualsIgnoreCase(text.substr(0, kUnit.size()), kUnit)) return std::nullopt;
  text = core::Trim(text.substr(kUnit.size()));
  const size_t slash = text.find('/');
  const size_t dash = text.find('-');
  if (slash == std::string_view::npos || dash == std::string_view::npos || dash > slash) {
    return std::nullopt;
  }
  const auto first = core::ParseUint(core::Trim(text.substr(0, dash)));
  const auto last = core::ParseUint(core::Trim(text.substr(dash + 1, slash - dash - 1)));
  const std::string_view whole = core::Trim(text.substr(slash + 1));
  if (!first || !last || *last < *first || *last == UINT64_MAX) return std::nullopt;
  ContentRange range{{*first, *last + 1}, std::nullopt};
  if (whole == "*") return range;
  range.size = core::ParseUint(whole);
  if (!range.size || *range.size < range.extent.end) return std::nullopt;
  return range;
}

}  // namespace ingot::registry
