// Every form of the product against sums in double, with the bound that the order of additions
// allows: each of n additions and products rounds once, so a result is off by at most
// n * 2^-24 * sum over k of |x| (|scale * code| + |bias|), and by half a step of its own type.
#include "kernels/product.h"

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/cpu.h"
#include "quant/decode.h"
#include "quant/fp8.h"
#include "tests/testing/share.h"

namespace ingot::kernels {
namespace {

using quant::Mode;

// The same numbers at every run.
std::mt19937 Seeded(uint32_t seed) { return std::mt19937(seed); }

struct Kind {
  std::string name;
  Layout layout;
  FloatType type;
  quant::Format format;
};

std::vector<Kind> Kinds() {
  std::vector<Kind> kinds;
  constexpr FloatType kTypes[] = {FloatType::kF32, FloatType::kF16, FloatType::kBF16};
  for (const FloatType type : kTypes) {
    kinds.push_back({"dense " + std::string(NameOf(type)), Layout::kDense, type, {}});
  }
  for (const quant::ModeInfo& info : quant::Modes()) {
    for (const uint8_t bits : info.bits) {
      for (const uint16_t size : info.group_sizes) {
        const bool affine = info.mode == Mode::kAffine;
        const FloatType type = affine ? kTypes[(bits + size / 32) % 3] : FloatType::kF32;
        kinds.push_back({std::string(info.name) + " " + std::to_string(bits) + " g" +
                             std::to_string(size) + " " + std::string(NameOf(type)),
                         LayoutOf(info.mode),
                         type,
                         {info.mode, bits, size}});
      }
    }
  }
  return kinds;
}

// Weights with their bytes, each array one byte off any alignment.
class Weights {
 public:
  Weights(const Kind& kind, size_t outputs, size_t inputs, std::mt19937& random) {
    matrix_ = {.layout = kind.layout,
               .type = kind.type,
               .format = kind.format,
               .outputs = outputs,
               .inputs = inputs};
    values_.resize(1 + outputs * matrix_.row_bytes());
    matrix_.values = values_.data() + 1;
    std::normal_distribution<float> normal(0, 1);
    if (matrix_.dense()) {
      for (size_t i = 0; i < outputs * inputs; ++i) {
        quant::StoreFloat(kind.type, normal(random), values_.data() + 1, i);
      }
      return;
    }
    for (std::byte& byte : values_) {
      do {
        byte = static_cast<std::byte>(random());
      } while (kind.layout == Layout::kE4M3 && (static_cast<int>(byte) & 0x7f) == 0x7f);
    }
    const size_t groups = outputs * matrix_.groups();
    const bool affine = kind.layout == Layout::kAffine;
    const size_t size = affine ? quant::SizeOf(kind.type) : 1;
    scales_.resize(1 + groups * size);
    for (size_t g = 0; g < groups; ++g) {
      if (affine) {
        quant::StoreFloat(kind.type, 0.1F + 0.01F * normal(random), scales_.data() + 1, g);
      } else if (kind.format.mode == Mode::kNvfp4) {
        scales_[1 + g] = static_cast<std::byte>(random() % 0x7f);  // E4M3: 0 to 448
      } else {
        scales_[1 + g] = static_cast<std::byte>(120 + random() % 12);  // E8M0: 2^-7 to 2^4
      }
    }
    matrix_.scales = scales_.data() + 1;
    if (!affine) return;
    biases_.resize(1 + groups * size);
    for (size_t g = 0; g < groups; ++g) {
      quant::StoreFloat(kind.type, -0.5F + 0.1F * normal(random), biases_.data() + 1, g);
    }
    matrix_.biases = biases_.data() + 1;
  }

  const Matrix& matrix() const { return matrix_; }
  std::byte* values() { return values_.data() + 1; }

  struct Parts {
    double product;  // scale * code
    double bias;
  };
  // Of all weights, row by row.
  std::vector<Parts> All() const {
    std::vector<Parts> parts;
    for (size_t n = 0; n < matrix_.outputs; ++n) {
      for (size_t k = 0; k < matrix_.inputs; ++k) parts.push_back(At(n, k));
    }
    return parts;
  }

