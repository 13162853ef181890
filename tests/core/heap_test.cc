#include "core/heap.h"

#include <cstring>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "core/env.h"
#include "core/memory.h"

// Sanitizers bring an allocator of their own, which keeps what was let go.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define INGOT_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define INGOT_SANITIZED 1
#endif
#endif

namespace ingot::core {
namespace {

// Pieces below what is mapped alone, with one in so many kept, so that no heap shrinks by itself.
TEST(HeapTest, MemoryThatWasLetGoIsGivenBack) {
#if defined(__linux__) && !defined(INGOT_SANITIZED)
  constexpr size_t kPiece = 16 << 10;
  constexpr size_t kPieces = 4096;
  std::vector<std::unique_ptr<char[]>> pieces;
  for (size_t i = 0; i < kPieces; ++i) {
    pieces.push_back(std::make_unique<char[]>(kPiece));
    std::memset(pieces.back().get(), 1, kPiece);
  }
  for (size_t i = 0; i < kPieces; ++i) {
    if (i % 64 != 63) pieces[i].reset();
  }
  const uint64_t before = *ReadResidentBytes(Env::Posix());
  ReturnFreeMemory();
  const uint64_t after = *ReadResidentBytes(Env::Posix());
  EXPECT_LT(after + kPieces * kPiece / 2, before);
#else
  ReturnFreeMemory();
#endif
}

}  // namespace
}  // namespace ingot::core
