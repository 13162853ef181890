// The fused operations on the CPU kernels against what they are put together from, in fp32.
#include "ops/fused.h"

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <mlx/ops.h>
#include <mlx/random.h>
#include <mlx/transforms.h>

#include "ops/cpu/choice.h"
#include "ops/cpu/fused.h"
#include "ops/norm.h"
#include "tests/ops/cpu/beside_plain.h"

namespace ingot::ops {
namespace {

constexpr int kHidden = 192;
constexpr int kInner = 320;

Array Random(const mx::Shape& shape, uint64_t seed) {
  return mx::random::normal(shape, mx::float32, 0, 0.5, mx::random::key(seed));
}

Linear Wide(const Linear& linear) {
  Linear wide{AsDense(linear.weight, mx::float32), {}};
  if (linear.bias) wide.bias = ToFloat32(*linear.bias);
  return wide;
}

// Of these shapes, in every kind of storage; the first has a bias.
std::vector<Linear> Linears(int outputs, int inputs, uint64_t seed) {
  const Array weight = Random({outputs, inputs}, seed);
  return {{mx::astype(weight, mx::bfloat16), mx::astype(Random({outputs}, seed + 1), mx::bfloat16)},
          Quantized(weight, quant::Mode::kAffine, 4, 64),
          Quantized(weight, quant::Mode::kAffine, 8, 32),
          Quantized(weight, quant::Mode::kNvfp4, 4, 16),
          Quantized(weight, quant::Mode::kMxfp8, 8, 32)};
}

struct Precision {
  mx::Dtype type;
  float step;
};
constexpr std::array kPrecisions = {Precision{mx::float32, 6e-6F}, Precision{mx::bfloat16, 2e-2F}};

TEST(CpuFusedTest, SeveralProductsOfOneNormMatchTheirPlainForms) {
  const std::vector<Linear> linears = Linears(72, kHidden, 1);
  std::vector<const Linear*> all;
  for (const Linear& linear : linears) all.push_back(&linear);
  const Array weight = Random({kHidden}, 3);
  for (const Precision& precision : kPrecisions) {
    for (const int rows : {1, 5, 33}) {
      const Array x = mx::astype(Random({2, rows, kHidden}, 4), precision.type);
      for (const bool normed : {false, true}) {
        const auto norm = normed ? std::optional(NormWeights{weight, 1e-5F}) : std::nullopt;
        ASSERT_TRUE(cpu::ServesEach(all, x, norm));
        const std::vector<Array> made = ApplyEach(all, x, norm);
        for (size_t i = 0; i < linears.size(); ++i) {
          const Array expected = Plain([&] {
            const Array in = normed ? RmsNorm(ToFloat32(x), weight, 1e-5F) : ToFloat32(x);
            return Apply(Wide(linears[i]), in);
          });
          EXPECT_EQ(made[i].dtype(), precision.type);
          EXPECT_LE(Difference(made[i], expected), precision.step) << i << " rows " << rows;
        }
      }
    }
  }
}

TEST(CpuFusedTest, AProductIsAddedOntoRowsThatMayBeStrided) {
  for (const Precision& precision : kPrecisions) {
    const Array base = mx::astype(Random({72, 3}, 5), precision.type);
    const Array addend = mx::transpose(base);
    const Array x = mx::astype(Random({3, kHidden}, 6), precision.type);
    for (const Linear& linear : Linears(72, kHidden, 7)) {
      ASSERT_TRUE(cpu::ServesOnto(addend, linear, x));
      const Array expected =
          Plain([&] { return ApplyOnto(ToFloat32(addend), Wide(linear), ToFloat32(x)); });
      EXPECT_LE(Difference(ApplyOnto(addend, linear, x), expected), precision.step);
    }
  }
}

TEST(CpuFusedTest, AnMlpOfEveryActivationMatchesItsPlainForm) {
  using Kind = MlpActivation::Kind;
  const std::vector<Linear> gates = Linears(kInner, kHidden, 8);
  const std::vector<Linear> ups = Linears(kInner, kHidden, 9);
  const std::vector<Linear> downs = Linears(kHidden, kInner, 10);
  const NormWeights norm{Random({kHidden}, 11), 1e-6F};
  for (const Precision& precision : kPrecisions) {
    for (const Kind kind : {Kind::kSilu, Kind::kGeluTanh, Kind::kReluSquared, Kind::kClampedSilu}) {
      const size_t i = static_cast<size_t>(kind) % gates.size();
      const bool gated = kind != Kind::kReluSquared;
      const Linear gate = Wide(gates[i]);
      const Linear up = Wide(ups[i]);
      const Linear down = Wide(downs[i]);
      const MlpActivation activation{.kind = kind};
      const MlpWeights stored{gated ? &gates[i] : nullptr, &ups[i], &downs[i], activation};
      const MlpWeights wide{gated ? &gate : nullptr, &up, &down, activation};
      for (const int rows : {1, 20}) {
        const Array x = mx::astype(Random({rows, kHidden}, 12), precision.type);
        ASSERT_TRUE(cpu::ServesMlp(stored, x, norm));
        EXPECT_LE(
            Difference(ApplyMlp(stored, x), Plain([&] { return ApplyMlp(wide, ToFloat32(x)); })),
            precision.step);
        EXPECT_LE(Difference(ApplyMlpOnto(stored, x, norm),
                             Plain([&] { return ApplyMlpOnto(wide, ToFloat32(x), norm); })),
                  precision.step);
      }
    }
  }
}

TEST(CpuFusedTest, GatesStoredOtherwiseThanTheRestGoTheirOwnWay) {
  const std::vector<Linear> gates = Linears(kInner, kHidden, 13);
  const std::vector<Linear> downs = Linears(kHidden, kInner, 14);
  const MlpWeights mixed{&gates[1], &gates[2], &downs[1], {}};
  const Array x = mx::astype(Random({2, kHidden}, 15), mx::bfloat16);
  EXPECT_FALSE(cpu::ServesMlp(mixed, x, std::nullopt));
  const Linear gate = Wide(gates[1]);
  const Linear up = Wide(gates[2]);
  const Linear down = Wide(downs[1]);
  EXPECT_LE(Difference(ApplyMlp(mixed, x), Plain([&] {
                         return ApplyMlp({&gate, &up, &down, {}}, ToFloat32(x));
                       })),
            2e-2F);
}

}  // namespace
}  // namespace ingot::ops
