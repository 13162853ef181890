// Every form of the product, over every kind of matrix: see product_cases.h for the bound.
#include "kernels/product.h"

#include <algorithm>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/cpu.h"
#include "tests/kernels/product_cases.h"
#include "tests/testing/share.h"

namespace ingot::kernels {
namespace {

using quant::Mode;

TEST(ProductTest, EveryFormStaysWithinTheBoundOfItsAdditions) {
  std::mt19937 random = Seeded(1);
  core::ThreadPool pool(2);
  for (const Kind& kind : Kinds()) {
    // Odd numbers of outputs and inputs; inputs are whole groups where there are any.
    const size_t unit = kind.layout == Layout::kDense ? 1 : kind.format.group_size;
    const size_t long_row =
        unit == 1 ? testing::ShareOf(317, 70) : (testing::ShareOf(16, 3) + 1) * unit;
    for (const size_t inputs : {unit, long_row}) {
      Weights weights(kind, 37, inputs, random);
      const std::vector<Weights::Parts> parts = weights.All();
      for (const FloatType type : {FloatType::kF32, FloatType::kF16, FloatType::kBF16}) {
        for (const size_t rows : {1, 2, 7, 29}) {
          const Rows x = RandomRows(type, rows, inputs, random);
          const Expected expected(parts, x, 37);
          for (const Form* form : SupportedForms()) {
            if (!Takes(*form, weights.matrix(), type)) continue;
            SCOPED_TRACE(std::string(form->name) + ", " + kind.name + ", inputs " +
                         std::to_string(inputs) + ", " + std::string(NameOf(type)) + ", rows " +
                         std::to_string(rows));
            ASSERT_NO_FATAL_FAILURE(expected.Check(Multiply(*form, weights.matrix(), x, pool)));
          }
        }
      }
    }
  }
}

TEST(ProductTest, TheNumberOfThreadsChangesNoBit) {
  std::mt19937 random = Seeded(2);
  core::ThreadPool one(1);
  core::ThreadPool five(5);
  for (const Kind& kind : Kinds()) {
    Weights weights(kind, testing::ShareOf(700, 80), 256, random);
    for (const size_t rows : {size_t{1}, size_t{5}, testing::ShareOf(150, 20)}) {
      const Rows x = RandomRows(FloatType::kBF16, rows, 256, random);
      for (const Form* form : SupportedForms()) {
        if (!form->serves(weights.matrix())) continue;
        EXPECT_EQ(Multiply(*form, weights.matrix(), x, one).bytes,
                  Multiply(*form, weights.matrix(), x, five).bytes)
            << form->name << " " << kind.name << " rows " << rows;
      }
    }
  }
}

TEST(ProductTest, WeightsReadAsTheyLieGiveEachOfManyRowsWhatItGetsAlone) {
  std::mt19937 random = Seeded(6);
  core::ThreadPool pool(2);
  constexpr size_t kRows = 47;
  for (const Kind& kind : Kinds()) {
    Weights weights(kind, 70, 256, random);
    const Rows x = RandomRows(FloatType::kBF16, kRows, 256, random);
    for (const Form* form : SupportedForms()) {
      if (!form->serves(weights.matrix())) continue;
      const Rows all = Multiply(*form, weights.matrix(), x, pool, kRows + 1);
      for (const size_t row : {0, 15, 16, 45, 46}) {
        const Rows one(FloatType::kBF16, 1, 256);
        for (size_t k = 0; k < 256; ++k) one.Set(0, k, x.At(row, k));
        const Rows alone = Multiply(*form, weights.matrix(), one, pool, kRows + 1);
        for (size_t n = 0; n < 70; ++n) {
          ASSERT_EQ(all.At(row, n), alone.At(0, n))
              << form->name << " " << kind.name << " row " << row << " output " << n;
        }
      }
    }
  }
}

TEST(ProductTest, NanInOneRowOfActivationsReachesAllItsResultsAndNoOthers) {
  std::mt19937 random = Seeded(3);
  core::ThreadPool pool(2);
  for (const Kind& kind : Kinds()) {
    Weights weights(kind, 33, 256, random);
    for (const size_t rows : {3, 20}) {
      const Rows x = RandomRows(FloatType::kBF16, rows, 256, random);
      x.Set(1, 201, std::numeric_limits<float>::quiet_NaN());
      for (const Form* form : SupportedForms()) {
        if (!form->serves(weights.matrix())) continue;
        const Rows y = Multiply(*form, weights.matrix(), x, pool);
        for (size_t r = 0; r < rows; ++r) {
          for (size_t n = 0; n < 33; ++n) {
            ASSERT_EQ(std::isnan(y.At(r, n)), r == 1)
                << form->name << " " << kind.name << " row " << r << " output " << n;
          }
        }
      }
    }
  }
}

TEST(ProductTest, NanAmongTheWeightsReachesItsOutputAlone) {
  std::mt19937 random = Seeded(4);
  core::ThreadPool pool(1);
  for (const Kind& kind : Kinds()) {
    if (kind.layout != Layout::kE4M3 && kind.layout != Layout::kDense) continue;
    Weights weights(kind, 20, 96, random);
    if (kind.layout == Layout::kE4M3) {
      weights.values()[5 * 96 + 95] = std::byte{0xff};
    } else {
      quant::StoreFloat(kind.type, std::numeric_limits<float>::quiet_NaN(), weights.values(),
                        5 * 96 + 95);
    }
    for (const size_t rows : {1, 18}) {
      const Rows x = RandomRows(FloatType::kBF16, rows, 96, random);
      for (const Form* form : SupportedForms()) {
        if (!form->serves(weights.matrix())) continue;
        const Rows y = Multiply(*form, weights.matrix(), x, pool);
        for (size_t n = 0; n < 20; ++n) {
          ASSERT_EQ(std::isnan(y.At(0, n)), n == 5) << form->name << " " << kind.name << " " << n;
        }
      }
    }
  }
}

TEST(ProductTest, ScalesAtTheEndsOfTheirRangeLoseNothing) {
  std::mt19937 random = Seeded(8);
  core::ThreadPool pool(1);
  struct Extreme {
    uint8_t scale;     // a power of two, 127 too large
    float activation;  // what keeps the result within bounds
  };
  for (const Kind& kind : Kinds()) {
    const bool floats = kind.layout == Layout::kE2M1 || kind.layout == Layout::kE4M3;
    if (!floats || kind.format.mode == Mode::kNvfp4) continue;
    for (const Extreme& extreme : {Extreme{242, 0x1p-60F}, Extreme{1, 0x1p+115F}}) {
      Weights weights(kind, 33, 320, random);
      std::fill_n(weights.scales(), 33 * weights.matrix().groups(), std::byte{extreme.scale});
      for (const size_t rows : {1, 18}) {
        const Rows x = RandomRows(FloatType::kBF16, rows, 320, random);
        for (size_t r = 0; r < rows; ++r) {
          for (size_t k = 0; k < 320; ++k) x.Set(r, k, x.At(r, k) * extreme.activation);
        }
        const Expected expected(weights.All(), x, 33);
        for (const Form* form : SupportedForms()) {
          SCOPED_TRACE(std::string(form->name) + " " + kind.name + " rows " + std::to_string(rows));
          ASSERT_NO_FATAL_FAILURE(expected.Check(Multiply(*form, weights.matrix(), x, pool)));
        }
      }
    }
  }
}

TEST(ProductTest, RowsOfSeveralSegmentsMeetTheirOwnMatrixFactorAndBias) {
  std::mt19937 random = Seeded(5);
  core::ThreadPool pool(3);
  const Kind kind{"", Layout::kE2M1, FloatType::kF32, {Mode::kNvfp4, 4, 16}};
  Weights first(kind, 40, 64, random);
  Weights second(kind, 40, 64, random);
  const Rows x = RandomRows(FloatType::kF32, 5, 64, random);
  const Rows bias = RandomRows(FloatType::kF32, 1, 40, random);
  const float factor = 0.5F;
  const std::vector<Segment> segments = {
      {.matrix = first.matrix(), .factor = &factor, .first_row = 0, .rows = 2},
      {.matrix = second.matrix(), .rows = 0},
      {.matrix = second.matrix(), .bias = bias.begins[0], .first_row = 2, .rows = 3}};
  const std::vector<const std::byte*> inputs = x.inputs();
  for (const Form* form : SupportedForms()) {
    if (form->bf16) continue;
    Rows y(FloatType::kF32, 5, 40);
    Compute(PlanWithForm(*form, first.matrix()),
            {.segments = segments,
             .type = FloatType::kF32,
             .result_type = FloatType::kF32,
             .bias_type = FloatType::kF32,
             .x = inputs,
             .y = y.begins},
            pool);
    const Rows by_first = Multiply(*form, first.matrix(), x, pool);
    const Rows by_second = Multiply(*form, second.matrix(), x, pool);
    for (size_t n = 0; n < 40; ++n) {
      for (size_t r = 0; r < 2; ++r) EXPECT_EQ(y.At(r, n), by_first.At(r, n) * factor);
      for (size_t r = 2; r < 5; ++r) EXPECT_EQ(y.At(r, n), by_second.At(r, n) + bias.At(0, n));
    }
  }
}

TEST(ProductTest, NoRowsAreNoWork) {
  std::mt19937 random = Seeded(6);
  core::ThreadPool pool(2);
  Weights weights(Kinds().back(), 8, 64, random);
  EXPECT_EQ(
      Multiply(kPortableForm, weights.matrix(), Rows(FloatType::kF32, 0, 64), pool).begins.size(),
      0U);
}

TEST(ProductTest, AForcedInstructionSetIsNotExceeded) {
  std::mt19937 random = Seeded(7);
  Weights weights(Kinds().front(), 8, 64, random);
  for (const core::Isa isa : core::SupportedIsas()) {
    for (const FloatType type : {FloatType::kF32, FloatType::kBF16}) {
      EXPECT_LE(FormFor(isa, weights.matrix(), type).isa, isa);
    }
  }
  EXPECT_EQ(FormFor(core::Isa::kPortable, weights.matrix(), FloatType::kBF16).name, "portable");
}

}  // namespace
}  // namespace ingot::kernels
