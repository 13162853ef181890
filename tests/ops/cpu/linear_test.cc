// Linear on the CPU kernels against its plain form in fp32.
#include "ops/linear.h"

#include <gtest/gtest.h>
#include <mlx/ops.h>
#include <mlx/random.h>
#include <mlx/transforms.h>

#include "ops/cpu/choice.h"
#include "tests/ops/cpu/beside_plain.h"

namespace ingot::ops {
namespace {

// What a Linear of this weight gives in fp32 by MLX's own operations.
Array Plain(const Linear& linear, const Array& x) {
  Array y = mx::matmul(ToFloat32(x), mx::transpose(AsDense(linear.weight, mx::float32)));
  if (linear.bias) y = y + ToFloat32(*linear.bias);
  return y;
}

Array Random(const mx::Shape& shape, mx::Dtype type, uint64_t seed) {
  return mx::astype(mx::random::normal(shape, mx::float32, 0, 1, mx::random::key(seed)), type);
}

TEST(CpuLinearTest, QuantizedAndDenseWeightsMatchThePlainForm) {
  const Array weight = Random({72, 256}, mx::bfloat16, 1);
  const std::vector<Linear> linears = {
      {weight, Random({72}, mx::bfloat16, 2)},
      {ToFloat32(weight), {}},
      {mx::astype(weight, mx::float16), {}},
      Quantized(weight, quant::Mode::kAffine, 4, 64),
      Quantized(weight, quant::Mode::kAffine, 8, 32),
      Quantized(weight, quant::Mode::kAffine, 3, 128),
      Quantized(weight, quant::Mode::kNvfp4, 4, 16),
      Quantized(weight, quant::Mode::kMxfp4, 4, 32),
      Quantized(weight, quant::Mode::kMxfp8, 8, 32),
  };
  struct Precision {
    mx::Dtype type;
    float step;
  };
  for (const Precision& precision : {Precision{mx::float32, 2e-6F}, Precision{mx::float16, 1e-3F},
                                     Precision{mx::bfloat16, 5e-3F}}) {
    for (const int rows : {1, 3, 40}) {
      const Array x = Random({2, rows, 256}, precision.type, 3);
      for (size_t i = 0; i < linears.size(); ++i) {
        const Array y = Apply(linears[i], x);
        EXPECT_EQ(y.dtype(), precision.type);
        ASSERT_EQ(y.shape(), (mx::Shape{2, rows, 72}));
        EXPECT_LE(Difference(y, Plain(linears[i], x)), precision.step) << i << " rows " << rows;
      }
    }
  }
}

TEST(CpuLinearTest, AGlobalScaleMultipliesBeforeTheResultIsRounded) {
  Linear linear = Quantized(Random({32, 64}, mx::bfloat16, 4), quant::Mode::kNvfp4, 4, 16);
  std::get<QuantizedTensor>(linear.weight).global_scale = Array({1.0e-4F});
  const Array x = Random({1, 64}, mx::bfloat16, 5);
  EXPECT_LE(Difference(Apply(linear, x), Plain(linear, x)), 5e-3F);
}

TEST(CpuLinearTest, StridedActivationsAndWeightsGiveWhatTheirCopiesGive) {
  const Array base = Random({64, 5, 3}, mx::float32, 6);
  const Array turned = mx::transpose(base, {2, 1, 0});  // rows with gaps between elements
  const Array weight = Random({64, 24}, mx::float32, 7);
  const Linear linear{mx::transpose(weight), {}};
  EXPECT_TRUE(
      mx::array_equal(Apply(linear, turned),
                      Apply({mx::contiguous(mx::transpose(weight)), {}}, mx::contiguous(turned)))
          .item<bool>());
  EXPECT_LE(Difference(Apply(linear, turned), Plain(linear, turned)), 2e-6F);
}

TEST(CpuLinearTest, NoRowsGiveNoRows) {
  const Linear linear{Random({8, 64}, mx::float32, 8), {}};
  const Array y = Apply(linear, mx::zeros({2, 0, 64}, mx::float32));
  mx::eval(y);
  EXPECT_EQ(y.shape(), (mx::Shape{2, 0, 8}));
}

TEST(CpuLinearTest, PlainFormsAreUsedWhenAskedFor) {
  EXPECT_TRUE(cpu::KernelsInUse());
  {
    const cpu::PlainForms plain;
    EXPECT_FALSE(cpu::KernelsInUse());
  }
  EXPECT_TRUE(cpu::KernelsInUse());
}

}  // namespace
}  // namespace ingot::ops
