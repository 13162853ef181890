// A mixture on the CPU kernels against sums over experts taken one by one in fp32.
#include "ops/experts.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <mlx/ops.h>
#include <mlx/random.h>
#include <mlx/transforms.h>

#include "ops/cpu/choice.h"
#include "tests/ops/cpu/beside_plain.h"

namespace ingot::ops {
namespace {

constexpr int kExperts = 7;
constexpr int kHidden = 96;
constexpr int kInner = 64;

Array Random(const mx::Shape& shape, uint64_t seed) {
  return mx::astype(mx::random::normal(shape, mx::float32, 0, 0.5, mx::random::key(seed)),
                    mx::bfloat16);
}

Weight Quantized(const Array& weight, quant::Format format) {
  const std::vector<Array> parts = mx::quantize(weight, format.group_size, format.bits,
                                                std::string(quant::InfoOf(format.mode).name));
  QuantizedTensor tensor{parts[0], parts[1], {}, {}, format};
  if (parts.size() > 2) tensor.biases = parts[2];
  return tensor;
}

// Every expert for every row in fp32, then those that were chosen.
Array Plain(const ExpertMlp& mlp, const Array& x, const Routing& routing) {
  const auto project = [](const ExpertStack& stack, const Array& rows) {
    Array y = mx::matmul(rows, mx::swapaxes(AsDense(stack.weight, mx::float32), -1, -2));
    return stack.bias ? y + mx::expand_dims(ToFloat32(*stack.bias), 1) : y;
  };
  const Array rows = mx::expand_dims(ToFloat32(x), 0);  // [1, N, H], for [E, N, …]
  Array up = project(mlp.up, rows);
  std::optional<Array> gate;
  if (mlp.gate) gate = project(*mlp.gate, rows);
  const int width = up.shape(-1);
  if (mlp.form == GateUp::kJoined) {
    gate = LastSlice(up, 0, width / 2);
    up = LastSlice(up, width / 2, width);
  } else if (mlp.form == GateUp::kInTurn) {
    const Array pairs = mx::reshape(up, {up.shape(0), up.shape(1), width / 2, 2});
    gate = mx::squeeze(LastSlice(pairs, 0, 1), -1);
    up = mx::squeeze(LastSlice(pairs, 1, 2), -1);
  }
  const Array all = project(mlp.down, Activate(mlp.activation, gate, up));  // [E, N, H]
  const Array shares = mx::put_along_axis(mx::zeros({x.shape(0), kExperts}, mx::float32),
                                          routing.experts, routing.weights, 1);
  return mx::sum(all * mx::expand_dims(mx::transpose(shares), -1), 0);
}

Routing RandomRouting(int rows, int chosen, uint64_t seed) {
  const Array scores =
      mx::random::normal({rows, kExperts}, mx::float32, 0, 1, mx::random::key(seed));
  const Array experts = LastSlice(mx::argsort(scores, -1), 0, chosen);
  return {mx::astype(experts, mx::uint32), mx::softmax(LastSlice(scores, 0, chosen), -1)};
}

std::vector<ExpertMlp> Mixtures() {
  const Array gate = Random({kExperts, kInner, kHidden}, 1);
  const Array up = Random({kExperts, kInner, kHidden}, 2);
  const Array joined = Random({kExperts, 2 * kInner, kHidden}, 3);
  const Array down = Random({kExperts, kHidden, kInner}, 4);
  using Kind = MlpActivation::Kind;
  constexpr quant::Format kInt4 = {quant::Mode::kAffine, 4, 32};
  constexpr quant::Format kMxfp4 = {quant::Mode::kMxfp4, 4, 32};
  constexpr quant::Format kNvfp4 = {quant::Mode::kNvfp4, 4, 16};
  return {
      {.gate = ExpertStack{gate, {}}, .up = {up, {}}, .down = {down, {}}, .activation = {}},
      {.gate = ExpertStack{Quantized(gate, kInt4), {}},
       .up = {Quantized(up, kInt4), {}},
       .down = {Quantized(down, kNvfp4), {}},
       .activation = {.kind = Kind::kGeluTanh}},
      {.gate = {},
       .up = {Quantized(joined, kMxfp4), Random({kExperts, 2 * kInner}, 5)},
       .down = {Quantized(down, kMxfp4), Random({kExperts, kHidden}, 6)},
       .form = GateUp::kInTurn,
       .activation = {.kind = Kind::kClampedSilu}},
      {.gate = {},
       .up = {joined, {}},
       .down = {mx::swapaxes(Random({kExperts, kInner, kHidden}, 7), 1, 2), {}},
       .form = GateUp::kJoined,
       .activation = {.kind = Kind::kGelu}},
      {.gate = {}, .up = {up, {}}, .down = {down, {}}, .activation = {.kind = Kind::kReluSquared}},
  };
}

TEST(CpuExpertsTest, EveryFormOfMixtureMatchesExpertsTakenOneByOne) {
  const std::vector<ExpertMlp> mixtures = Mixtures();
  for (const int rows : {1, 5, 90}) {
    for (size_t i = 0; i < mixtures.size(); ++i) {
      const Routing routing = RandomRouting(rows, 3, 10 + i);
      const Array x = Random({rows, kHidden}, 20);
      const Array wide = ToFloat32(x);
      EXPECT_LE(
          Difference(ApplyExperts(mixtures[i], wide, routing), Plain(mixtures[i], wide, routing)),
          3e-6F)
          << i << " rows " << rows;
      const Array y = ApplyExperts(mixtures[i], x, routing);
      EXPECT_EQ(y.dtype(), mx::bfloat16);
      EXPECT_LE(Difference(y, Plain(mixtures[i], x, routing)), 1.2e-2F) << i << " rows " << rows;
    }
  }
}

TEST(CpuExpertsTest, AnExpertsOwnGlobalScaleIsUsed) {
  ExpertMlp mlp = Mixtures()[1];
  auto& down = std::get<QuantizedTensor>(mlp.down.weight);
  down.global_scale = mx::arange(1.0, kExperts + 1.0, mx::float32);
  const Routing routing = RandomRouting(4, 2, 30);
  const Array x = ToFloat32(Random({4, kHidden}, 31));
  EXPECT_LE(Difference(ApplyExperts(mlp, x, routing), Plain(mlp, x, routing)), 3e-6F);
}

TEST(CpuExpertsTest, NoRowsGiveNoRows) {
  const Array y = ApplyExperts(Mixtures()[0], mx::zeros({0, kHidden}, mx::float32),
                               {mx::zeros({0, 2}, mx::uint32), mx::zeros({0, 2}, mx::float32)});
  mx::eval(y);
  EXPECT_EQ(y.shape(), (mx::Shape{0, kHidden}));
}

}  // namespace
}  // namespace ingot::ops
