// Looking for tags in text that is still growing. Pure functions.
#ifndef INGOT_TEXT_PARSE_TAG_SCAN_H_
#define INGOT_TEXT_PARSE_TAG_SCAN_H_

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>

namespace ingot::text {

struct TagHit {
  size_t at = std::string_view::npos;
  size_t which = 0;  // index of the tag
  bool found() const { return at != std::string_view::npos; }
};

// The first place where one of the tags stands whole; of two at the same place the longer. Empty
// tags are never found.
inline TagHit FindTag(std::string_view text, std::span<const std::string_view> tags,
                      size_t from = 0) {
  TagHit hit;
  for (size_t i = 0; i < tags.size(); ++i) {
    if (tags[i].empty()) continue;
    const size_t at = text.find(tags[i], from);
    if (at < hit.at || (at == hit.at && hit.found() && tags[i].size() > tags[hit.which].size())) {
      hit = {at, i};
    }
  }
  return hit;
}

// Where the text may have begun with a tag that is not whole yet; its size when nowhere.
inline size_t HeldFrom(std::string_view text, std::span<const std::string_view> tags) {
  size_t held = text.size();
  for (const std::string_view tag : tags) {
    const size_t longest = std::min(tag.empty() ? 0 : tag.size() - 1, text.size());
    for (size_t n = longest; n > 0; --n) {
      if (text.substr(text.size() - n) != tag.substr(0, n)) continue;
      held = std::min(held, text.size() - n);
      break;
    }
  }
  return held;
}

constexpr std::string_view kTagSpace = " \t\r\n";

inline std::string_view StripSpace(std::string_view text) {
  const size_t begin = text.find_first_not_of(kTagSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kTagSpace) - begin + 1);
}

}  // namespace ingot::text

#endif  // INGOT_TEXT_PARSE_TAG_SCAN_H_
