// Runs the text of every GPU kernel, as it is spelled for CUDA, on the CPU, and holds it against
// the plain form.
#include <cmath>
#include <cstring>
#include <limits>

#include <gtest/gtest.h>

#include "ops/gpu/router.h"
#include "ops/gpu/sample.h"
#include "ops/router.h"
#include "ops/sample.h"
#include "tests/ops/gpu/cases.h"
#include "tests/ops/gpu/emulator.h"

namespace ingot::testing {
namespace {

namespace mx = ops::mx;
using ops::Array;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> Read(const Array& array) {
  const Array wide = mx::contiguous(ops::ToFloat32(array));
  mx::eval(wide);
  return {wide.data<float>(), wide.data<float>() + wide.size()};
}

void ExpectNear(const Array& own, const Array& plain, double tolerance) {
  ASSERT_EQ(own.shape(), plain.shape());
  ASSERT_EQ(own.dtype(), plain.dtype());
  const std::vector<float> a = Read(own);
  const std::vector<float> b = Read(plain);
  double largest = 0;
  for (const float value : b) largest = std::max<double>(largest, std::abs(value));
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double error = std::abs(double{a[i]} - double{b[i]});
    worst = std::isnan(error) ? kInfinity : std::max(worst, error);
  }
  EXPECT_LE(worst, tolerance * largest);
}

class GpuKernelTest : public ::testing::TestWithParam<const char*> {};

TEST_P(GpuKernelTest, AgreesWithItsPlainForm) {
  int cases = 0;
  for (const KernelCase& test : AllKernelCases()) {
    if (test.kernel != GetParam()) continue;
    SCOPED_TRACE(test.name);
    const std::vector<Array> own = test.own(LaunchEmulated);
    const std::vector<Array> plain = test.plain();
    ASSERT_EQ(own.size(), plain.size());
    for (size_t i = 0; i < own.size(); ++i) {
      SCOPED_TRACE(i);
      // Only what a kernel gives in a half has that half's last bit to lose.
      const bool wide = plain[i].dtype() == mx::float32;
      ExpectNear(own[i], plain[i], wide ? std::min(test.tolerance, 1e-4) : test.tolerance);
    }
    ++cases;
  }
  EXPECT_GT(cases, 0);
}

INSTANTIATE_TEST_SUITE_P(All, GpuKernelTest,
                         ::testing::Values("GatedDelta", "CausalConv", "SelectiveScan",
                                           "WideAttention", "Router", "Draw"),
                         [](const auto& param) { return std::string(param.param); });

TEST(GpuRouterTest, ChoosesDifferentExpertsWhateverTheLogits) {
  const ops::RouterSpec spec{.chosen = 4};
  for (const float logit : {0.0F, -kInfinity, std::numeric_limits<float>::quiet_NaN()}) {
    const Array logits = mx::full({3, 60}, logit, mx::float32);
    const ops::Routing routing = ops::gpu::Route(LaunchEmulated, logits, spec);
    EXPECT_EQ(Read(routing.experts), (std::vector<float>{0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3}))
        << logit;
  }
}

TEST(GpuDrawTest, NeverDrawsWhatIsNotANumberOrNotThere) {
  std::vector<float> logits(1000, std::numeric_limits<float>::quiet_NaN());
  logits[17] = 2;
  logits[400] = -kInfinity;
  const Array some(logits.data(), {1000}, mx::float32);
  for (const float number : {0.0F, 0.5F, 0.99999994F}) {
    const ops::DrawSpec spec{.number = number};
    EXPECT_EQ(Read(ops::gpu::Draw(LaunchEmulated, some, spec)), std::vector<float>{17});
    EXPECT_EQ(Read(ops::Draw(some, spec)), std::vector<float>{17});
  }
  const Array none = mx::full({1000}, std::numeric_limits<float>::quiet_NaN(), mx::float32);
  EXPECT_EQ(Read(ops::gpu::Draw(LaunchEmulated, none, {})), std::vector<float>{0});
}

TEST(GpuDrawTest, DrawsAsOftenAsTheWeightsSay) {
  // Three tokens of weights 1, 2 and 5, far apart.
  std::vector<float> logits(1000, -kInfinity);
  logits[3] = 0;
  logits[500] = std::log(2.0F);
  logits[999] = std::log(5.0F);
  const Array some(logits.data(), {1000}, mx::float32);
  std::vector<int> counts(1000, 0);
  constexpr int kDraws = 16;
  for (int i = 0; i < kDraws; ++i) {
    const float number = (static_cast<float>(i) + 0.5F) / kDraws;
    const Array token = ops::gpu::Draw(LaunchEmulated, some, {.number = number});
    ++counts[static_cast<size_t>(Read(token)[0])];
  }
  EXPECT_EQ(counts[3], 2);
  EXPECT_EQ(counts[500], 4);
  EXPECT_EQ(counts[999], 10);
}

}  // namespace
}  // namespace ingot::testing
