// What latent attention is made of on the CPU kernels, against its plain forms in fp32.
#include "ops/latent.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <mlx/ops.h>
#include <mlx/random.h>
#include <mlx/transforms.h>

#include "ops/cpu/choice.h"
#include "ops/cpu/latent.h"
#include "tests/ops/cpu/beside_plain.h"

namespace ingot::ops {
namespace {

constexpr int kHeads = 3;

Array Random(const mx::Shape& shape, uint64_t seed) {
  return mx::random::normal(shape, mx::float32, 0, 0.5, mx::random::key(seed));
}

struct Precision {
  mx::Dtype type;
  float step;
};
const std::vector<Precision> kPrecisions = {{mx::float32, 6e-6F}, {mx::bfloat16, 2e-2F}};

TEST(CpuLatentTest, RowsAreNormedInFrontAndTurnedAtTheEnd) {
  constexpr int kWidth = 52;
  for (const Precision& precision : kPrecisions) {
    for (const int dims : {16, kWidth}) {
      for (const bool interleaved : {false, true}) {
        for (const int steps : {1, 7}) {
          const RopeSpec rope{.dims = dims, .interleaved = interleaved, .base = 10000};
          // Heads that lie between each other, as a projection leaves them.
          const Array x =
              mx::swapaxes(mx::astype(Random({2, steps, kHeads, kWidth}, 1), precision.type), 1, 2);
          std::optional<NormWeights> norm;
          if (dims < kWidth) norm = NormWeights{Random({kWidth - dims}, 2), 1e-6F};
          for (const auto& with : {norm, std::optional<NormWeights>()}) {
            ASSERT_TRUE(cpu::ServesNormAndTurn(x, with, rope));
            const Array y = NormAndTurn(x, with, rope, 11);
            EXPECT_EQ(y.dtype(), precision.type);
            const Array expected = Plain([&] { return NormAndTurn(ToFloat32(x), with, rope, 11); });
            EXPECT_LE(Difference(y, expected), precision.step) << dims << " steps " << steps;
          }
        }
      }
    }
  }
}

TEST(CpuLatentTest, EveryHeadMeetsItsOwnMatrixAndKeepsItsTail) {
  constexpr int kInputs = 64;
  constexpr int kOutputs = 40;
  const Array dense = Random({kHeads, kOutputs, kInputs}, 3);
  const std::vector<Weight> stacks = {mx::astype(dense, mx::bfloat16),
                                      QuantizedAs(dense, quant::Mode::kAffine, 4, 64),
                                      QuantizedAs(dense, quant::Mode::kNvfp4, 4, 16)};
  for (const Precision& precision : kPrecisions) {
    for (const Weight& stack : stacks) {
      for (const int steps : {1, 5, 60}) {
        for (const int heads : {1, kHeads}) {
          const Array x = LastSlice(
              mx::astype(Random({2, heads, steps, kInputs + 8}, 4), precision.type), 0, kInputs);
          const Array tail = mx::astype(Random({2, 1, steps, 10}, 5), precision.type);
          for (const auto& with : {std::optional<Array>(), std::optional<Array>(tail)}) {
            ASSERT_TRUE(cpu::ServesHeads(stack, x, with));
            const Array y = ApplyHeads(stack, x, with);
            EXPECT_EQ(y.shape(), (mx::Shape{2, kHeads, steps, kOutputs + (with ? 10 : 0)}));
            const Array expected = Plain([&] {
              std::optional<Array> wide;
              if (with) wide = ToFloat32(*with);
              return ApplyHeads(AsDense(stack, mx::float32), ToFloat32(x), wide);
            });
            EXPECT_LE(Difference(y, expected), precision.step) << "steps " << steps;
          }
        }
      }
    }
  }
}

TEST(CpuLatentTest, SomeOutputsOfAStackAreThoseOfItsNumbers) {
  const Array dense = mx::astype(Random({kHeads, 40, 64}, 6), mx::bfloat16);
  for (const Weight& stack :
       std::vector<Weight>{dense, QuantizedAs(dense, quant::Mode::kAffine, 8, 32),
                           QuantizedAs(dense, quant::Mode::kMxfp4, 4, 32)}) {
    const Array part = AsDense(StackOutputs(stack, 8, 30), mx::float32);
    const Array whole = AsDense(stack, mx::float32);
    const Array expected = mx::slice(whole, {0, 8, 0}, {kHeads, 30, 64});
    EXPECT_TRUE(mx::array_equal(part, expected).item<bool>());
  }
}

TEST(CpuLatentTest, NoRowsGiveNoRows) {
  const Array stack = Random({kHeads, 8, 64}, 7);
  const Array y = ApplyHeads(stack, mx::zeros({1, kHeads, 0, 64}));
  mx::eval(y);
  EXPECT_EQ(y.shape(), (mx::Shape{1, kHeads, 0, 8}));
}

}  // namespace
}  // namespace ingot::ops
