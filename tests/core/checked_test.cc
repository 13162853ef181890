#include "core/checked.h"

#include <array>

#include <gtest/gtest.h>

namespace ingot::core {
namespace {

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

TEST(CheckedTest, WrappingIsNoValue) {
  EXPECT_EQ(CheckedAdd<uint64_t>(kMax, 1), std::nullopt);
  EXPECT_EQ(CheckedAdd<uint64_t>(kMax, 0), kMax);
  EXPECT_EQ(CheckedMul<uint64_t>(kMax, 2), std::nullopt);
  EXPECT_EQ(CheckedMul<uint32_t>(65536, 65536), std::nullopt);
}

TEST(CheckedTest, ProductWithAZeroIsZeroEvenIfTheRestWraps) {
  EXPECT_EQ(CheckedProduct(std::array<uint64_t, 3>{kMax, kMax, 0}), 0u);
  EXPECT_EQ(CheckedProduct(std::array<uint64_t, 2>{kMax, 2}), std::nullopt);
  EXPECT_EQ(CheckedProduct({}), 1u);
}

TEST(CheckedTest, SpansAtTheEdge) {
  EXPECT_TRUE(SpanFits(10, 0, 10));
  EXPECT_FALSE(SpanFits(11, 0, 10));
  EXPECT_TRUE(SpanFits(4, 6, 10));
  EXPECT_FALSE(SpanFits(4, 7, 10));
  EXPECT_FALSE(SpanFits(4, kMax, 10)) << "offset + size wraps";
}

TEST(CheckedTest, CastAndRound) {
  EXPECT_EQ((CheckedCast<int32_t>(uint64_t{1} << 31)), std::nullopt);
  EXPECT_EQ((CheckedCast<int32_t>(int64_t{-5})), -5);
  EXPECT_EQ((CheckedCast<uint8_t>(-1)), std::nullopt);
  EXPECT_EQ(CheckedRoundUp(65, 64), 128u);
  EXPECT_EQ(CheckedRoundUp(0, 64), 0u);
  EXPECT_EQ(CheckedRoundUp(kMax, 64), std::nullopt);
}

}  // namespace
}  // namespace ingot::core
