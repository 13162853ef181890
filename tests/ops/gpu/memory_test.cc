// How weights come into a device's memory, on whatever device this program has.
#include "ops/gpu/memory.h"

#include <cstring>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "ops/gpu/choice.h"
#include "ops/gpu/upload.h"

namespace ingot::ops::gpu {
namespace {

std::vector<uint32_t> Numbers(size_t count) {
  std::vector<uint32_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 1U);
  return numbers;
}

void ExpectSame(Array array, const std::vector<uint32_t>& numbers) {
  array = mx::contiguous(array);
  array.eval();
  ASSERT_EQ(array.size(), numbers.size());
  EXPECT_EQ(std::memcmp(array.data<uint32_t>(), numbers.data(), numbers.size() * 4), 0);
}

TEST(UploadTest, BringsEveryByteWhateverTheSlabs) {
  const std::vector<uint32_t> numbers = Numbers(3 * 7 * 11);
  for (const size_t slab : {size_t{1}, size_t{44}, size_t{100}, size_t{1} << 20}) {
    SCOPED_TRACE(slab);
    for (const mx::Shape& shape : {mx::Shape{231}, mx::Shape{21, 11}, mx::Shape{3, 7, 11}}) {
      const Array array = Upload(std::as_bytes(std::span(numbers)), shape, mx::uint32, {}, slab);
      EXPECT_EQ(array.shape(), shape);
      ExpectSame(array, numbers);
    }
  }
}

// A file that is mapped counts as this process's memory from when it is read until it is forgotten.
TEST(UploadTest, ForgetsEachPartBeforeTheNextIsRead) {
  const std::vector<uint32_t> numbers = Numbers(40);
  const auto bytes = std::as_bytes(std::span(numbers));
  size_t forgotten = 0;
  const Forget forget = [&](std::span<const std::byte> part) {
    EXPECT_EQ(part.data(), bytes.data() + forgotten);
    EXPECT_LE(part.size(), 64u);
    forgotten += part.size();
  };
  ExpectSame(Upload(bytes, {10, 4}, mx::uint32, forget, 64), numbers);
  EXPECT_EQ(forgotten, bytes.size());
}

TEST(UploadTest, TakesTensorsOfNothing) {
  const Array array = Upload({}, {0, 5}, mx::float32);
  EXPECT_EQ(array.shape(), (mx::Shape{0, 5}));
}

TEST(UploadTest, NeedsNoMoreMemoryThanTheTensorAndAFewSlabs) {
  constexpr size_t kSlab = size_t{256} << 10;
  const std::vector<uint32_t> numbers = Numbers(size_t{4} << 20);  // 16 MiB
  mx::clear_cache();
  const size_t before = mx::get_active_memory();
  mx::reset_peak_memory();
  const Array array =
      Upload(std::as_bytes(std::span(numbers)), {1 << 12, 1 << 10}, mx::uint32, {}, kSlab);
  EXPECT_LE(mx::get_peak_memory() - before, numbers.size() * 4 + 4 * kSlab);
  ExpectSame(array, numbers);
}

TEST(PagesTest, HoldTheWholeRange) {
  alignas(64) static std::byte memory[64] = {};
  const PageSpan pages = PagesAround({memory + 5, 30}, 16);
  EXPECT_EQ(pages.begin, memory);
  EXPECT_EQ(pages.size, 48u);
  EXPECT_EQ(pages.offset, 5u);
  EXPECT_EQ(PagesAround({memory + 16, 16}, 16).size, 16u);
}

TEST(InPlaceTest, IsNothingWhereTheDeviceCannotReadTheMemory) {
  if (BackEndInUse() == BackEnd::kMetal) return;  // there it can
  const std::vector<uint32_t> numbers = Numbers(100);
  bool released = false;
  EXPECT_FALSE(InPlace(std::as_bytes(std::span(numbers)), {100}, mx::uint32,
                       [&released] { released = true; }));
  EXPECT_FALSE(released);
}

TEST(MemoryLimitsTest, WireTheWeightsAsFarAsTheDeviceRecommends) {
  constexpr uint64_t kGiB = uint64_t{1} << 30;
  const DeviceMemory metal{.total = 64 * kGiB, .free = {}, .recommended = 48 * kGiB};
  EXPECT_EQ(LimitsFor(metal, 20 * kGiB).wired, 20 * kGiB);
  EXPECT_EQ(LimitsFor(metal, 60 * kGiB).wired, 48 * kGiB);
  EXPECT_EQ(LimitsFor(metal, 20 * kGiB).cache, (28 * kGiB) / 8);
}

TEST(MemoryLimitsTest, KeepTheCacheSmallWhereLittleIsLeft) {
  constexpr uint64_t kGiB = uint64_t{1} << 30;
  const DeviceMemory cuda{.total = 24 * kGiB, .free = 3 * kGiB, .recommended = {}};
  EXPECT_EQ(LimitsFor(cuda, 23 * kGiB).cache, kGiB / 8);
  EXPECT_EQ(LimitsFor(cuda, 24 * kGiB).cache, uint64_t{64} << 20);
  EXPECT_EQ(LimitsFor(cuda, 0).cache, 3 * kGiB);
  EXPECT_EQ(LimitsFor(cuda, 1).wired, 0u) << "only Metal wires";
  EXPECT_EQ(LimitsFor({}, 5).cache, uint64_t{64} << 20);
}

}  // namespace
}  // namespace ingot::ops::gpu
