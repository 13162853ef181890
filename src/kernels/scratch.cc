#include "kernels/scratch.h"

#include <array>
#include <new>
#include <utility>

namespace ingot::kernels {
namespace {

constexpr size_t kMostKept = size_t{64} << 20;  // a piece
constexpr size_t kPieces = 6;
constexpr std::align_val_t kAlignment{64};

struct Piece {
  std::byte* data = nullptr;
  size_t capacity = 0;
};

// What a thread keeps between operations.
struct Kept {
  Kept() = default;
  Kept(const Kept&) = delete;
  Kept& operator=(const Kept&) = delete;
  ~Kept() {
    for (const Piece& piece : pieces) ::operator delete(piece.data, kAlignment);
  }
  std::array<Piece, kPieces> pieces;
};
thread_local Kept kept;

Piece* Smallest(size_t at_least) {
  Piece* best = nullptr;
  for (Piece& piece : kept.pieces) {
    if (piece.capacity < at_least) continue;
    if (best == nullptr || piece.capacity < best->capacity) best = &piece;
  }
  return best;
}

}  // namespace

Scratch::Scratch(size_t bytes) : data_(nullptr), capacity_(bytes) {
  if (bytes == 0) return;
  if (Piece* found = Smallest(bytes); found != nullptr) {
    data_ = std::exchange(found->data, nullptr);
    capacity_ = std::exchange(found->capacity, 0);
    return;
  }
  data_ = static_cast<std::byte*>(::operator new(bytes, kAlignment));
}

Scratch::~Scratch() {
  Piece* least = Smallest(0);
  if (capacity_ > kMostKept || capacity_ <= least->capacity) {
    ::operator delete(data_, kAlignment);
    return;
  }
  ::operator delete(std::exchange(least->data, data_), kAlignment);
  least->capacity = capacity_;
}

}  // namespace ingot::kernels
