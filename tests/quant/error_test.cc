// The figures of QuantError, by hand and from encoding; and that the flags are there without it.
#include "quant/error.h"

#include <cmath>

#include <gtest/gtest.h>

#include "tests/quant/test_rows.h"

namespace ingot::quant {
namespace {

TEST(QuantError, FiguresFollowFromTheSums) {
  QuantError error{.values = 8,
                   .max_error = 0.5,
                   .squared_error = 2,
                   .squared_source = 200,
                   .squared_decoded = 128,
                   .product = 144,
                   .groups = 40,
                   .zeroed_groups = 10};
  EXPECT_DOUBLE_EQ(error.MeanSquaredError(), 0.25);
  EXPECT_DOUBLE_EQ(error.RmsError(), 0.5);
  EXPECT_DOUBLE_EQ(error.Cosine(), 0.9);  // 144 / sqrt(200 * 128)
  EXPECT_DOUBLE_EQ(error.SnrDb(), 20);
  EXPECT_DOUBLE_EQ(error.ZeroedShare(), 0.25);

  error.Add({.values = 8, .max_error = 0.75, .squared_error = 14, .groups = 10});
  EXPECT_DOUBLE_EQ(error.RmsError(), 1);
  EXPECT_DOUBLE_EQ(error.max_error, 0.75);
  EXPECT_DOUBLE_EQ(error.ZeroedShare(), 0.2);
}

TEST(QuantError, OfNothingIsNothing) {
  const QuantError error;
  EXPECT_EQ(error.RmsError(), 0);
  EXPECT_EQ(error.Cosine(), 1);
  EXPECT_EQ(error.SnrDb(), INFINITY);
  EXPECT_EQ(error.ZeroedShare(), 0);
}

TEST(QuantError, AllLostIsAtARightAngle) {
  const QuantError error{.values = 4, .squared_error = 9, .squared_source = 9};
  EXPECT_EQ(error.Cosine(), 0);
  EXPECT_EQ(error.SnrDb(), 0);
}

// What once happened to a model: keys far smaller than the least scale of the format.
TEST(QuantError, RowsThatVanishAreFlaggedWithAndWithoutMeasuring) {
  const Format format = *ParseType("nvfp4");
  TestRows rows = MakeRows(FloatType::kBF16, 6, 64, Kind::kNormal);
  for (uint64_t i = 0; i < 64; ++i) rows.set(3 * 64 + i, i % 2 == 0 ? 1e-5f : -2e-5f);
  QuantError error;
  const Encoded measured = EncodeAll(format, rows.view(), {.error = &error});
  const Encoded plain = EncodeAll(format, rows.view());
  for (const Encoded* encoded : {&measured, &plain}) {
    EXPECT_EQ(encoded->summary.zeroed_rows, 1u);
    EXPECT_EQ(encoded->summary.first_zeroed_row, 3u);
    EXPECT_EQ(encoded->summary.zeroed_groups, 4u);
    EXPECT_EQ(encoded->summary.nonfinite_rows, 0u);
  }
  EXPECT_DOUBLE_EQ(error.ZeroedShare(), 4.0 / 24);
  EXPECT_TRUE(measured.SameAs(plain));
}

TEST(QuantError, NanAndInfinityAreFlaggedAndSpoilNoFigure) {
  for (Format format : AllFormats()) {
    const uint64_t columns = uint64_t{format.group_size} * 4;
    TestRows rows = MakeRows(FloatType::kF32, 5, columns, Kind::kNormal);
    QuantError clean;
    EncodeAll(format, rows.view(), {.error = &clean});
    // The last groups of two rows.
    rows.set(2 * columns - 1, NAN);
    rows.set(4 * columns - 1, -INFINITY);
    QuantError error;
    const Encoded encoded = EncodeAll(format, rows.view(), {.error = &error});
    EXPECT_EQ(encoded.summary.nonfinite_rows, 2u) << Describe(format);
    EXPECT_EQ(encoded.summary.first_nonfinite_row, 1u);
    EXPECT_EQ(error.values, rows.rows * columns);
    EXPECT_TRUE(std::isfinite(error.RmsError()));
    EXPECT_TRUE(std::isfinite(error.max_error));
    // All but two groups of twenty are as they were.
    EXPECT_GT(error.squared_source, clean.squared_source * 0.8) << Describe(format);
    // Neighbours of an infinity count, whatever they have become.
    EXPECT_LE(std::fabs(error.Cosine()), 1.0000001);
  }
}

}  // namespace
}  // namespace ingot::quant
