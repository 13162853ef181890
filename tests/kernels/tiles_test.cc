// Products of many rows by tiles, by two forms: the algorithm over tiles in plain C++, on every
// machine, and the one that is shipped, whose own machine code runs here on a processor without
// tiles too (tile_trap.h) as long as that has the AVX-512 it is compiled for.
#include "kernels/tiles.h"

#include <limits>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/cpu.h"
#include "core/log.h"
#include "kernels/product.h"
#include "tests/kernels/plain_tiles.h"
#include "tests/kernels/product_cases.h"
#include "tests/kernels/tile_trap.h"
#include "tests/testing/share.h"

namespace ingot::kernels {
namespace {

using ::testing::HasSubstr;

class TilesTest : public ::testing::Test {
 protected:
  TilesTest() {
    forms_.push_back(&kPlainTiles);
#if defined(__x86_64__)
    if (core::Cpu().avx512_bf16) forms_.push_back(&kAmxTiles);
#endif
  }

  // Every form with every kind of matrix that it serves.
  template <typename Body>
  void ForEach(Body&& body) {
    for (const TileForm* form : forms_) {
      for (const Kind& kind : Kinds()) {
        const Matrix like{.layout = kind.layout, .type = kind.type, .format = kind.format};
        if (!form->serves(like)) continue;
        SCOPED_TRACE(std::string(form->name) + ", " + kind.name);
        body(*form, kind);
        if (HasFatalFailure()) return;
      }
    }
  }
  static Rows ByTiles(const TileForm& form, const Matrix& matrix, const Rows& x,
                      core::ThreadPool& pool) {
    return Multiply(PlanWithTiles(form, kPortableForm, matrix), matrix, x, pool);
  }
  static size_t UnitOf(const Kind& kind) {
    return kind.layout == Layout::kDense ? 1 : kind.format.group_size;
  }

