#include "ops/cpu/scratch.h"

#include <new>
#include <utility>

namespace ingot::ops::cpu {
namespace {

constexpr size_t kMostKept = size_t{64} << 20;
constexpr std::align_val_t kAlignment{64};

// What a thread keeps between operations.
struct Kept {
  std::byte* data = nullptr;
  size_t capacity = 0;

  Kept() = default;
  Kept(const Kept&) = delete;
  Kept& operator=(const Kept&) = delete;
  ~Kept() { ::operator delete(data, kAlignment); }
};
thread_local Kept kept;

}  // namespace

Scratch::Scratch(size_t bytes)
    : data_(std::exchange(kept.data, nullptr)), capacity_(std::exchange(kept.capacity, 0)) {
  if (capacity_ >= bytes && data_ != nullptr) return;
  ::operator delete(data_, kAlignment);
  capacity_ = bytes;
  data_ = static_cast<std::byte*>(::operator new(bytes, kAlignment));
}

Scratch::~Scratch() {
  if (kept.data == nullptr && capacity_ <= kMostKept) {
    kept.data = data_;
    kept.capacity = capacity_;
  } else {
    ::operator delete(data_, kAlignment);
  }
}

}  // namespace ingot::ops::cpu
