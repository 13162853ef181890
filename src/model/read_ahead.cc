#include "model/read_ahead.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <system_error>
#include <utility>

#include "core/strings.h"

namespace ingot::model {
namespace {

// What is asked for at once: enough for a disk to be fast, little enough to be done with soon when
// the model goes.
constexpr uint64_t kPiece = uint64_t{8} << 20;

// The first whole number between two dots.
uint64_t LayerOf(std::string_view name) {
  for (const std::string_view part : core::Split(name, '.')) {
    const std::optional<uint64_t> number = core::ParseUint(part);
    if (number) return *number;
  }
  // What has no layer comes after all of them, the table of tokens too: of that a few rows are
  // wanted at first, and all of it, if at all, as the head.
  return std::numeric_limits<uint64_t>::max();
}

bool IsOfExperts(std::string_view name) {
  return name.find(".experts.") != std::string_view::npos ||
         name.find("switch_mlp") != std::string_view::npos;
}

}  // namespace

std::vector<size_t> ReadingOrder(const std::vector<std::string_view>& names) {
  const auto key = [&](size_t i) { return std::pair(IsOfExperts(names[i]), LayerOf(names[i])); };
  std::vector<size_t> order(names.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return key(a) < key(b); });
  return order;
}

ReadAhead::ReadAhead(const StoredTensors& tensors, uint64_t available) {
  if (tensors.bytes() > available) return;
  std::vector<std::string_view> names;
  for (size_t i = 0; i < tensors.size(); ++i) names.push_back(tensors.name(i));
  for (const size_t i : ReadingOrder(names)) {
    auto file = tensors.Mapping(i);
    const auto view = tensors.View(i);
    if (!file.ok() || !view.ok()) continue;
    const auto offset = static_cast<uint64_t>(view->bytes.data() - (*file)->bytes().data());
    parts_.push_back({*std::move(file), offset, view->bytes.size()});
  }
  try {
    thread_ = std::thread([this] { Run(); });
  } catch (const std::system_error&) {
    // No more threads: pages come as they are touched.
  }
}

ReadAhead::~ReadAhead() {
  stop_.store(true, std::memory_order_relaxed);
  Wait();
}

uint64_t ReadAhead::Wait() {
  if (thread_.joinable()) thread_.join();
  return read_.load(std::memory_order_relaxed);
}

void ReadAhead::Run() {
  for (const Part& part : parts_) {
    for (uint64_t at = 0; at < part.size; at += kPiece) {
      if (stop_.load(std::memory_order_relaxed)) return;
      const uint64_t size = std::min(kPiece, part.size - at);
      part.file->WillNeed(part.offset + at, size);
      read_.fetch_add(size, std::memory_order_relaxed);
    }
  }
}

}  // namespace ingot::model
