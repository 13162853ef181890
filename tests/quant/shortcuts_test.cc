// Proofs by enumeration of the arithmetic that the vector kernels use in place of divisions and
// conversions, in scalars: the forms do the same, sixteen lanes at a time.
#include <bit>
#include <cmath>
#include <cstdint>

#include <gtest/gtest.h>

#include "quant/float_types.h"
#include "tests/testing/share.h"

namespace ingot::quant {
namespace {

// What Quotient of the forms with fused multiplication computes.
float Quotient(float a, float b) {
  const float reciprocal = 1.0f / b;
  const float first = a * reciprocal;
  return std::fma(std::fma(-first, b, a), reciprocal, first);
}

uint64_t InverseModuloPower(uint64_t odd) {
  uint64_t inverse = 1;
  for (int i = 0; i < 6; ++i) inverse *= 2 - odd * inverse;
  return inverse;
}

// a = D 2^x and b = S have 24-bit significands D, S. The residual a - first * b is exact, and
// adding it times the reciprocal leaves an error of less than 1.5 * 2^-24 ulp of a / b before the
// last rounding: Quotient gives a / b rounded once unless a / b is that close to the middle m
// between two floats. Only middles next to a half matter to rounding to a whole number: m = k + 1/2
// ± 1/2 ulp. With m = M 2^y, M odd, closeness means |D 2^z - M S| <= 2 in whole numbers, which has
// few solutions: all of them, and some more, are tried.
TEST(Shortcuts, QuotientsRoundToTheWholeNumberThatDivisionGives) {
  constexpr int64_t kFar = 8;
  int64_t tried = 0;
  for (int k = 0; k <= 256; ++k) {
    for (int side : {-1, 1}) {
      const double half = k + 0.5;
      const double to_next = side > 0 ? std::nextafter(static_cast<float>(half), 1e9f) - half
                                      : half - std::nextafter(static_cast<float>(half), 0.0f);
      int shift = 0;
      const double fraction = std::frexp(half + side * to_next / 2, &shift);
      auto middle = static_cast<uint64_t>(std::ldexp(fraction, 53));
      shift -= 53;
      shift += std::countr_zero(middle);
      middle >>= std::countr_zero(middle);
      for (int64_t rest = -kFar; rest <= kFar; ++rest) {
        const auto width = static_cast<int>(std::bit_width(middle));
        for (int z = width - 2; z <= width + 1; ++z) {
          // M S + rest = D 2^z, so S = -rest / M modulo 2^z.
          const uint64_t modulus = uint64_t{1} << z;
          uint64_t s = (static_cast<uint64_t>(-rest) * InverseModuloPower(middle)) & (modulus - 1);
          for (; s < (1u << 24); s += modulus) {
            if (s < (1u << 23)) continue;
            const auto product = static_cast<uint64_t>(static_cast<int64_t>(middle * s) + rest);
            const uint64_t d = product >> z;
            if (d >> 23 != 1) continue;
            const float a = std::ldexp(static_cast<float>(d), z + shift);
            const auto b = static_cast<float>(s);
            ++tried;
            ASSERT_EQ(std::nearbyint(Quotient(a, b)), std::nearbyint(a / b)) << a << " / " << b;
            ASSERT_EQ(std::nearbyint(Quotient(a, -b)), std::nearbyint(a / -b));
          }
        }
      }
    }
  }
  EXPECT_GT(tried, 1000);
}

TEST(Shortcuts, QuotientsOfHalvesAreExact) {
  for (int k = 0; k <= 256; ++k) {
    for (uint32_t bits = 0x3f800000u; bits < 0x40000000u; bits += 0x10001u) {
      const auto b = std::bit_cast<float>(bits & 0xffffc000u);  // so that a is a float
      const float a = (static_cast<float>(k) + 0.5f) * b;
      ASSERT_EQ(Quotient(a, b), static_cast<float>(k) + 0.5f);
    }
  }
}

// Every significand; exponents and signs do not matter to multiplications by powers of two.
TEST(Shortcuts, FloatArithmeticRoundsToBF16AsTheBitsDo) {
  const auto step = static_cast<uint32_t>(testing::ShareDivisor());
  for (uint32_t bits = 0x3f800000u; bits < 0x40000000u; bits += step) {
    const auto x = std::bit_cast<float>(bits);
    const float scaled = x * 65537.0f;
    ASSERT_EQ(scaled + (x - scaled), RoundTo(FloatType::kBF16, x)) << x;
  }
}

TEST(Shortcuts, SixteenBitsOfSignificandNeedTwoOperations) {
  for (uint32_t significand = 0; significand < (1u << 16); ++significand) {
    const float x = std::ldexp(static_cast<float>(significand), -3);
    ASSERT_EQ(std::fma(-x, 65536.0f, x * 65537.0f), RoundTo(FloatType::kBF16, x)) << x;
  }
}

}  // namespace
}  // namespace ingot::quant