 private:
  Parts At(size_t output, size_t input) const {
    const std::byte* row = matrix_.row(output);
    if (matrix_.dense()) return {quant::LoadFloat(matrix_.type, row, input), 0};
    const size_t bits = matrix_.format.bits;
    uint32_t code = 0;
    for (size_t i = 0; i < bits; ++i) {
      const size_t at = input * bits + i;
      code |= ((static_cast<uint32_t>(row[at / 8]) >> (at % 8)) & 1U) << i;
    }
    const size_t group = output * matrix_.groups() + input / matrix_.format.group_size;
    if (matrix_.layout == Layout::kAffine) {
      return {double{quant::LoadFloat(matrix_.type, matrix_.scales, group)} * code,
              quant::LoadFloat(matrix_.type, matrix_.biases, group)};
    }
    const auto scale = static_cast<uint8_t>(matrix_.scales[group]);
    const double value = matrix_.layout == Layout::kE4M3
                             ? quant::F32FromE4M3(static_cast<uint8_t>(code))
                             : quant::kE2M1Values[code];
    return {value * (matrix_.format.mode == Mode::kNvfp4 ? quant::F32FromE4M3(scale)
                                                         : quant::F32FromE8M0(scale)),
            0};
  }

  Matrix matrix_;
  std::vector<std::byte> values_;
  std::vector<std::byte> scales_;
  std::vector<std::byte> biases_;
};

// Rows of numbers of one type, off any alignment.
struct Rows {
  Rows(FloatType row_type, size_t rows, size_t row_columns)
      : type(row_type), columns(row_columns), bytes(1 + rows * columns * quant::SizeOf(type)) {
    for (size_t r = 0; r < rows; ++r) {
      begins.push_back(bytes.data() + 1 + r * columns * quant::SizeOf(type));
    }
  }
  float At(size_t row, size_t column) const { return quant::LoadFloat(type, begins[row], column); }
  void Set(size_t row, size_t column, float value) const {
    quant::StoreFloat(type, value, begins[row], column);
  }
  std::vector<const std::byte*> inputs() const { return {begins.begin(), begins.end()}; }

  FloatType type;
  size_t columns;
  std::vector<std::byte> bytes;
  std::vector<std::byte*> begins;
};

Rows RandomRows(FloatType type, size_t rows, size_t columns, std::mt19937& random) {
  std::normal_distribution<float> normal(0, 1);
  Rows made(type, rows, columns);
  for (size_t r = 0; r < rows; ++r) {
    for (size_t k = 0; k < columns; ++k) made.Set(r, k, normal(random));
  }
  return made;
}

// Segments of this many rows have their weights expanded, whatever pays.
constexpr size_t kManyFrom = 16;

Rows Multiply(const Form& form, const Matrix& matrix, const Rows& x, core::ThreadPool& pool,
              size_t many_from = kManyFrom) {
  Rows y(x.type, x.begins.size(), matrix.outputs);
  const Segment segment{.matrix = matrix, .rows = x.begins.size()};
  const std::vector<const std::byte*> inputs = x.inputs();
  ProductPlan plan = PlanWithForm(form, matrix);
  plan.many_from = many_from;
  Compute(plan,
          {.segments = {&segment, 1},
           .type = x.type,
           .result_type = x.type,
           .bias_type = x.type,
           .x = inputs,
           .y = y.begins},
          pool);
  return y;
}

bool Takes(const Form& form, const Matrix& matrix, FloatType type) {
  return form.serves(matrix) && (!form.bf16 || type == FloatType::kBF16);
}

// What a product should be, and by how much it may be off.
struct Expected {
  Expected(const std::vector<Weights::Parts>& weights, const Rows& x, size_t outputs) {
    const double step = x.type == FloatType::kF32   ? 0x1p-24
                        : x.type == FloatType::kF16 ? 0x1p-11
                                                    : 0x1p-8;
    const double additions = static_cast<double>(x.columns) + 8;
    for (size_t r = 0; r < x.begins.size(); ++r) {
      for (size_t n = 0; n < outputs; ++n) {
        double sum = 0;
        double size = 0;
        for (size_t k = 0; k < x.columns; ++k) {
          const double value = x.At(r, k);
          const Weights::Parts& weight = weights[n * x.columns + k];
          sum += value * (weight.product + weight.bias);
          size += std::abs(value) * (std::abs(weight.product) + std::abs(weight.bias));
        }
        sums.push_back(sum);
        bounds.push_back(additions * 0x1p-24 * size + step * std::abs(sum) + 0x1p-24);
      }
    }
  }
  void Check(const Rows& y) const {
    for (size_t i = 0; i < sums.size(); ++i) {
      const size_t row = i / y.columns;
      const size_t output = i % y.columns;
      ASSERT_NEAR(y.At(row, output), sums[i], bounds[i]) << "row " << row << " output " << output;
    }
  }

  std::vector<double> sums;
  std::vector<double> bounds;
};

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
