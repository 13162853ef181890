#include "import/read_behind.h"

#include <algorithm>

namespace ingot::import {
namespace {

constexpr uint64_t kHeldBytes = uint64_t{4} << 20;
// Between two ranges that are given back as one: experts lie between those of another projection,
// which this reader has not reached yet or is done with. Whoever reads there maps them again.
constexpr uint64_t kWidestGap = uint64_t{4} << 20;
constexpr size_t kMostRanges = 16;

}  // namespace

void ReadBehind::Done(uint32_t tensor, uint64_t offset, uint64_t size) {
  const FileRange done = bytes_.Locate(tensor, offset, size);
  const auto near = std::ranges::find_if(ranges_, [&](const FileRange& range) {
    return range.file == done.file && done.begin <= range.end + kWidestGap &&
           range.begin <= done.end + kWidestGap;
  });
  if (near == ranges_.end()) {
    ranges_.push_back(done);
  } else {
    near->begin = std::min(near->begin, done.begin);
    near->end = std::max(near->end, done.end);
  }
  held_ += size;
  if (held_ >= kHeldBytes || ranges_.size() >= kMostRanges) Flush();
}

void ReadBehind::Flush() {
  for (const FileRange& range : ranges_) bytes_.Release(range);
  ranges_.clear();
  held_ = 0;
}

}  // namespace ingot::import
