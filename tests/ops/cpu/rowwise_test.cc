// Norms, activations and rotary positions on the CPU kernels against their plain forms in fp32.
#include "ops/cpu/rowwise.h"

#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include <gtest/gtest.h>
#include <mlx/ops.h>
#include <mlx/random.h>
#include <mlx/transforms.h>

#include "ops/activation.h"
#include "ops/attention.h"
#include "ops/cpu/choice.h"
#include "ops/norm.h"
#include "tests/ops/cpu/beside_plain.h"

namespace ingot::ops {
namespace {

Array Random(const mx::Shape& shape, uint64_t seed) {
  return mx::random::normal(shape, mx::float32, 0, 1, mx::random::key(seed));
}

struct Precision {
  mx::Dtype type;
  float step;
};
constexpr float kFloat32Step = 3e-6F;
std::vector<Precision> Precisions() {
  return {{mx::float32, kFloat32Step}, {mx::float16, 2e-3F}, {mx::bfloat16, 1e-2F}};
}

TEST(CpuRowwiseTest, RmsNormMatchesItsPlainFormOnStridedRowsToo) {
  for (const Precision& precision : Precisions()) {
    const Array x = mx::astype(Random({2, 5, 3 * 33}, 1), precision.type);
    const Array heads = SplitHeads(x, 3);
    for (const bool weighted : {false, true}) {
      const std::optional<Array> weight =
          weighted ? std::optional<Array>(Random({33}, 2)) : std::nullopt;
      const Array expected = Plain([&] { return RmsNorm(ToFloat32(heads), weight, 1e-5F); });
      const Array y = RmsNorm(heads, weight, 1e-5F);
      EXPECT_EQ(y.dtype(), precision.type);
      EXPECT_LE(Difference(y, expected), precision.step);
      // The last axis itself in pieces.
      const Array turned = mx::transpose(mx::contiguous(mx::transpose(heads)));
      EXPECT_TRUE(mx::array_equal(RmsNorm(turned, weight, 1e-5F), y).item<bool>());
    }
  }
}

TEST(CpuRowwiseTest, LayerNormMatchesItsPlainFormOnStridedRowsToo) {
  for (const Precision& precision : Precisions()) {
    const Array x = mx::astype(Random({2, 5, 3 * 33}, 4) + Array(2.0F), precision.type);
    const Array heads = SplitHeads(x, 3);
    const Array weight = Random({33}, 5);
    for (const auto& bias : {std::optional<Array>(), std::optional<Array>(Random({33}, 6))}) {
      ASSERT_TRUE(cpu::ServesLayerNorm(heads, weight, bias));
      const Array expected =
          Plain([&] { return LayerNorm(ToFloat32(heads), weight, bias, 1e-5F); });
      const Array y = LayerNorm(heads, weight, bias, 1e-5F);
      EXPECT_EQ(y.dtype(), precision.type);
      EXPECT_LE(Difference(y, expected), precision.step);
      const Array turned = mx::transpose(mx::contiguous(mx::transpose(heads)));
      EXPECT_TRUE(mx::array_equal(LayerNorm(turned, weight, bias, 1e-5F), y).item<bool>());
    }
  }
}

TEST(CpuRowwiseTest, SumsOfNormsMatchTheirPlainForm) {
  for (const Precision& precision : Precisions()) {
    const auto rows = [&](uint64_t seed) {
      return mx::astype(Random({2, 5, 70}, seed), precision.type);
    };
    const auto norm = [&](uint64_t seed) { return NormWeights{Random({70}, seed), 1e-5F}; };
    const std::vector<NormedRows> both = {{rows(21), norm(22)}, {rows(23), norm(24)}};
    for (const size_t count : {size_t{1}, size_t{2}}) {
      const std::span<const NormedRows> parts = std::span(both).first(count);
      for (const bool more : {false, true}) {
        SumSpec spec;
        if (more) {
          spec.norm = norm(25);
          spec.factor = Array({0.75F}, {1});
        }
        ASSERT_TRUE(cpu::ServesSum(rows(26), parts, spec));
        const Array y = AddNormed(rows(26), parts, spec);
        EXPECT_EQ(y.dtype(), precision.type);
        const Array expected = Plain([&] {
          std::vector<NormedRows> wide;
          for (const NormedRows& part : parts) wide.push_back({ToFloat32(part.rows), part.norm});
          return AddNormed(ToFloat32(rows(26)), wide, spec);
        });
        EXPECT_LE(Difference(y, expected), precision.step);
      }
    }
  }
}

TEST(CpuRowwiseTest, GatesMayStandInEveryOtherPlace) {
  for (const Precision& precision : Precisions()) {
    const Array both = mx::astype(Random({1, 5, 3, 2 * 40}, 27), precision.type);
    const Array gate = LastSlice(both, 40, 80);
    const Array x = mx::astype(Random({1, 5, 3, 40}, 28), precision.type);
    ASSERT_TRUE(cpu::ServesGate(x, gate));
    const Array expected = Plain([&] { return SigmoidGated(ToFloat32(x), ToFloat32(gate)); });
    EXPECT_LE(Difference(SigmoidGated(x, gate), expected), precision.step);
  }
}

TEST(CpuRowwiseTest, EveryActivationMatchesItsPlainFormOverItsWholeRange) {
  using Kind = MlpActivation::Kind;
  for (const Kind kind :
       {Kind::kSilu, Kind::kGeluTanh, Kind::kGelu, Kind::kReluSquared, Kind::kClampedSilu}) {
    const MlpActivation activation{.kind = kind};
    for (const Precision& precision : Precisions()) {
      const Array gate = mx::astype(mx::linspace(-30, 30, 9001), precision.type);
      const Array up = mx::astype(Random({9001}, 3), precision.type);
      for (const bool gated : {false, true}) {
        const auto in = [&](bool wide) {
          return gated ? std::optional<Array>(wide ? ToFloat32(gate) : gate) : std::nullopt;
        };
        const Array expected = Plain([&] { return Activate(activation, in(true), ToFloat32(up)); });
        EXPECT_LE(Difference(Activate(activation, in(false), up), expected), precision.step)
            << static_cast<int>(kind) << " gated " << gated;
      }
    }
  }
}

TEST(CpuRowwiseTest, RopeMatchesItsPlainForm) {
  const std::vector<float> wavelengths = {1.0F, 7.0F, 90.0F,
                                          std::numeric_limits<float>::infinity()};
  const std::vector<RopeSpec> specs = {
      {.dims = 16, .base = 10000, .wavelengths = {}},
      {.dims = 16, .interleaved = true, .base = 500, .wavelengths = {}},
      {.dims = 8, .base = 1e6F, .scale = 0.25F, .wavelengths = {}},
      {.dims = 8, .wavelengths = WavelengthArray(wavelengths), .magnitude = 1.3F},
  };
  for (const Precision& precision : Precisions()) {
    const Array x = SplitHeads(mx::astype(Random({2, 9, 3 * 16}, 4), precision.type), 3);
    for (const RopeSpec& spec : specs) {
      const Array expected = Plain([&] { return Rope(ToFloat32(x), spec, 100); });
      EXPECT_LE(Difference(Rope(x, spec, 100), expected), 3 * precision.step)
          << spec.dims << " base " << spec.base;
    }
  }
}

TEST(CpuRowwiseTest, NanStaysInItsRow) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Array x({1.0F, nan, 2.0F, 3.0F}, {2, 2});
  for (const Array& y : {RmsNorm(x, std::nullopt, 1e-5F), Activate({}, std::nullopt, x),
                         Activate({.kind = MlpActivation::Kind::kClampedSilu}, x, x),
                         Activate({.kind = MlpActivation::Kind::kReluSquared}, std::nullopt, x)}) {
    mx::eval(y);
    EXPECT_TRUE(std::isnan(y.data<float>()[1]));
    EXPECT_FALSE(std::isnan(y.data<float>()[2]) || std::isnan(y.data<float>()[3]));
  }
}

}  // namespace
}  // namespace ingot::ops
