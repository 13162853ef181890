#include "quant/float_types.h"

#include <cmath>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "quant/fp8.h"

namespace ingot::quant {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

uint32_t BitsOf(float value) { return std::bit_cast<uint32_t>(value); }

// Every code of a small float that is no NaN comes back from its value, and a float between two
// neighbouring values goes to the nearer one, or to the even code from half way.
template <typename Decode, typename Encode>
void CheckRounding(uint32_t last_finite, Decode decode, Encode encode) {
  for (uint32_t code = 0; code < last_finite; ++code) {
    const double low = decode(code);
    const double high = decode(code + 1);
    const auto middle = static_cast<float>((low + high) / 2);
    const uint32_t even = code % 2 == 0 ? code : code + 1;
    ASSERT_EQ(encode(static_cast<float>(low)), code);
    ASSERT_EQ(encode(middle), even) << middle;
    ASSERT_EQ(encode(std::nextafter(middle, 0.0f)), code) << middle;
    ASSERT_EQ(encode(std::nextafter(middle, kInfinity)), code + 1) << middle;
  }
  ASSERT_EQ(encode(decode(last_finite)), last_finite);
}

TEST(FloatTypes, F16RoundsToNearestEven) {
  CheckRounding(0x7bff, F32FromF16, F16FromF32);
  EXPECT_EQ(F16FromF32(65519.996f), 0x7bff);
  EXPECT_EQ(F16FromF32(65520.0f), 0x7c00);
  EXPECT_EQ(F16FromF32(-kInfinity), 0xfc00);
  EXPECT_EQ(F32FromF16(0x7c00), kInfinity);
}

TEST(FloatTypes, BF16RoundsToNearestEven) {
  CheckRounding(0x7f7f, F32FromBF16, BF16FromF32);
  EXPECT_EQ(BF16FromF32(std::numeric_limits<float>::max()), 0x7f80);
  EXPECT_EQ(BF16FromF32(-kInfinity), 0xff80);
}

TEST(FloatTypes, SignIsKeptAndNegativeZeroTold) {
  for (uint32_t half = 0; half < 0x7c00; ++half) {
    const auto positive = static_cast<uint16_t>(half);
    const auto negative = static_cast<uint16_t>(half | 0x8000);
    ASSERT_EQ(BitsOf(F32FromF16(negative)), BitsOf(F32FromF16(positive)) | 0x80000000u);
    ASSERT_EQ(F16FromF32(F32FromF16(negative)), negative);
  }
  EXPECT_EQ(BF16FromF32(-0.0f), 0x8000);
}

TEST(FloatTypes, NanStaysNan) {
  for (uint32_t bits : {0x7fc00000u, 0xffc00000u, 0x7f800001u, 0x7fffffffu, 0xffffffffu}) {
    const auto nan = std::bit_cast<float>(bits);
    EXPECT_TRUE(std::isnan(F32FromF16(F16FromF32(nan))));
    EXPECT_TRUE(std::isnan(F32FromBF16(BF16FromF32(nan))));
  }
  EXPECT_TRUE(std::isnan(F32FromF16(0x7c01)));
}

TEST(FloatTypes, LoadAndStoreNeedNoAlignment) {
  std::byte buffer[16];
  for (FloatType type : {FloatType::kF32, FloatType::kF16, FloatType::kBF16}) {
    StoreFloat(type, -1.5f, buffer + 1, 1);
    EXPECT_EQ(LoadFloat(type, buffer + 1, 1), -1.5f) << NameOf(type);
  }
}

TEST(Fp8, E4M3RoundsToNearestEvenAndSaturates) {
  CheckRounding(0x7e, F32FromE4M3, E4M3FromF32);
  EXPECT_EQ(F32FromE4M3(0x7e), 448.0f);
  EXPECT_EQ(F32FromE4M3(0x01), 0x1p-9f);
  EXPECT_TRUE(std::isnan(F32FromE4M3(0x7f)));
  EXPECT_TRUE(std::isnan(F32FromE4M3(0xff)));
  for (float value : {449.0f, 1e30f, kInfinity, std::numeric_limits<float>::quiet_NaN()}) {
    EXPECT_EQ(E4M3FromF32(value), 0x7e);
    EXPECT_EQ(E4M3FromF32(-value), 0xfe);
  }
  EXPECT_EQ(E4M3FromF32(-0.0f), 0x80);
}

TEST(Fp8, E5M2RoundsToNearestEvenAndOverflowsToInfinity) {
  CheckRounding(0x7b, F32FromE5M2, E5M2FromF32);
  EXPECT_EQ(F32FromE5M2(0x7b), 57344.0f);
  EXPECT_EQ(F32FromE5M2(0x01), 0x1p-16f);
  EXPECT_EQ(F32FromE5M2(0x7c), kInfinity);
  EXPECT_TRUE(std::isnan(F32FromE5M2(0x7d)));
  EXPECT_EQ(E5M2FromF32(61439.996f), 0x7b);
  EXPECT_EQ(E5M2FromF32(61440.0f), 0x7c);
  EXPECT_EQ(E5M2FromF32(-kInfinity), 0xfc);
  EXPECT_EQ(E5M2FromF32(std::numeric_limits<float>::quiet_NaN()), 0x7f);
}

TEST(Fp8, E8M0IsThePowerOfTwoThatF32CanHold) {
  EXPECT_EQ(F32FromE8M0(127), 1.0f);
  EXPECT_EQ(F32FromE8M0(0), 0x1p-127f);
  EXPECT_EQ(F32FromE8M0(254), 0x1p127f);
  EXPECT_EQ(F32FromE8M0(255), kInfinity);
}

}  // namespace
}  // namespace ingot::quant
