#include "tensor/shape.h"

#include <array>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ingot::tensor {
namespace {

using core::Code;
using testing::HasSubstr;

constexpr uint64_t kBig = Shape::kMaxDim;

Shape Of(const std::vector<uint64_t>& dims) { return Shape::Make(dims).value(); }

TEST(Shape, HoldsWhatItWasGiven) {
  const Shape shape = Of({2, 0, kBig});
  EXPECT_EQ(shape.rank(), 3u);
  EXPECT_EQ(shape[0], 2u);
  EXPECT_EQ(shape[1], 0u);
  EXPECT_EQ(shape.back(), kBig);
  EXPECT_EQ(shape, (Shape{2, 0, 0x7FFFFFFF}));
  EXPECT_NE(shape, (Shape{2, 0}));
}

TEST(Shape, PrintsAsAList) {
  EXPECT_EQ(ToString(Shape{2, 3}), "[2, 3]");
  EXPECT_EQ(ToString(Shape{7}), "[7]");
  EXPECT_EQ(ToString(Shape{}), "[]");
}

TEST(Shape, RefusesDimensionsBeyondThirtyOneBits) {
  const std::array<uint64_t, 2> dims = {1, kBig + 1};
  const auto shape = Shape::Make(dims);
  ASSERT_FALSE(shape.ok());
  EXPECT_EQ(shape.status().code(), Code::kUnsupported);
  EXPECT_THAT(std::string(shape.status().message()),
              HasSubstr("dimension 1 of a shape is 2147483648"));
}

TEST(Shape, RefusesMoreThanEightDimensions) {
  EXPECT_TRUE(Shape::Make(std::vector<uint64_t>(8, 1)).ok());
  const auto shape = Shape::Make(std::vector<uint64_t>(9, 1));
  ASSERT_FALSE(shape.ok());
  EXPECT_THAT(std::string(shape.status().message()), HasSubstr("9 dimensions"));
}

TEST(ElementCount, IsOneForAScalarAndZeroWhereADimensionIs) {
  EXPECT_EQ(ElementCount(Shape{}).value(), 1u);
  EXPECT_EQ(ElementCount(Shape{4, 5}).value(), 20u);
  EXPECT_EQ(ElementCount(Shape{4, 0}).value(), 0u);
  EXPECT_EQ(ElementCount(Of({kBig, kBig, kBig, 0})).value(), 0u);
}

TEST(ElementCount, RefusesToWrap) {
  EXPECT_EQ(ElementCount(Of({kBig, kBig})).value(), kBig * kBig);
  const auto count = ElementCount(Of({kBig, kBig, 5}));
  ASSERT_FALSE(count.ok());
  EXPECT_THAT(std::string(count.status().message()), HasSubstr("more than 2^64 elements"));
}

TEST(ByteSize, CountsWholeBytesForEveryType) {
  for (const DTypeInfo& info : AllDTypes()) {
    EXPECT_EQ(ByteSize(info.dtype, Shape{3, 8}).value(), 3u * info.bits) << info.name;
    EXPECT_EQ(ByteSize(info.dtype, Shape{0}).value(), 0u) << info.name;
  }
}

TEST(ByteSize, LetsNarrowElementsShareBytesOnlyWithoutARest) {
  EXPECT_EQ(ByteSize(DType::kF4, Shape{6}).value(), 3u);
  EXPECT_EQ(ByteSize(DType::kF6E2M3, Shape{4}).value(), 3u);
  EXPECT_EQ(ByteSize(DType::kF6E3M2, Shape{12}).value(), 9u);
  for (const auto& [dtype, shape] :
       {std::pair(DType::kF4, Shape{3}), {DType::kF6E2M3, Shape{6}}, {DType::kF6E3M2, Shape{}}}) {
    const auto size = ByteSize(dtype, shape);
    ASSERT_FALSE(size.ok()) << ToString(shape);
    EXPECT_THAT(std::string(size.status().message()), HasSubstr("not a whole number of bytes"));
  }
}

TEST(ByteSize, RefusesToWrap) {
  const Shape shape = Of({kBig, kBig, 2});  // about 2^63 elements
  EXPECT_TRUE(ByteSize(DType::kU8, shape).ok());
  EXPECT_TRUE(ByteSize(DType::kF4, shape).ok());
  const auto size = ByteSize(DType::kF16, Of({kBig, kBig, 4}));
  ASSERT_FALSE(size.ok());
  EXPECT_THAT(std::string(size.status().message()), HasSubstr("more than 2^64 bytes"));
}

}  // namespace
}  // namespace ingot::tensor