  std::mt19937 random_ = Seeded(11);
  core::ThreadPool pool_{2};
  std::vector<const TileForm*> forms_;
#if defined(__x86_64__)
  TileTrap trap_;
#endif
};

TEST_F(TilesTest, EveryKindStaysWithinTheBoundOfItsAdditions) {
  ForEach([&](const TileForm& form, const Kind& kind) {
    const size_t unit = UnitOf(kind);
    // One group, and odd numbers of everything, over more than one stretch of inputs.
    for (const size_t inputs : {unit, unit == 1 ? 317 : 288 / unit * unit + unit}) {
      Weights weights(kind, 37, inputs, random_);
      const std::vector<Weights::Parts> parts = weights.All();
      for (const size_t rows :
           inputs == unit ? std::vector<size_t>{8} : std::vector<size_t>{16, 45}) {
        SCOPED_TRACE(std::to_string(inputs) + " inputs, " + std::to_string(rows) + " rows");
        const Rows x = RandomRows(FloatType::kBF16, rows, inputs, random_);
        const Expected expected(parts, x, 37);
        ASSERT_NO_FATAL_FAILURE(expected.Check(ByTiles(form, weights.matrix(), x, pool_)));
      }
    }
  });
}

TEST_F(TilesTest, ThousandsOfRowsAreCutIntoCallsThatFitTogether) {
  for (const TileForm* form : forms_) {
    const Kind kind{"", Layout::kAffine, FloatType::kF16, {quant::Mode::kAffine, 4, 32}};
    Weights weights(kind, 33, 96, random_);
    const size_t rows = testing::ShareOf(1100, kTileMostRows + 20);
    const Rows x = RandomRows(FloatType::kBF16, rows, 96, random_);
    const Expected expected(weights.All(), x, 33);
    ASSERT_NO_FATAL_FAILURE(expected.Check(ByTiles(*form, weights.matrix(), x, pool_)));
  }
}

TEST_F(TilesTest, TheNumberOfThreadsChangesNoBit) {
  core::ThreadPool one(1);
  core::ThreadPool five(5);
  ForEach([&](const TileForm& form, const Kind& kind) {
    Weights weights(kind, 150, 128, random_);
    const Rows x = RandomRows(FloatType::kBF16, 21, 128, random_);
    EXPECT_EQ(ByTiles(form, weights.matrix(), x, one).bytes,
              ByTiles(form, weights.matrix(), x, five).bytes);
  });
}

TEST_F(TilesTest, WhatARowGivesDoesNotDependOnTheRowsBesideIt) {
  ForEach([&](const TileForm& form, const Kind& kind) {
    Weights weights(kind, 35, 128, random_);
    const Rows many = RandomRows(FloatType::kBF16, 40, 128, random_);
    Rows some(FloatType::kBF16, 9, 128);
    for (size_t r = 0; r < 9; ++r) {
      for (size_t k = 0; k < 128; ++k) some.Set(r, k, many.At(20 + r, k));
    }
    const Rows all = ByTiles(form, weights.matrix(), many, pool_);
    const Rows few = ByTiles(form, weights.matrix(), some, pool_);
    for (size_t r = 0; r < 9; ++r) {
      for (size_t n = 0; n < 35; ++n) ASSERT_EQ(few.At(r, n), all.At(20 + r, n));
    }
  });
}

TEST_F(TilesTest, NanInOneRowOfActivationsReachesAllItsResultsAndNoOthers) {
  ForEach([&](const TileForm& form, const Kind& kind) {
    Weights weights(kind, 33, 256, random_);
    const Rows x = RandomRows(FloatType::kBF16, 20, 256, random_);
    x.Set(17, 201, std::numeric_limits<float>::quiet_NaN());
    const Rows y = ByTiles(form, weights.matrix(), x, pool_);
    for (size_t r = 0; r < 20; ++r) {
      for (size_t n = 0; n < 33; ++n) ASSERT_EQ(std::isnan(y.At(r, n)), r == 17) << r << " " << n;
    }
  });
}

TEST_F(TilesTest, NanAmongTheWeightsReachesItsOutputAlone) {
  ForEach([&](const TileForm& form, const Kind& kind) {
    if (kind.layout != Layout::kE4M3 && kind.layout != Layout::kDense) return;
    Weights weights(kind, 20, 96, random_);
    if (kind.layout == Layout::kE4M3) {
      weights.values()[5 * 96 + 95] = std::byte{0xff};
    } else {
      quant::StoreFloat(kind.type, std::numeric_limits<float>::quiet_NaN(), weights.values(),
                        5 * 96 + 95);
    }
    const Rows x = RandomRows(FloatType::kBF16, 18, 96, random_);
    const Rows y = ByTiles(form, weights.matrix(), x, pool_);
    for (size_t r = 0; r < 18; ++r) {
      for (size_t n = 0; n < 20; ++n) ASSERT_EQ(std::isnan(y.At(r, n)), n == 5) << r << " " << n;
    }
  });
}

// As a mixture's experts have them: segments of no rows, of few, of many, with a gate each.
TEST_F(TilesTest, SegmentsOfManyAndOfFewRowsMeetTheirOwnMatrices) {
  const Kind kind{"", Layout::kAffine, FloatType::kBF16, {quant::Mode::kAffine, 4, 64}};
  constexpr size_t kRows[] = {19, 0, 3, 33, 8};
  std::vector<Weights> up;
  std::vector<Weights> gate;
  for (size_t s = 0; s < std::size(kRows); ++s) {
    up.emplace_back(kind, 41, 128, random_);
    gate.emplace_back(kind, 41, 128, random_);
  }
  const Rows x = RandomRows(FloatType::kBF16, 63, 128, random_);
  const std::vector<const std::byte*> inputs = x.inputs();
  const auto multiply = [](std::span<const float> gates, std::span<float> results) {
    for (size_t n = 0; n < results.size(); ++n) results[n] *= gates[n];
  };
  const Gating gating = multiply;
  for (const TileForm* form : forms_) {
    std::vector<Segment> segments;
    size_t row = 0;
    for (size_t s = 0; s < std::size(kRows); ++s) {
      segments.push_back({.matrix = up[s].matrix(),
                          .first_row = row,
                          .rows = kRows[s],
                          .gate = {.matrix = gate[s].matrix()}});
      row += kRows[s];
    }
    Rows y(FloatType::kF32, 63, 41);
    const ProductPlan plan = PlanWithTiles(*form, kPortableForm, up[0].matrix());
    EXPECT_TRUE(plan.UsesTiles(segments[0]));
    EXPECT_FALSE(plan.UsesTiles(segments[2]));
    Compute(plan,
            {.segments = segments,
             .type = FloatType::kBF16,
             .result_type = FloatType::kF32,
             .bias_type = FloatType::kF32,
             .x = inputs,
             .y = y.begins,
             .gating = &gating},
            pool_);
    for (const Segment& segment : segments) {
      Rows own(FloatType::kBF16, segment.rows, 128);
      for (size_t r = 0; r < segment.rows; ++r) {
        for (size_t k = 0; k < 128; ++k) own.Set(r, k, x.At(segment.first_row + r, k));
      }
      const size_t s = static_cast<size_t>(&segment - segments.data());
      const Expected of_up(up[s].All(), own, 41);
      const Expected of_gate(gate[s].All(), own, 41);
      for (size_t i = 0; i < of_up.sums.size(); ++i) {
        const double a = of_up.sums[i];
        const double b = of_gate.sums[i];
        const double bound = std::abs(a) * of_gate.bounds[i] + std::abs(b) * of_up.bounds[i] +
                             of_up.bounds[i] * of_gate.bounds[i];
        ASSERT_NEAR(y.At(segment.first_row + i / 41, i % 41), a * b, bound)
            << form->name << " segment " << s << " result " << i;
      }
    }
  }
}

TEST_F(TilesTest, TheCheckAcceptsWhatIsRight) {
  for (const TileForm* form : forms_) {
    const core::Status status = CheckTiles(*form);
    EXPECT_TRUE(status.ok()) << form->name << ": " << status.message();
  }
}

// Off by a little in one place, for 4-bit floats alone.
void AlmostMany(const ProductRun& run) {
  kPlainTiles.many(run);
  if (run.matrix->format.mode == quant::Mode::kMxfp4) run.out[36 * run.out_stride + 36] += 1;
}

TEST_F(TilesTest, TheCheckNamesTheKindOfMatrixThatIsWrong) {
  TileForm almost = kPlainTiles;
  almost.many = AlmostMany;
  const core::Status status = CheckTiles(almost);
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr("mxfp4 weights of 4 bits in groups of 32"));
}

TEST_F(TilesTest, AFormThatErrsIsNotTrustedAndThatIsLogged) {
  std::string log;
  core::SetLogWriter([&](std::string_view line) { log += line; });
  TileForm almost = kPlainTiles;
  almost.many = AlmostMany;
  const bool trusted = IsTrusted(almost);
  const bool other_trusted = IsTrusted(kPlainTiles);
  core::SetLogWriter({});
  EXPECT_FALSE(trusted);
  EXPECT_TRUE(other_trusted);
  EXPECT_THAT(log, HasSubstr("(AMX) are not used"));
  EXPECT_THAT(log, HasSubstr("mxfp4"));
}

#if defined(__x86_64__)

TEST_F(TilesTest, TheInstructionsThemselvesRunHere) {
  if (forms_.size() == 1) return;  // compiled for a processor that this one does not include
  const size_t before = TileTrap::dots();
  EXPECT_TRUE(CheckTiles(kAmxTiles).ok());
  if (core::IsSupported(core::Isa::kAmx)) {
    EXPECT_EQ(TileTrap::dots(), before);
    return;
  }
  EXPECT_GT(TileTrap::dots(), before + 1000);
  TileTrap::SetError(0.5F);
  EXPECT_FALSE(CheckTiles(kAmxTiles).ok());
  TileTrap::SetError(0);
}

#endif

TEST(TileChoiceTest, TilesServeBf16ActivationsOfThatInstructionSetAlone) {
  const Matrix matrix{.layout = Layout::kDense, .type = FloatType::kBF16};
  for (const core::Isa isa : {core::Isa::kPortable, core::Isa::kAvx2, core::Isa::kAvx512}) {
    EXPECT_EQ(TilesFor(isa, matrix, FloatType::kBF16), nullptr);
  }
  EXPECT_EQ(TilesFor(core::Isa::kAmx, matrix, FloatType::kF32), nullptr);
  EXPECT_EQ(TilesFor(core::Isa::kAmx, matrix, FloatType::kBF16) != nullptr,
            core::IsSupported(core::Isa::kAmx) && core::Cpu().avx512_bf16);
}

TEST(TileRowsTest, RowsThatMeetTheWeightsTogetherFitTheSecondCache) {
  for (const size_t inputs : {16, 1024, 3072, 8192, 100000}) {
    const Matrix matrix{.layout = Layout::kDense, .type = FloatType::kBF16, .inputs = inputs};
    const size_t rows = TileRows(matrix);
    EXPECT_EQ(rows % kTileOutputs, 0U);
    EXPECT_LE(rows, kTileMostRows);
    EXPECT_TRUE(rows == 2 * kTileOutputs || rows * PackedBytes(matrix) <= size_t{1} << 20);
  }
}

// What the manual says of the instructions that everything above rests on.
class SoftTilesTest : public ::testing::Test {
 protected:
  // Tiles 0, 1 and 2: one row of sums, pairs for it, and what they are multiplied with.
  void SetUp() override {
    uint8_t setting[64] = {1};
    constexpr uint8_t kRows[] = {1, 1, 2};
    constexpr uint8_t kBytes[] = {4, 8, 4};
    for (size_t i = 0; i < 3; ++i) {
      setting[16 + 2 * i] = kBytes[i];
      setting[48 + i] = kRows[i];
    }
    ASSERT_TRUE(tiles_.Configure(setting));
  }
  float Dot(float sum, const float (&a)[4], const float (&b)[4]) {
    std::byte left[8];
    std::byte right[8];
    for (size_t i = 0; i < 4; ++i) {
      quant::StoreFloat(FloatType::kBF16, a[i], left, i);
      quant::StoreFloat(FloatType::kBF16, b[i], right, i);
    }
    auto* bytes = reinterpret_cast<std::byte*>(&sum);
    EXPECT_TRUE(tiles_.Load(0, bytes, 4) && tiles_.Load(1, left, 8) && tiles_.Load(2, right, 4));
    EXPECT_TRUE(tiles_.Dot(0, 1, 2));
    EXPECT_TRUE(tiles_.Store(0, bytes, 4));
    return sum;
  }
  SoftTiles tiles_;
};

TEST_F(SoftTilesTest, FirstAndSecondNumbersOfPairsAreSummedApart) {
  EXPECT_EQ(Dot(1, {2, 3, 4, 5}, {10, 100, 1000, 2048}), 1 + 20 + 300 + 4000 + 10240);
  // 2^30 - 2^30 among the first numbers leaves what comes last among the second ones.
  EXPECT_EQ(Dot(0, {0x1p30F, 1, -0x1p30F, 1}, {1, 1, 1, 1}), 2);
  // In the other order of additions the ones would be lost.
  EXPECT_EQ(Dot(0x1p30F, {1, 1, 1, 1}, {1, 1, 1, 1}), 0x1p30F);
}

TEST_F(SoftTilesTest, NumbersThatAreNotNormalAreZeroBeforeAndAfter) {
  EXPECT_EQ(Dot(0, {0x1p-127F, 0, 0, 0}, {0x1p100F, 0, 0, 0}), 0);
  EXPECT_EQ(Dot(0, {0x1p-70F, 0, 0, 0}, {0x1p-70F, 0, 0, 0}), 0);
  EXPECT_EQ(Dot(0x1p-127F, {0, 0, 0, 0}, {0, 0, 0, 0}), 0);
}

TEST_F(SoftTilesTest, ShapesThatDoNotFitAndTilesThatAreNotSetUpAreRefused) {
  EXPECT_FALSE(tiles_.Dot(0, 2, 1));
  EXPECT_FALSE(tiles_.Dot(0, 1, 1));
  EXPECT_FALSE(tiles_.Zero(3));
  EXPECT_TRUE(tiles_.Release());
  EXPECT_FALSE(tiles_.Zero(0));
  uint8_t setting[64] = {1};
  setting[16] = 65;
  setting[48] = 1;
  EXPECT_FALSE(tiles_.Configure(setting));
  setting[16] = 64;
  setting[48] = 17;
  EXPECT_FALSE(tiles_.Configure(setting));
  setting[48] = 16;
  setting[5] = 1;
  EXPECT_FALSE(tiles_.Configure(setting));
}

}  // namespace
}  // namespace ingot::kernels
