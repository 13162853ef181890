#include "quant/encode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/quant/test_rows.h"
#include "tests/testing/share.h"

namespace ingot::quant {
namespace {

using ::testing::HasSubstr;

TEST(Encode, DependsNeitherOnThreadsNorOnHowRowsAreCutIntoCalls) {
  core::ThreadPool one(1);
  core::ThreadPool three(3);
  for (Format format : AllFormats()) {
    const uint64_t columns = uint64_t{format.group_size} * 10;
    const TestRows rows =
        MakeRows(FloatType::kBF16, testing::ShareOf(301, 67), columns, Kind::kHostile);
    QuantError whole_error;
    const Encoded whole = EncodeAll(format, rows.view(), {.error = &whole_error, .pool = &one});
    QuantError threaded_error;
    const Encoded threaded =
        EncodeAll(format, rows.view(), {.error = &threaded_error, .pool = &three});
    EXPECT_TRUE(threaded.SameAs(whole)) << Describe(format);
    EXPECT_EQ(threaded_error.squared_error, whole_error.squared_error);

    Encoded cut(format, rows.view());
    QuantError cut_error;
    const QuantizedSizes row_sizes = *SizesFor(format, rows.type, 1, columns);
    for (uint64_t row = 0, count = 1; row < rows.rows; row += count, count = count * 2 % 61) {
      count = std::min(count, rows.rows - row);
      const auto part = [&](std::span<std::byte> all, uint64_t row_size) {
        return all.subspan(row * row_size, count * row_size);
      };
      const QuantizedBytes out = cut.bytes();
      const core::Status status =
          Encode(format,
                 {.type = rows.type,
                  .rows = count,
                  .columns = columns,
                  .bytes = std::span(rows.bytes).subspan(row * columns * 2, count * columns * 2)},
                 {.codes = part(out.codes, row_sizes.codes),
                  .scales = part(out.scales, row_sizes.scales),
                  .biases = part(out.biases, row_sizes.biases)},
                 &cut.summary, {.error = &cut_error, .pool = &three});
      ASSERT_TRUE(status.ok()) << status.message();
    }
    EXPECT_TRUE(cut.SameAs(whole)) << Describe(format);
    EXPECT_EQ(cut_error.squared_error, whole_error.squared_error);
    EXPECT_EQ(cut_error.max_error, whole_error.max_error);
    EXPECT_EQ(cut_error.zeroed_groups, whole_error.zeroed_groups);
    for (const EncodeSummary* s :
         std::initializer_list<const EncodeSummary*>{&threaded.summary, &cut.summary}) {
      EXPECT_EQ(s->rows, whole.summary.rows);
      EXPECT_EQ(s->nonfinite_rows, whole.summary.nonfinite_rows);
      EXPECT_EQ(s->first_nonfinite_row, whole.summary.first_nonfinite_row);
      EXPECT_EQ(s->zeroed_rows, whole.summary.zeroed_rows);
      EXPECT_EQ(s->first_zeroed_row, whole.summary.first_zeroed_row);
      EXPECT_EQ(s->zeroed_groups, whole.summary.zeroed_groups);
    }
  }
}

TEST(Encode, RowsLongerThanAKernelsRunAreOneRow) {
  const Format format{Mode::kNvfp4, 4, 16};
  const uint64_t columns = 16 * 9000;
  TestRows rows = MakeRows(FloatType::kF32, 3, columns, Kind::kNormal);
  for (uint64_t i = 0; i < columns; ++i) rows.set(columns + i, i == 5 ? 1e-6f : 0.0f);
  rows.set(3 * columns - 1, NAN);
  const Encoded encoded = EncodeAll(format, rows.view());
  EXPECT_EQ(encoded.summary.rows, 3u);
  EXPECT_EQ(encoded.summary.zeroed_rows, 1u);
  EXPECT_EQ(encoded.summary.first_zeroed_row, 1u);
  EXPECT_EQ(encoded.summary.zeroed_groups, 1u);
  EXPECT_EQ(encoded.summary.nonfinite_rows, 1u);
  EXPECT_EQ(encoded.summary.first_nonfinite_row, 2u);
}

float LeastPositive(FloatType type) {
  return type == FloatType::kF32 ? 0x1p-149f : type == FloatType::kF16 ? 0x1p-24f : 0x1p-133f;
}

TEST(Encode, TellsOfRowsWhoseValuesAllBecomeZero) {
  for (Format format : AllFormats()) {
    const uint64_t columns = uint64_t{format.group_size} * 5;
    for (FloatType type : kFloatTypes) {
      TestRows rows = MakeRows(type, 8, columns, Kind::kNormal);
      // Row 2: nothing to lose. Row 4: too small for the mode. Row 6: likewise, but for one group.
      float tiny = LeastPositive(type);
      if (InfoOf(format.mode).scales == ScaleKind::kE4M3) tiny = 0x1p-14f;
      if (InfoOf(format.mode).scales == ScaleKind::kFloat) tiny = std::max(tiny, 0x1p-26f);
      // The least F16 is still half an affine step.
      const bool loses = tiny < 0x1p-25f || format.mode != Mode::kAffine;
      for (uint64_t i = 0; i < columns; ++i) {
        rows.set(2 * columns + i, i % 2 == 0 ? 0.0f : -0.0f);
        rows.set(4 * columns + i, i % 3 == 0 ? -tiny : 0.0f);
        rows.set(6 * columns + i, i + format.group_size < columns ? tiny : 1.0f);
      }
      const Encoded encoded = EncodeAll(format, rows.view());
      const std::vector<float> decoded = DecodeAll(format, rows.view(), encoded);
      for (uint64_t i = 0; i < columns; ++i) {
        ASSERT_TRUE(!loses || decoded[4 * columns + i] == 0) << Describe(format) << NameOf(type);
      }
      EXPECT_EQ(encoded.summary.zeroed_rows, loses ? 1u : 0u) << Describe(format) << NameOf(type);
      EXPECT_EQ(encoded.summary.first_zeroed_row.value_or(4), 4u);
      EXPECT_EQ(encoded.summary.zeroed_groups, loses ? 5u + 4u : 0u);
      EXPECT_EQ(encoded.summary.nonfinite_rows, 0u);
    }
  }
}

TEST(Encode, TellsOfNanAndInfinityInTheSource) {
  for (Format format : AllFormats()) {
    const uint64_t columns = uint64_t{format.group_size} * 3;
    for (FloatType type : kFloatTypes) {
      for (float bad : {INFINITY, -INFINITY, NAN}) {
        TestRows rows = MakeRows(type, 40, columns, Kind::kNormal);
        rows.set(17 * columns + columns / 2, bad);
        rows.set(30 * columns, bad);
        EncodeSummary summary = EncodeAll(format, rows.view()).summary;
        EXPECT_EQ(summary.nonfinite_rows, 2u) << Describe(format) << " " << NameOf(type);
        EXPECT_EQ(summary.first_nonfinite_row, 17u);
        EXPECT_EQ(summary.zeroed_rows, 0u);
      }
    }
  }
}

TEST(Encode, MeasuresWhatWasLost) {
  for (Format format : AllFormats()) {
    const TestRows rows = MakeRows(FloatType::kF32, testing::ShareOf(50, 8),
                                   uint64_t{format.group_size} * 30, Kind::kWild, 11);
    QuantError error;
    const Encoded encoded = EncodeAll(format, rows.view(), {.error = &error});
    const std::vector<float> decoded = DecodeAll(format, rows.view(), encoded);
    QuantError plain;
    for (uint64_t i = 0; i < decoded.size(); ++i) {
      const double x = rows.at(i);
      const double y = decoded[i];
      plain.max_error = std::max(plain.max_error, std::fabs(y - x));
      plain.squared_error += (y - x) * (y - x);
      plain.squared_source += x * x;
      plain.squared_decoded += y * y;
      plain.product += x * y;
    }
    EXPECT_EQ(error.values, decoded.size());
    EXPECT_EQ(error.groups, rows.rows * 30);
    EXPECT_EQ(error.zeroed_groups, encoded.summary.zeroed_groups);
    EXPECT_NEAR(error.max_error / plain.max_error, 1, 1e-6) << Describe(format);
    EXPECT_NEAR(error.squared_error / plain.squared_error, 1, 1e-5);
    EXPECT_NEAR(error.squared_source / plain.squared_source, 1, 1e-5);
    EXPECT_NEAR(error.squared_decoded / plain.squared_decoded, 1, 1e-5);
    EXPECT_NEAR(error.product / plain.product, 1, 1e-5);
    EXPECT_GT(error.Cosine(), 0.8);
    EXPECT_LT(error.Cosine(), 1.0000001);
    EXPECT_NEAR(error.RmsError() * error.RmsError(), error.MeanSquaredError(), 1e-12);
    EXPECT_NEAR(error.SnrDb(), 10 * std::log10(plain.squared_source / plain.squared_error), 1e-3);
  }
}

TEST(Encode, ATensorOfZerosLosesNothing) {
  const TestRows rows{FloatType::kBF16, 4, 64, std::vector<std::byte>(512)};
  for (Format format : AllFormats()) {
    if (!Fits(format, 64)) continue;
    QuantError error;
    EncodeAll(format, rows.view(), {.error = &error});
    EXPECT_EQ(error.RmsError(), 0);
    EXPECT_EQ(error.Cosine(), 1);
    EXPECT_EQ(error.SnrDb(), INFINITY);
    EXPECT_EQ(error.ZeroedShare(), 0);
  }
}

TEST(Encode, NothingToEncodeIsFine) {
  const Format format{Mode::kAffine, 4, 64};
  EncodeSummary summary;
  EXPECT_TRUE(Encode(format, {FloatType::kF32, 0, 64, {}}, {}, &summary).ok());
  EXPECT_EQ(summary.rows, 0u);
  EXPECT_TRUE(Encode(format, {FloatType::kF32, 3, 0, {}}, {}, &summary).ok());
  EXPECT_EQ(summary.rows, 3u);
}

TEST(Encode, BuffersThatDoNotFitAreRefusedByNameAndSize) {
  const Format format{Mode::kAffine, 4, 64};
  const TestRows rows = MakeRows(FloatType::kF16, 2, 128, Kind::kNormal);
  const auto message = [&](FloatRows source, QuantizedBytes out, EncodeOptions options = {}) {
    EncodeSummary summary;
    const core::Status status = Encode(format, source, out, &summary, options);
    EXPECT_EQ(status.code(), core::Code::kInvalidArgument);
    EXPECT_EQ(summary.rows, 0u);
    return std::string(status.message());
  };
  Encoded fits(format, rows.view());
  FloatRows odd = rows.view();
  odd.columns = 100;
  EXPECT_THAT(message(odd, fits.bytes()), HasSubstr("rows of 100 values are no whole number"));
  FloatRows cut = rows.view();
  cut.bytes = cut.bytes.first(10);
  EXPECT_THAT(message(cut, fits.bytes()), HasSubstr("source has 10 bytes, expected 512"));
  QuantizedBytes out = fits.bytes();
  out.codes = out.codes.first(8);
  EXPECT_THAT(message(rows.view(), out), HasSubstr("codes has 8 bytes, expected 128"));
  out = fits.bytes();
  out.scales = {};
  EXPECT_THAT(message(rows.view(), out), HasSubstr("scales has 0 bytes, expected 8"));
  out = fits.bytes();
  out.biases = out.biases.first(2);
  EXPECT_THAT(message(rows.view(), out), HasSubstr("biases has 2 bytes, expected 8"));
  EXPECT_THAT(message(rows.view(), fits.bytes(), {.global_scale = 1.0f}),
              HasSubstr("affine has no global scale"));
  FloatRows huge{FloatType::kF32, uint64_t{1} << 40, uint64_t{1} << 40, {}};
  EXPECT_THAT(message(huge, {}), HasSubstr("do not fit in memory"));
}

TEST(Encode, AFormatThatIsNotInTheTableIsRefused) {
  EncodeSummary summary;
  const core::Status status =
      Encode({Mode::kAffine, 7, 64}, {FloatType::kF32, 0, 64, {}}, {}, &summary);
  EXPECT_EQ(status.code(), core::Code::kUnsupported);
}

TEST(Decode, BuffersThatDoNotFitAreRefusedByNameAndSize) {
  const Format format{Mode::kMxfp4, 4, 32};
  const TestRows rows = MakeRows(FloatType::kF32, 2, 64, Kind::kNormal);
  Encoded encoded = EncodeAll(format, rows.view());
  std::vector<std::byte> out(2 * 64 * 2);
  QuantizedRows source{.format = format,
                       .rows = 2,
                       .columns = 64,
                       .codes = encoded.bytes().codes,
                       .scales = encoded.bytes().scales};
  EXPECT_TRUE(Decode(source, FloatType::kBF16, out).ok());
  const auto message = [&](const QuantizedRows& rows, std::span<std::byte> to) {
    const core::Status status = Decode(rows, FloatType::kBF16, to);
    EXPECT_EQ(status.code(), core::Code::kInvalidArgument);
    return std::string(status.message());
  };
  EXPECT_THAT(message(source, std::span(out).first(9)), HasSubstr("9 bytes, expected 256"));
  QuantizedRows wrong = source;
  wrong.scales = wrong.scales.first(3);
  EXPECT_THAT(message(wrong, out), HasSubstr("scales have 3 bytes, expected 4"));
  wrong = source;
  wrong.biases = source.scales;
  EXPECT_THAT(message(wrong, out), HasSubstr("biases have 4 bytes, expected 0"));
  wrong = source;
  wrong.columns = 33;
  EXPECT_THAT(message(wrong, out), HasSubstr("rows of 33 values"));
  wrong = source;
  wrong.global_scale = 1.0f;
  EXPECT_THAT(message(wrong, out), HasSubstr("mxfp4 has no global scale"));
}

}  // namespace
}  // namespace ingot::quant
