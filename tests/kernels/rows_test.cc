// What is done to rows between products, in every form that this machine runs, against the same in
// double and against the quantizer's conversions.
#include "kernels/rows.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/form.h"

namespace ingot::kernels {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<const Form*> FormsWithRows() {
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

// Whole vectors, parts of one, and both.
constexpr size_t kCounts[] = {1, 2, 15, 16, 17, 31, 33, 64, 100, 1021};

TEST(KernelRowsTest, NumbersAreStoredAndLoadedAsTheQuantizerDoes) {
  std::vector<float> values = Random(1021, 3, 1);
  const float special[] = {0.0F,    -0.0F,       1e-40F,      3e-8F,     65504.0F,   65520.0F,
                           3.4e38F, 1.00390625F, 1.01171875F, kInfinity, -kInfinity, kNan};
  std::copy(std::begin(special), std::end(special), values.begin() + 3);
  for (const Form* form : FormsWithRows()) {
    for (const FloatType type : {FloatType::kF32, FloatType::kF16, FloatType::kBF16}) {
      const size_t size = quant::SizeOf(type);
      for (const size_t count : kCounts) {
        // Not aligned, and nothing beyond may be touched.
        std::vector<std::byte> stored(count * size + 2, std::byte{0x5a});
        form->rows.store(type, values.data(), stored.data() + 1, count);
        EXPECT_EQ(stored.back(), std::byte{0x5a});
        std::vector<float> loaded(count + 1, 7);
        form->rows.load(type, stored.data() + 1, loaded.data(), count);
        EXPECT_EQ(loaded.back(), 7);
        std::vector<float> sums(values.begin(), values.begin() + static_cast<ptrdiff_t>(count));
        form->rows.add(type, stored.data() + 1, sums.data(), count);
        for (size_t i = 0; i < count; ++i) {
          std::byte expected[4] = {};
          quant::StoreFloat(type, values[i], expected, 0);
          const float back = quant::LoadFloat(type, expected, 0);
          if (std::isnan(values[i])) {
            EXPECT_TRUE(std::isnan(loaded[i]) && std::isnan(sums[i])) << form->name;
            continue;
          }
          EXPECT_EQ(std::bit_cast<uint32_t>(loaded[i]), std::bit_cast<uint32_t>(back))
              << form->name << " " << values[i];
          const float sum = values[i] + back;
          EXPECT_TRUE(sums[i] == sum || (std::isnan(sum) && std::isnan(sums[i])));
        }
      }
    }
  }
}

TEST(KernelRowsTest, NormsMatchDoubleAndAreTheSameInEveryForm) {
  for (const size_t count : kCounts) {
    const std::vector<float> row = Random(count, 2, 2);
    const std::vector<float> factors = Random(count, 1, 3);
    double squares = 0;
    for (const float x : row) squares += double{x} * x;
    const double inverse = 1 / std::sqrt(squares / static_cast<double>(count) + 1e-6);
    std::vector<float> first;
    for (const Form* form : FormsWithRows()) {
      std::vector<float> y = row;
      form->rows.norm({.factors = factors.data(), .eps = 1e-6F, .row = y.data(), .count = count});
      for (size_t i = 0; i < count; ++i) {
        const double expected = row[i] * inverse * factors[i];
        EXPECT_NEAR(y[i], expected, 1e-6 * std::abs(expected)) << form->name;
      }
      if (first.empty()) first = y;
      EXPECT_EQ(y, first) << form->name;
    }
  }
}

TEST(KernelRowsTest, TheExactGeluIsAsNearAsItsErrorFunction) {
  std::vector<float> gate;
  for (int i = 0; static_cast<float>(i) * 0.037F < 2 * 30; ++i) {
    gate.push_back(static_cast<float>(i) * 0.037F - 30);
  }
  gate.push_back(kNan);
  const std::vector<float> up = Random(gate.size(), 4, 6);
  for (const Form* form : FormsWithRows()) {
    for (const bool gated : {false, true}) {
      std::vector<float> out(gate.size());
      form->rows.bend({.kind = BendKind::kGelu,
                       .gate = gated ? gate.data() : nullptr,
                       .up = gated ? up.data() : gate.data(),
                       .out = out.data(),
                       .count = out.size()});
      for (size_t i = 0; i + 1 < gate.size(); ++i) {
        const double x = double{gate[i]};
        const double times = gated ? double{up[i]} : 1;
        const double expected = 0.5 * x * std::erfc(-x / std::sqrt(2.0)) * times;
        EXPECT_NEAR(out[i], expected, 3e-7 * std::abs(x * times)) << form->name << " of " << x;
      }
      EXPECT_TRUE(std::isnan(out.back())) << form->name;
    }
  }
}

TEST(KernelRowsTest, SoftcapsStayWithinTheirLimit) {
  std::vector<float> row;
  for (int i = 0; static_cast<float>(i) * 0.73F < 2 * 400; ++i) {
    row.push_back(static_cast<float>(i) * 0.73F - 400);
  }
  row.push_back(kNan);
  for (const Form* form : FormsWithRows()) {
    std::vector<float> out(row.size());
    form->rows.bend({.kind = BendKind::kSoftcap,
                     .gate = nullptr,
                     .up = row.data(),
                     .out = out.data(),
                     .count = out.size(),
                     .limit = 30});
    for (size_t i = 0; i + 1 < row.size(); ++i) {
      EXPECT_NEAR(out[i], 30 * std::tanh(double{row[i]} / 30), 30 * 3e-7) << form->name;
    }
    EXPECT_TRUE(std::isnan(out.back())) << form->name;
  }
}

TEST(KernelRowsTest, LayerNormsMatchDoubleAndAreTheSameInEveryForm) {
  for (const size_t count : kCounts) {
    for (const float mean : {0.0F, 300.0F}) {
      std::vector<float> row = Random(count, 2, 2);
      for (float& x : row) x += mean;
      const std::vector<float> factors = Random(count, 1, 3);
      const std::vector<float> shifts = Random(count, 1, 4);
      double sum = 0;
      for (const float x : row) sum += double{x};
      const double middle = sum / static_cast<double>(count);
      double squares = 0;
      for (const float x : row) squares += (double{x} - middle) * (double{x} - middle);
      const double inverse = 1 / std::sqrt(squares / static_cast<double>(count) + 1e-5);
      for (const bool shifted : {false, true}) {
        std::vector<float> first;
        for (const Form* form : FormsWithRows()) {
          std::vector<float> y = row;
          form->rows.centre({.factors = factors.data(),
                             .shifts = shifted ? shifts.data() : nullptr,
                             .eps = 1e-5F,
                             .row = y.data(),
                             .count = count});
          for (size_t i = 0; i < count; ++i) {
            const double x = (double{row[i]} - middle) * inverse * factors[i];
            // The mean is rounded, as all that is near it.
            const double step = 2e-6 * (std::abs(x) + (1 + double{mean}) * inverse);
            EXPECT_NEAR(y[i], x + (shifted ? shifts[i] : 0), step + 1e-6) << form->name;
          }
          if (first.empty()) first = y;
          EXPECT_EQ(y, first) << form->name;
        }
      }
    }
  }
}

TEST(KernelRowsTest, LogitsAreTidiedAndWeighed) {
  for (const size_t count : kCounts) {
    std::vector<float> row = Random(count, 3, 5);
    for (size_t i = 0; i < count; i += 5) row[i] = i % 2 == 0 ? kNan : -kInfinity;
    float most = -kInfinity;
    for (const float x : row) most = x > most ? x : most;
    for (const Form* form : FormsWithRows()) {
      std::vector<float> x = row;
      x.push_back(99);
      EXPECT_EQ(form->rows.tidy(x.data(), count), most) << form->name;
      EXPECT_EQ(x.back(), 99);
      for (size_t i = 0; i < count; ++i) {
        EXPECT_EQ(x[i], std::isnan(row[i]) ? -kInfinity : row[i]) << form->name;
      }
      if (most == -kInfinity) continue;
      for (const float least : {0.0F, 0.05F}) {
        std::vector<float> weights(count + 1, 7);
        const double sum = form->rows.weigh({.row = x.data(),
                                             .weights = weights.data(),
                                             .count = count,
                                             .largest = most,
                                             .temperature = 0.7F,
                                             .least = least});
        EXPECT_EQ(weights.back(), 7);
        double expected = 0;
        for (size_t i = 0; i < count; ++i) {
          double weight = std::exp((double{x[i]} - double{most}) / double{0.7F});
          if (weight < double{least}) weight = 0;
          EXPECT_NEAR(weights[i], weight, 2e-6 * weight + 1e-37) << form->name;
          expected += weight;
        }
        EXPECT_NEAR(sum, expected, 1e-6 * expected) << form->name;
      }
    }
  }
}

double BendOne(BendKind kind, double x) {
  switch (kind) {
    case BendKind::kReluSquared:
      return x > 0 ? x * x : 0;
    case BendKind::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case BendKind::kGeluTanh:
      // (1 + tanh u) / 2, without taking nearly equal numbers from each other.
      return x / (1 + std::exp(-2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    default:
      return x / (1 + std::exp(-x));
  }
}

double Bent(const BendRun& run, size_t i) {
  if (run.gate == nullptr) return BendOne(run.kind, run.up[i]);
  if (run.kind != BendKind::kClampedSilu) return BendOne(run.kind, run.gate[i]) * run.up[i];
  const double g = std::min(run.gate[i], run.limit);
  const double u = std::clamp(run.up[i], -run.limit, run.limit);
  return g / (1 + std::exp(-run.alpha * g)) * (u + 1);
}

TEST(KernelRowsTest, ActivationsMatchDoubleOverTheirWholeRange) {
  std::vector<float> gate;
  for (int i = 0; static_cast<float>(i) * 0.37F < 2 * 120; ++i) {
    gate.push_back(static_cast<float>(i) * 0.37F - 120);
  }
  const std::vector<float> up = Random(gate.size(), 4, 4);
  for (const Form* form : FormsWithRows()) {
    for (const BendKind kind : {BendKind::kSilu, BendKind::kGeluTanh, BendKind::kReluSquared,
                                BendKind::kSigmoid, BendKind::kClampedSilu}) {
      for (const bool gated : {false, true}) {
        for (const size_t count : {size_t{1}, size_t{19}, gate.size()}) {
          std::vector<float> out(count + 1, 7);
          const BendRun run{.kind = kind,
                            .gate = gated ? gate.data() : nullptr,
                            .up = gated ? up.data() : gate.data(),
                            .out = out.data(),
                            .count = count,
                            .limit = 7,
                            .alpha = 1.702F};
          form->rows.bend(run);
          EXPECT_EQ(out.back(), 7);
          for (size_t i = 0; i < count; ++i) {
            const double expected = Bent(run, i);
            // An exponent of 80 is known to 1e-5. Where e^-x is beyond what is told apart, results
            // are as good as zero.
            const double step = kind == BendKind::kGeluTanh ? 2e-5 : 2e-6;
            EXPECT_NEAR(out[i], expected, step * std::abs(expected) + 1e-30)
                << form->name << " " << static_cast<int>(kind) << " of " << gate[i];
          }
        }
      }
    }
  }
}

TEST(KernelRowsTest, NanPassesThroughActivationsAndInfinityDoesNotBecomeNan) {
  const std::vector<float> gate = {kNan, kInfinity, -1e30F, 1};
  const std::vector<float> up(gate.size(), 2);
  for (const Form* form : FormsWithRows()) {
    for (const BendKind kind : {BendKind::kSilu, BendKind::kReluSquared, BendKind::kClampedSilu}) {
      std::vector<float> out(gate.size());
      form->rows.bend({.kind = kind,
                       .gate = gate.data(),
                       .up = up.data(),
                       .out = out.data(),
                       .count = out.size(),
                       .limit = 7,
                       .alpha = 1});
      EXPECT_TRUE(std::isnan(out[0])) << form->name;
      EXPECT_FALSE(std::isnan(out[1]) || std::isnan(out[2]) || std::isnan(out[3])) << form->name;
    }
  }
}

}  // namespace
}  // namespace ingot::kernels
