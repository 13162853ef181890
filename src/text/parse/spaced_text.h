// White space in what an answer says: none before a thought or an answer, none before what ends it,
// and all of it in between. What may be either is held back until it is known.
//
// A value of one parser, for its thread.
#ifndef INGOT_TEXT_PARSE_SPACED_TEXT_H_
#define INGOT_TEXT_PARSE_SPACED_TEXT_H_

#include <algorithm>
#include <string>
#include <string_view>

#include "text/parse/tag_scan.h"

namespace ingot::text {

class SpacedText {
 public:
  explicit SpacedText(bool skip) : skip_(skip) {}

  // Nothing has been said since a beginning.
  bool at_start() const { return skip_; }

  // True when something was said that is not white space.
  bool Say(std::string_view text, std::string& out) {
    if (skip_) {
      text.remove_prefix(std::min(text.find_first_not_of(kTagSpace), text.size()));
      if (text.empty()) return false;
      skip_ = false;
    }
    const size_t solid = text.find_last_not_of(kTagSpace) + 1;  // 0 where there is none
    if (solid > 0) {
      out.append(held_).append(text.substr(0, solid));
      held_.clear();
    }
    held_ += text.substr(solid);
    return solid > 0;
  }

  // White space here goes, on both sides. between: what stands here instead, if more is said.
  void Begin(std::string_view between = {}) {
    held_ = between;
    skip_ = true;
  }
  // What was held back goes.
  void Drop() { held_.clear(); }
  // White space that follows stays.
  void Keep() { skip_ = false; }
  // The answer is over: white space at its end is part of it.
  void Finish(std::string& out) {
    if (!skip_) out += held_;
    held_.clear();
  }

 private:
  std::string held_;
  bool skip_;
};

// What stands at the front of text, behind white space.
struct FrontTag {
  size_t end = 0;         // behind the tag; 0: it is not there
  bool may_come = false;  // the text breaks off in it, or before it
};

inline FrontTag FindFrontTag(std::string_view text, std::string_view tag) {
  const size_t begin = std::min(text.find_first_not_of(kTagSpace), text.size());
  const std::string_view rest = text.substr(begin);
  if (rest.starts_with(tag)) return {begin + tag.size(), false};
  return {0, tag.starts_with(rest)};
}

}  // namespace ingot::text

#endif  // INGOT_TEXT_PARSE_SPACED_TEXT_H_
