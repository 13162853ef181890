#include "engine/prefix_memory.h"

#include <algorithm>
#include <utility>

namespace ingot::engine {
namespace {

// What a template writes to begin an answer, which the next turn's prompt may have otherwise (an
// empty thought goes, say), is shorter than this.
constexpr size_t kAnswerBegins = 16;
constexpr size_t kMostMarks = 8;

}  // namespace

size_t PrefixMemory::Rewind(const std::vector<int>& prompt) {
  const size_t most = prompt.empty() ? 0 : prompt.size() - 1;
  const auto differ = std::mismatch(tokens_.begin(), tokens_.end(), prompt.begin(), prompt.end());
  const size_t common = std::min(static_cast<size_t>(differ.first - tokens_.begin()), most);
  while (!marks_.empty() && static_cast<size_t>(marks_.back().length()) > common) {
    marks_.pop_back();
  }
  if (!state_.Trim(static_cast<int>(common)) && (marks_.empty() || !state_.Return(marks_.back()))) {
    Forget();
  }
  const auto reached = static_cast<size_t>(state_.length());
  tokens_.resize(reached);
  // Where this prompt left the last one, the next may leave this one; and before the answer.
  stops_.clear();
  if (state_.CanTrimAnywhere()) return reached;
  for (const size_t stop : {common, most - std::min(most, kAnswerBegins), most}) {
    if (stop > reached && (stops_.empty() || stop > stops_.back())) stops_.push_back(stop);
  }
  return reached;
}

void PrefixMemory::Mark() {
  if (marks_.size() == kMostMarks) marks_.erase(marks_.begin());
  marks_.push_back(state_.Mark());
}

void PrefixMemory::Keep(std::vector<int> tokens) {
  tokens_ = std::move(tokens);
  tokens_.resize(static_cast<size_t>(state_.length()));
}

void PrefixMemory::Forget() {
  state_ = model_.NewState();
  tokens_.clear();
  marks_.clear();
}

size_t PrefixMemory::bytes() const {
  size_t total = state_.bytes();
  for (const model::SequenceState& mark : marks_) total += mark.bytes();
  return total;
}

}  // namespace ingot::engine
