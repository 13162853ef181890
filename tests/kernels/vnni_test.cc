// The bound of what few rows of bf16 activations give with codes that are multiplied as bytes
// (simd/vnni_few.h), with activations made to reach it: in each group a large one and many that are
// tiny beside it, each halfway between two steps and off in the direction that adds up.
//
// Off by at most the sum over groups of 2^(e-14) * sum(|weight|), e being the exponent of the
// group's largest activation, and by what n additions cost, as everywhere; codes of 4-bit floats
// are shifted by 6 there, and are 12 at most.
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/product.h"
#include "tests/kernels/product_cases.h"

namespace ingot::kernels {
namespace {

constexpr size_t kOutputs = 9;

std::vector<const Form*> FormsOfSteps() {
  std::vector<const Form*> forms;
  for (const Form* form : SupportedForms()) {
    if (form->bf16) forms.push_back(form);
  }
  return forms;
}

bool IsMultipliedAsBytes(const Kind& kind) {
  return kind.layout == Layout::kAffine || kind.layout == Layout::kE2M1;
}

std::vector<float> MultiplyInto32(const Form& form, const Matrix& matrix, const Rows& x) {
  core::ThreadPool pool(1);
  const Rows y(FloatType::kF32, x.begins.size(), matrix.outputs);
  const Segment segment{.matrix = matrix, .rows = x.begins.size()};
  const std::vector<const std::byte*> inputs = x.inputs();
  ProductPlan plan = PlanWithForm(form, matrix);
  plan.many_from = std::numeric_limits<size_t>::max();
  Compute(plan,
          {.segments = {&segment, 1},
           .type = FloatType::kBF16,
           .result_type = FloatType::kF32,
           .bias_type = FloatType::kF32,
           .x = inputs,
           .y = y.begins},
          pool);
  std::vector<float> results;
  for (size_t r = 0; r < x.begins.size(); ++r) {
    for (size_t n = 0; n < matrix.outputs; ++n) results.push_back(y.At(r, n));
  }
  return results;
}

// Of codes that are shifted: sum over k of |x| * |scale| * 12.
double ShiftedSize(const Matrix& matrix, const Rows& x, size_t row, size_t output) {
  double size = 0;
  for (size_t k = 0; k < matrix.inputs; ++k) {
    const auto scale = static_cast<uint8_t>(
        matrix.scales[output * matrix.groups() + k / matrix.format.group_size]);
    const double scale_of = matrix.format.mode == quant::Mode::kNvfp4 ? quant::F32FromE4M3(scale)
                                                                      : quant::F32FromE8M0(scale);
    size += std::abs(double{x.At(row, k)}) * std::abs(scale_of) * 12;
  }
  return size;
}

// Rows whose errors add up for one of the outputs each; the exponents of their groups.
struct Adverse {
  Adverse(const std::vector<Weights::Parts>& weights, size_t rows, size_t inputs, size_t group,
          std::mt19937& random)
      : x(FloatType::kBF16, rows, inputs) {
    for (size_t r = 0; r < rows; ++r) {
      const size_t output = r % kOutputs;
      for (size_t g = 0; g < inputs / group; ++g) {
        const int exponent = static_cast<int>(random() % 24) - 12;
        exponents.push_back(exponent);
        const double step = std::ldexp(1.0, exponent - 14);
        // The largest number of that exponent, which is no whole number of steps for two bytes.
        const size_t largest = random() % group;
        for (size_t i = 0; i < group; ++i) {
          const Weights::Parts& weight = weights[output * inputs + g * group + i];
          const bool up = weight.product + weight.bias > 0;
          const double steps = up ? 0.5 * (1 + 0x1p-7) : 0.5 * (1 - 0x1p-8);
          x.Set(
              r, g * group + i,
              static_cast<float>(i == largest ? -std::ldexp(255.0 / 128, exponent) : steps * step));
        }
      }
    }
  }
  Rows x;
  std::vector<int> exponents;  // row by row
};

TEST(VnniTest, ActivationsFarSmallerThanTheLargestOfTheirGroupStayWithinTheirBound) {
  std::mt19937 random = Seeded(21);
  for (const Form* form : FormsOfSteps()) {
    for (const Kind& kind : Kinds()) {
      if (!IsMultipliedAsBytes(kind)) continue;
      SCOPED_TRACE(std::string(form->name) + ", " + kind.name);
      const size_t group = kind.format.group_size;
      const size_t inputs = 5 * group;
      const size_t groups = inputs / group;
      const Weights weights(kind, kOutputs, inputs, random);
      const std::vector<Weights::Parts> parts = weights.All();
      double nearest = 0;  // how much of the bound of steps was reached
      for (const size_t rows : {1, 2, 7}) {
        const Adverse made(parts, rows, inputs, group, random);
        const std::vector<float> found = MultiplyInto32(*form, weights.matrix(), made.x);
        for (size_t r = 0; r < rows; ++r) {
          for (size_t n = 0; n < kOutputs; ++n) {
            double sum = 0;
            double steps = 0;
            double size = 0;
            for (size_t k = 0; k < inputs; ++k) {
              const Weights::Parts& weight = parts[n * inputs + k];
              const double x = made.x.At(r, k);
              const double value = weight.product + weight.bias;
              sum += x * value;
              steps += std::ldexp(std::abs(value), made.exponents[r * groups + k / group] - 14);
              size += std::abs(x) * (std::abs(weight.product) + std::abs(weight.bias));
            }
            if (kind.layout == Layout::kE2M1) size = ShiftedSize(weights.matrix(), made.x, r, n);
            const double additions = static_cast<double>(inputs + 8) * 0x1p-24 * size;
            const double error = std::abs(found[r * kOutputs + n] - sum);
            ASSERT_LE(error, steps + additions) << "rows " << rows << " row " << r << " of " << n;
            if (n == r % kOutputs) nearest = std::max(nearest, (error - additions) / steps);
          }
        }
      }
      // Half a step each: were steps coarser than said, this would be over 1.
      EXPECT_GT(nearest, 0.3);
    }
  }
}

}  // namespace
}  // namespace ingot::kernels
