#include "text/chat/rendered.h"

#include <array>

#include "core/strings.h"

namespace ingot::text {

std::vector<TextSegment> RenderedChat::Segments() const {
  std::vector<TextSegment> segments;
  const std::string_view all = prompt.view();
  size_t at = 0;
  for (const jinja::ByteRange& range : prompt.user()) {
    if (range.begin > at) segments.push_back({all.substr(at, range.begin - at), true});
    segments.push_back({all.substr(range.begin, range.end - range.begin), false});
    at = range.end;
  }
  if (at < all.size()) segments.push_back({all.substr(at), true});
  return segments;
}

bool EndsInThinking(std::string_view prompt) {
  static constexpr std::array<std::string_view, 6> kOpen = {
      "<think>",           "<|START_THINKING|>",
      "<|channel>thought", "<seed:think>",
      "[THINK]",           "<|channel|>analysis<|message|>"};
  const size_t last = prompt.find_last_not_of(" \n\t");
  if (last == std::string_view::npos) return false;
  const std::string_view trimmed = prompt.substr(0, last + 1);
  for (std::string_view tag : kOpen) {
    if (trimmed.ends_with(tag)) return true;
  }
  return false;
}

}  // namespace ingot::text
