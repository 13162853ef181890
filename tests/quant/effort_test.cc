// High effort: never worse on any group, clearly better on the distributions that weights have, the
// same in every form, and gone when it is not asked for.
#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "quant/fp8.h"
#include "tests/quant/test_rows.h"
#include "tests/testing/share.h"

namespace ingot::quant {
namespace {

enum class Shape { kGauss, kLaplace, kOutliers };

TestRows Draw(Shape shape, FloatType type, uint64_t rows, uint64_t columns) {
  TestRows made{type, rows, columns, {}};
  made.bytes.resize(rows * columns * SizeOf(type));
  std::mt19937_64 random(17);
  std::normal_distribution<double> normal;
  std::exponential_distribution<double> exponential;
  std::uniform_real_distribution<double> uniform;
  for (uint64_t i = 0; i < rows * columns; ++i) {
    double x = normal(random);
    if (shape == Shape::kLaplace) x = std::copysign(exponential(random), x);
    if (shape == Shape::kOutliers && uniform(random) < 0.01) x *= 10;
    made.set(i, static_cast<float>(0.02 * x));
  }
  return made;
}

std::vector<double> GroupErrors(Format format, const TestRows& rows,
                                const std::vector<float>& decoded) {
  std::vector<double> errors(decoded.size() / format.group_size);
  for (uint64_t i = 0; i < decoded.size(); ++i) {
    const double miss = static_cast<double>(decoded[i]) - static_cast<double>(rows.at(i));
    errors[i / format.group_size] += miss * miss;
  }
  return errors;
}

double Sum(const std::vector<double>& values) {
  double sum = 0;
  for (double value : values) sum += value;
  return sum;
}

// Affine kernels may hold scales and biases as F32, and then round nothing on the way.
std::vector<float> DecodeUnrounded(Format format, const TestRows& rows, const Encoded& encoded) {
  const uint64_t groups = rows.rows * GroupsInRow(format, rows.columns);
  Encoded wide = encoded;
  const auto widen = [&](const std::vector<std::byte>& from, std::vector<std::byte>& to) {
    to.resize(groups * 4 + 2 * Encoded::kGuard);
    for (uint64_t i = 0; i < groups; ++i) {
      const float value = LoadFloat(rows.type, Encoded::Inside(from).data(), i);
      StoreFloat(FloatType::kF32, value, Encoded::Inside(to).data(), i);
    }
  };
  widen(encoded.scales, wide.scales);
  widen(encoded.biases, wide.biases);
  return DecodeAll(format, {FloatType::kF32, rows.rows, rows.columns, {}}, wide);
}

void ExpectNoneWorse(const std::vector<double>& before, const std::vector<double>& after,
                     const std::string& name) {
  for (size_t g = 0; g < before.size(); ++g) {
    ASSERT_TRUE(after[g] <= before[g] || std::isnan(before[g]))
        << name << " group " << g << ": " << before[g] << " became " << after[g];
  }
}

TEST(HighEffort, IsNeverWorseOnAnyGroup) {
  uint64_t seed = 0;
  for (Format format : AllFormats()) {
    for (FloatType type : kFloatTypes) {
      for (Kind kind : {Kind::kNormal, Kind::kWild, Kind::kHostile}) {
        for (std::optional<float> global :
             {std::optional<float>(), std::optional<float>(3000.0f)}) {
          if (global && !InfoOf(format.mode).takes_global_scale) continue;
          const TestRows rows = MakeRows(type, testing::ShareOf(23, 5),
                                         uint64_t{format.group_size} * 7, kind, ++seed);
          const Encoded plain = EncodeAll(format, rows.view(), {.global_scale = global});
          const Encoded high =
              EncodeAll(format, rows.view(), {.effort = Effort::kHigh, .global_scale = global});
          const std::string name = Describe(format) + " " + std::string(NameOf(type));
          ExpectNoneWorse(GroupErrors(format, rows, DecodeAll(format, rows.view(), plain, global)),
                          GroupErrors(format, rows, DecodeAll(format, rows.view(), high, global)),
                          name);
          if (format.mode != Mode::kAffine) continue;
          ExpectNoneWorse(GroupErrors(format, rows, DecodeUnrounded(format, rows, plain)),
                          GroupErrors(format, rows, DecodeUnrounded(format, rows, high)),
                          name + " unrounded");
        }
      }
    }
  }
}

TEST(HighEffort, LosesAtLeastATenthLessOnFourBitTypes) {
  for (std::string_view name : {"int4", "nvfp4", "mxfp4"}) {
    const Format format = *ParseType(name);
    for (Shape shape : {Shape::kGauss, Shape::kLaplace, Shape::kOutliers}) {
      for (FloatType type : {FloatType::kF32, FloatType::kBF16}) {
        const TestRows rows = Draw(shape, type, testing::ShareOf(64, 8), 2048);
        const auto error = [&](Effort effort) {
          const Encoded encoded = EncodeAll(format, rows.view(), {.effort = effort});
          return Sum(GroupErrors(format, rows, DecodeAll(format, rows.view(), encoded)));
        };
        const double ratio = error(Effort::kHigh) / error(Effort::kPlain);
        EXPECT_LT(ratio, 0.9) << name << " distribution " << static_cast<int>(shape);
        EXPECT_GT(ratio, 0.3);  // what no encoder of the format reaches
      }
    }
  }
}

TEST(HighEffort, FindsTheBestOfAllScalesOfFourBitFloats) {
  for (std::string_view name : {"nvfp4", "mxfp4"}) {
    const Format format = *ParseType(name);
    for (Shape shape : {Shape::kGauss, Shape::kOutliers}) {
      const TestRows rows = Draw(shape, FloatType::kF32, 8, 512);
      const Encoded high = EncodeAll(format, rows.view(), {.effort = Effort::kHigh});
      const auto found = GroupErrors(format, rows, DecodeAll(format, rows.view(), high));
      for (size_t g = 0; g < found.size(); ++g) {
        double best = INFINITY;
        for (int code = 1; code < 127; ++code) {
          const double scale = format.mode == Mode::kNvfp4
                                   ? F32FromE4M3(static_cast<uint8_t>(code))
                                   : F32FromE8M0(static_cast<uint8_t>(code + 40));
          double error = 0;
          for (size_t j = 0; j < format.group_size; ++j) {
            const double x = rows.at(g * format.group_size + j);
            double least = INFINITY;
            for (float value : kE2M1Values) least = std::min(least, std::fabs(x - scale * value));
            error += least * least;
          }
          best = std::min(best, error);
        }
        EXPECT_NEAR(found[g], best, 2e-5 * best) << name << " group " << g;
      }
    }
  }
}

TEST(HighEffort, GivesTheSameBitsInEveryFormAndOnAnyThreads) {
  core::ThreadPool three(3);
  uint64_t seed = 100;
  for (Format format : AllFormats()) {
    for (FloatType type : kFloatTypes) {
      const TestRows rows = MakeRows(type, testing::ShareOf(41, 7), uint64_t{format.group_size} * 5,
                                     Kind::kHostile, ++seed);
      const auto encode = [&](core::Isa isa, core::ThreadPool* pool) {
        return EncodeAll(format, rows.view(), {.effort = Effort::kHigh, .pool = pool, .isa = isa});
      };
      const Encoded portable = encode(core::Isa::kPortable, nullptr);
      for (core::Isa isa : core::SupportedIsas()) {
        const Encoded form = encode(isa, &three);
        EXPECT_TRUE(form.SameAs(portable))
            << Describe(format) << " " << NameOf(type) << " on " << core::IsaName(isa);
        EXPECT_EQ(form.summary.zeroed_groups, portable.summary.zeroed_groups);
      }
    }
  }
}

TEST(HighEffort, RescuesGroupsThatWouldBecomeZero) {
  const Format format = *ParseType("nvfp4");
  TestRows rows = MakeRows(FloatType::kF32, 4, 64, Kind::kNormal);
  for (uint64_t i = 0; i < 64; ++i) rows.set(128 + i, i % 2 == 0 ? 0x1p-9f : -0x1p-9f);
  const Encoded plain = EncodeAll(format, rows.view());
  EXPECT_EQ(plain.summary.zeroed_rows, 1u);
  const Encoded high = EncodeAll(format, rows.view(), {.effort = Effort::kHigh});
  EXPECT_EQ(high.summary.zeroed_rows, 0u);
  EXPECT_EQ(high.summary.zeroed_groups, 0u);
}

}  // namespace
}  // namespace ingot::quant
