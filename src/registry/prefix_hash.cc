#include "registry/prefix_hash.h"

#include <algorithm>
#include <vector>

#include "core/interrupt.h"

namespace ingot::registry {
namespace {

constexpr uint64_t kReadBytes = uint64_t{1} << 20;

}  // namespace

void PrefixHash::Offer(uint64_t offset, std::span<const std::byte> data) {
  const std::unique_lock<std::mutex> hold(lock_, std::try_to_lock);
  if (!hold.owns_lock() || offset != position_) return;
  hash_.Update(data);
  position_ += data.size();
}

core::Status PrefixHash::CatchUp(const core::ReadFile& file, uint64_t end, bool wait) {
  std::unique_lock<std::mutex> hold(lock_, std::defer_lock);
  if (wait) {
    hold.lock();
  } else if (!hold.try_lock()) {
    return core::Status::Ok();
  }
  if (position_ >= end) return core::Status::Ok();
  std::vector<std::byte> buffer(std::min(end - position_, kReadBytes));
  while (position_ < end) {
    INGOT_TRY(core::CheckInterrupted());
    const auto piece = std::span(buffer).first(std::min<uint64_t>(end - position_, buffer.size()));
    INGOT_TRY(file.ReadAt(position_, piece));
    hash_.Update(piece);
    position_ += piece.size();
  }
  return core::Status::Ok();
}

core::Sha256Bytes PrefixHash::Finish() {
  const std::lock_guard<std::mutex> hold(lock_);
  position_ = 0;
  return hash_.Finish();
}

void PrefixHash::Reset() { Finish(); }

}  // namespace ingot::registry
