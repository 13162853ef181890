#include "engine/stop_strings.h"

#include <algorithm>
#include <utility>

namespace ingot::engine {
namespace {

// How many bytes at the end of text are the beginning of stop, without being all of it.
size_t PartialMatch(std::string_view text, std::string_view stop) {
  for (size_t n = std::min(text.size(), stop.size() - 1); n > 0; --n) {
    if (text.ends_with(stop.substr(0, n))) return n;
  }
  return 0;
}

}  // namespace

StopStrings::StopStrings(std::vector<std::string> stops) : stops_(std::move(stops)) {
  std::erase(stops_, "");
}

std::string StopStrings::Push(std::string_view text) {
  if (stopped_) return "";
  held_.append(text);
  size_t first = std::string::npos;  // where the earliest stop string begins
  size_t partial = 0;
  for (const std::string& stop : stops_) {
    first = std::min(first, held_.find(stop));
    partial = std::max(partial, PartialMatch(held_, stop));
  }
  if (first != std::string::npos) {
    stopped_ = true;
    held_.resize(first);
    return std::exchange(held_, "");
  }
  std::string shown = held_.substr(0, held_.size() - partial);
  held_.erase(0, shown.size());
  return shown;
}

std::string StopStrings::Finish() { return std::exchange(held_, ""); }

}  // namespace ingot::engine
