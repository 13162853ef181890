// The steps of recurrent layers, in every form that this machine runs, against the same in double.
#include "kernels/recur.h"

#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/form.h"

namespace ingot::kernels {
namespace {

std::vector<const Form*> Forms() {
  std::vector<const Form*> forms;
  for (const Form* form : SupportedForms()) {
    if (!form->bf16) forms.push_back(form);
  }
  return forms;
}

std::vector<float> Random(size_t count, float spread, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, spread);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

// Between 0 and 1.
std::vector<float> Shares(size_t count, uint32_t seed) {
  std::vector<float> values = Random(count, 1, seed);
  for (float& value : values) value = 1 / (1 + std::exp(-value));
  return values;
}

struct Shape {
  size_t steps, rows, width;
};
constexpr Shape kShapes[] = {{1, 16, 128}, {70, 16, 64}, {33, 5, 40}, {9, 1, 7}};

double Dot(const double* row, const float* x, size_t width) {
  double sum = 0;
  for (size_t i = 0; i < width; ++i) sum += row[i] * x[i];
  return sum;
}

void ExpectNear(const std::vector<float>& found, const std::vector<double>& expected,
                const Form& form) {
  double largest = 0;
  for (const double value : expected) largest = std::max(largest, std::abs(value));
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(found[i], expected[i], 4e-6 * largest) << form.name << " at " << i;
  }
}

TEST(KernelRecurTest, TheDeltaRuleMatchesDoubleAndKeepsStatesOnTheWay) {
  for (const auto& [steps, rows, width] : kShapes) {
    // Rows of q and k stand further apart than they are long, and what is in between is not used.
    const size_t pitch = width + 3;
    std::vector<float> q = Random(steps * pitch, 0.3F, 1);
    std::vector<float> k = Random(steps * pitch, 0.1F, 2);
    const std::vector<float> v = Random(steps * rows, 1, 3);
    const std::vector<float> decay = Shares(steps, 4);
    const std::vector<float> beta = Shares(steps, 5);
    const std::vector<float> before = Random(rows * width, 0.5F, 6);
    for (size_t t = 0; t < steps; ++t) {
      for (size_t i = width; i < pitch; ++i) q[t * pitch + i] = k[t * pitch + i] = NAN;
    }

    std::vector<double> state(before.begin(), before.end());
    std::vector<double> y;
    std::vector<double> kept;
    for (size_t t = 0; t < steps; ++t) {
      for (size_t r = 0; r < rows; ++r) {
        double* row = &state[r * width];
        for (size_t i = 0; i < width; ++i) row[i] *= decay[t];
        const double correction = beta[t] * (v[t * rows + r] - Dot(row, &k[t * pitch], width));
        for (size_t i = 0; i < width; ++i) row[i] += correction * k[t * pitch + i];
        y.push_back(Dot(row, &q[t * pitch], width));
      }
      if ((t + 1) % 4 == 0) kept.insert(kept.end(), state.begin(), state.end());
    }

    for (const Form* form : Forms()) {
      std::vector<float> own = before;
      std::vector<float> found(steps * rows);
      std::vector<float> between(kept.size() + 1, 7);
      const auto stride = static_cast<ptrdiff_t>(pitch);
      const auto across = static_cast<ptrdiff_t>(rows);
      form->recur.delta({.steps = steps,
                         .rows = rows,
                         .width = width,
                         .q = q.data(),
                         .k = k.data(),
                         .q_stride = stride,
                         .k_stride = stride,
                         .v = v.data(),
                         .v_stride = across,
                         .decay = decay.data(),
                         .beta = beta.data(),
                         .decay_stride = 1,
                         .beta_stride = 1,
                         .state = own.data(),
                         .y = found.data(),
                         .y_stride = across,
                         .kept = between.data(),
                         .keep_every = 4,
                         .kept_stride = static_cast<ptrdiff_t>(rows * width)});
      ExpectNear(found, y, *form);
      ExpectNear(own, state, *form);
      EXPECT_EQ(between.back(), 7);
      ExpectNear(between, kept, *form);
    }
  }
}

TEST(KernelRecurTest, ARowsStateDoesNotDependOnItsNeighbours) {
  constexpr size_t kSteps = 20;
  constexpr size_t kRows = 16;
  constexpr size_t kWidth = 48;
  const std::vector<float> x = Random(kSteps * kWidth, 0.2F, 1);
  const std::vector<float> v = Random(kSteps * kRows, 1, 2);
  const std::vector<float> gates = Shares(kSteps, 3);
  const std::vector<float> before = Random(kRows * kWidth, 0.5F, 4);
  for (const Form* form : Forms()) {
    const auto run = [&](size_t first, size_t rows, std::vector<float>& state) {
      std::vector<float> y(kSteps * kRows);
      form->recur.delta({.steps = kSteps,
                         .rows = rows,
                         .width = kWidth,
                         .q = x.data(),
                         .k = x.data(),
                         .q_stride = kWidth,
                         .k_stride = kWidth,
                         .v = v.data() + first,
                         .v_stride = kRows,
                         .decay = gates.data(),
                         .beta = gates.data(),
                         .decay_stride = 1,
                         .beta_stride = 1,
                         .state = state.data() + first * kWidth,
                         .y = y.data(),
                         .y_stride = kRows});
    };
    std::vector<float> together = before;
    run(0, kRows, together);
    std::vector<float> apart = before;
    run(0, 3, apart);
    run(3, 1, apart);
    run(4, 12, apart);
    EXPECT_EQ(together, apart) << form->name;
  }
}

TEST(KernelRecurTest, TheScanMatchesDouble) {
  for (const auto& [steps, rows, width] : kShapes) {
    const std::vector<float> x = Random(steps * rows, 1, 1);
    const std::vector<float> step = Shares(steps, 2);
    const std::vector<float> input = Random(steps * width, 0.4F, 3);
    const std::vector<float> output = Random(steps * width, 0.4F, 4);
    const std::vector<float> before = Random(rows * width, 0.5F, 5);
    constexpr float kRate = 0.7F;
    constexpr float kDirect = -1.3F;

    std::vector<double> state(before.begin(), before.end());
    std::vector<double> y;
    for (size_t t = 0; t < steps; ++t) {
      for (size_t r = 0; r < rows; ++r) {
        double* row = &state[r * width];
        const double in = double{x[t * rows + r]} * step[t];
        for (size_t i = 0; i < width; ++i) {
          row[i] = std::exp(-double{step[t]} * kRate) * row[i] + in * input[t * width + i];
        }
        y.push_back(Dot(row, &output[t * width], width) + double{kDirect} * x[t * rows + r]);
      }
    }

    for (const Form* form : Forms()) {
      std::vector<float> own = before;
      std::vector<float> found(steps * rows);
      form->recur.scan({.steps = steps,
                        .rows = rows,
                        .width = width,
                        .x = x.data(),
                        .x_stride = static_cast<ptrdiff_t>(rows),
                        .step = step.data(),
                        .step_stride = 1,
                        .rate = kRate,
                        .direct = kDirect,
                        .input = input.data(),
                        .output = output.data(),
                        .input_stride = static_cast<ptrdiff_t>(width),
                        .output_stride = static_cast<ptrdiff_t>(width),
                        .state = own.data(),
                        .y = found.data(),
                        .y_stride = static_cast<ptrdiff_t>(rows)});
      ExpectNear(found, y, *form);
      ExpectNear(own, state, *form);
    }
  }
}

TEST(KernelRecurTest, AConvolutionsStepMatchesDoubleInEveryType) {
  constexpr size_t kTaps = 4;
  for (const size_t count : {size_t{1}, size_t{16}, size_t{45}}) {
    const std::vector<float> weights = Random(kTaps * count, 1, 1);
    for (const FloatType type : {FloatType::kF32, FloatType::kF16, FloatType::kBF16}) {
      const size_t size = quant::SizeOf(type);
      const std::vector<float> values = Random(kTaps * count, 1, 2);
      std::vector<std::byte> stored(values.size() * size);
      for (size_t i = 0; i < values.size(); ++i) {
        quant::StoreFloat(type, values[i], stored.data(), i);
      }
      const std::byte* rows[kTaps];
      for (size_t i = 0; i < kTaps; ++i) rows[i] = stored.data() + i * count * size;
      for (const Form* form : Forms()) {
        std::vector<float> out(count + 1, 7);
        form->recur.conv({.type = type,
                          .taps = kTaps,
                          .rows = rows,
                          .weights = weights.data(),
                          .weight_stride = count,
                          .out = out.data(),
                          .count = count});
        EXPECT_EQ(out.back(), 7);
        for (size_t c = 0; c < count; ++c) {
          double expected = 0;
          for (size_t i = 0; i < kTaps; ++i) {
            expected += double{weights[i * count + c]} *
                        quant::LoadFloat(type, stored.data(), i * count + c);
          }
          EXPECT_NEAR(out[c], expected, 2e-6) << form->name;
        }
      }
    }
  }
}

}  // namespace
}  // namespace ingot::kernels
