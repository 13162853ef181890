// Chains as MLX compiles them for a GPU: traced once and used again for other shapes, without the
// step that writes code.
#include "ops/gpu/compiled.h"

#include <cstring>

#include <gtest/gtest.h>

#include "ops/activation.h"
#include "ops/cpu/choice.h"
#include "ops/gpu/choice.h"

namespace ingot::ops::gpu {
namespace {

std::vector<Array> SiluTimes(const std::vector<Array>& inputs) {
  return {Silu(inputs[0]) * inputs[1] * Scalar(0.5F, inputs[0])};
}

Array Values(const mx::Shape& shape, uint64_t seed) {
  return mx::random::normal(shape, mx::float32, 0, 1, mx::random::key(seed));
}

TEST(ChainTest, GivesTheSameCompiledForEveryShape) {
  const cpu::PlainForms plain;  // the kernels of the CPU are not for graphs that are traced
  mx::set_compile_mode(mx::CompileMode::no_fuse);
  for (const mx::Shape& shape : {mx::Shape{3, 5}, mx::Shape{1, 7}, mx::Shape{2, 4, 6}}) {
    const Array a = Values(shape, 1);
    const Array b = Values(shape, 2);
    const Array own = RunChain(&SiluTimes, {a, b}, /*always=*/true);
    EXPECT_EQ(own.shape(), shape);
    EXPECT_TRUE(mx::array_equal(own, SiluTimes({a, b})[0]).item<bool>());
  }
  mx::set_compile_mode(mx::CompileMode::enabled);
}

TEST(ChainTest, OfActivationsAreTheFormulas) {
  const cpu::PlainForms plain;
  const Array gate = Values({3, 40}, 3);
  const Array up = Values({3, 40}, 4);
  using Kind = MlpActivation::Kind;
  const auto same = [](const Array& a, const Array& b) {
    return mx::allclose(a, b, 1e-6, 1e-6).item<bool>();
  };
  EXPECT_TRUE(same(Activate({.kind = Kind::kSilu}, gate, up), gate * mx::sigmoid(gate) * up));
  EXPECT_TRUE(same(Activate({.kind = Kind::kGeluTanh}, gate, up), GeluTanh(gate) * up));
  EXPECT_TRUE(same(Activate({.kind = Kind::kGelu}, {}, up), Gelu(up)));
  EXPECT_TRUE(same(Activate({.kind = Kind::kReluSquared}, {}, up),
                   mx::square(mx::maximum(up, Array(0.0F)))));
  const Array g = mx::minimum(gate, Array(0.5F));
  EXPECT_TRUE(same(
      Activate({.kind = Kind::kClampedSilu, .limit = 0.5F, .alpha = 1.5F}, gate, up),
      g * mx::sigmoid(g * Array(1.5F)) * (mx::clip(up, Array(-0.5F), Array(0.5F)) + Array(1.0F))));
}

}  // namespace
}  // namespace ingot::ops::gpu
