// The recurrent layers' operations on the CPU kernels against their plain forms.
#include "ops/cpu/recurrent.h"

#include <vector>

#include <gtest/gtest.h>
#include <mlx/ops.h>
#include <mlx/random.h>
#include <mlx/transforms.h>

#include "core/thread_pool.h"
#include "ops/activation.h"
#include "ops/cpu/choice.h"
#include "ops/cpu/delta_layer.h"
#include "ops/norm.h"

namespace ingot::ops {
namespace {

Array Random(const mx::Shape& shape, uint64_t seed, float spread = 1) {
  return mx::random::normal(shape, mx::float32, 0, spread, mx::random::key(seed));
}

float Difference(const Array& a, const Array& b) {
  return (mx::max(mx::abs(ToFloat32(a) - ToFloat32(b))) / mx::max(mx::abs(ToFloat32(b))))
      .item<float>();
}

template <typename Op>
auto Plain(const Op& op) {
  const cpu::PlainForms plain;
  return op();
}

struct Shape {
  int batch, steps, key_heads, value_heads, key_width, value_width;
};
constexpr Shape kShapes[] = {
    {1, 1, 2, 4, 128, 128}, {1, 37, 2, 2, 64, 64}, {2, 5, 1, 3, 40, 21}, {1, 130, 1, 2, 16, 48}};

TEST(CpuRecurrentTest, TheGatedDeltaRuleMatchesItsPlainForm) {
  for (const auto& [batch, steps, key_heads, value_heads, key_width, value_width] : kShapes) {
    const Array q = L2Norm(Random({batch, steps, key_heads, key_width}, 1), 1e-6F);
    const Array k = L2Norm(Random({batch, steps, key_heads, key_width}, 2), 1e-6F);
    const Array v = Random({batch, steps, value_heads, value_width}, 3);
    const Array decay = mx::sigmoid(Random({batch, steps, value_heads}, 4));
    const Array beta = mx::sigmoid(Random({batch, steps, value_heads}, 5));
    const Array state = Random({batch, value_heads, value_width, key_width}, 6, 0.3F);
    for (const int keep_every : {0, 4, 48}) {
      const auto run = [&] { return GatedDelta(q, k, v, decay, beta, state, keep_every); };
      const DeltaResult expected = Plain(run);
      const DeltaResult found = run();
      EXPECT_LE(Difference(found.y, expected.y), 4e-6F) << steps;
      EXPECT_LE(Difference(found.state, expected.state), 4e-6F) << steps;
      ASSERT_EQ(found.between.has_value(), expected.between.has_value());
      if (!found.between) continue;
      ASSERT_EQ(found.between->shape(), expected.between->shape());
      if (found.between->size() > 0) {
        EXPECT_LE(Difference(*found.between, *expected.between), 4e-6F);
      }
    }
  }
}

TEST(CpuRecurrentTest, HeadsThatAreSlicesOfWiderRowsGiveWhatTheirCopiesGive) {
  const Array wide = Random({1, 9, 2 * 32 + 2 * 32 + 4 * 16}, 1, 0.2F);
  const auto heads = [&](int begin, int count, int width) {
    return mx::reshape(LastSlice(wide, begin, begin + count * width), {1, 9, count, width});
  };
  const Array q = heads(0, 2, 32);
  const Array k = heads(64, 2, 32);
  const Array v = heads(128, 4, 16);
  // Time last, so that a step's gates lie apart.
  const Array gates = mx::transpose(mx::sigmoid(Random({1, 4, 9}, 2)), {0, 2, 1});
  const Array state = mx::zeros({1, 4, 16, 32}, mx::float32);
  const DeltaResult found = GatedDelta(q, k, v, gates, gates, state);
  const auto copy = [](const Array& x) { return mx::contiguous(x); };
  const DeltaResult expected =
      GatedDelta(copy(q), copy(k), copy(v), copy(gates), copy(gates), state);
  EXPECT_TRUE(mx::array_equal(found.y, expected.y).item<bool>());
  EXPECT_TRUE(mx::array_equal(found.state, expected.state).item<bool>());
  // Rows that are themselves in pieces.
  const Array turned = mx::transpose(mx::contiguous(mx::transpose(v)));
  EXPECT_TRUE(
      mx::array_equal(GatedDelta(q, k, turned, gates, gates, state).y, found.y).item<bool>());
}

TEST(CpuRecurrentTest, AStateThatSomebodyHoldsIsNotChanged) {
  const Array x = Random({1, 3, 1, 16}, 1, 0.3F);
  const Array gates = mx::sigmoid(Random({1, 3, 1}, 2));
  const Array state = Random({1, 1, 16, 16}, 3);
  const Array before = mx::contiguous(state + Array(0.0F));
  mx::eval(state, before);
  const DeltaResult found = GatedDelta(x, x, x, gates, gates, state);
  mx::eval(found.state);
  EXPECT_TRUE(mx::array_equal(state, before).item<bool>());
  EXPECT_FALSE(mx::array_equal(state, found.state).item<bool>());
}

TEST(CpuRecurrentTest, StepsTakenInTwoCallsAreThoseOfOne) {
  const auto part = [](const Array& x, int begin, int end) { return TimeSlice(x, begin, end); };
  const Array q = Random({1, 11, 2, 32}, 1, 0.2F);
  const Array v = Random({1, 11, 4, 32}, 2);
  const Array gates = mx::sigmoid(Random({1, 11, 4}, 3));
  const Array state = mx::zeros({1, 4, 32, 32}, mx::float32);
  const DeltaResult whole = GatedDelta(q, q, v, gates, gates, state);
  const auto run = [&](int begin, int end, const Array& from) {
    return GatedDelta(part(q, begin, end), part(q, begin, end), part(v, begin, end),
                      part(gates, begin, end), part(gates, begin, end), from);
  };
  const DeltaResult first = run(0, 4, state);
  const DeltaResult second = run(4, 11, first.state);
  EXPECT_TRUE(mx::array_equal(second.state, whole.state).item<bool>());
  EXPECT_TRUE(mx::array_equal(mx::concatenate({first.y, second.y}, 1), whole.y).item<bool>());
}

// Long enough for chunks, with fewer heads than threads and with more.
TEST(CpuRecurrentTest, LongPromptsDoNotDependOnTheNumberOfThreads) {
  const DeltaHeads heads{1, 2, 32, 40, 4};
  const int steps = 100;
  const auto half = [](const Array& x) { return mx::astype(x, mx::bfloat16); };
  const auto weights =
      DeltaLayerWeights::Of(Random({heads.channels(), heads.taps}, 1), mx::exp(Random({2}, 2)),
                            Random({2}, 3), mx::ones({40}), 1e-6F);
  const DeltaLayerInputs layer{.qkv = half(Random({1, steps, heads.channels()}, 4)),
                               .z = half(Random({1, steps, heads.values()}, 5)),
                               .beta = Random({1, steps, 2}, 6),
                               .a = Random({1, steps, 2}, 7),
                               .tail = Random({1, heads.taps - 1, heads.channels()}, 8),
                               .state = Random({1, 2, 40, 32}, 9)};
  const Array q = L2Norm(Random({1, steps, 1, 32}, 10), 1e-6F);
  const Array v = Random({1, steps, 1, 130}, 11);
  const Array gates = mx::sigmoid(Random({1, steps, 1}, 12));
  const Array state = Random({1, 1, 130, 32}, 13);
  const ScanInputs scan{v, gates, mx::ones({1}), q, q, mx::ones({1})};
  std::vector<std::vector<Array>> found;
  for (const int threads : {1, 2, 5}) {
    core::ThreadPool::SetSharedThreads(threads);
    const DeltaLayerResult of_layer = ApplyDeltaLayer(heads, weights, layer);
    const DeltaResult of_rule = GatedDelta(q, q, v, gates, gates, state, 40);
    const ScanResult of_scan = SelectiveScan(scan, state);
    found.push_back({of_layer.y, of_layer.state, of_rule.y, of_rule.state, *of_rule.between,
                     of_scan.y, of_scan.state});
    mx::eval(found.back());
  }
  core::ThreadPool::SetSharedThreads(0);
  for (const auto& other : {found[1], found[2]}) {
    for (size_t i = 0; i < other.size(); ++i) {
      EXPECT_TRUE(mx::array_equal(other[i], found[0][i]).item<bool>()) << i;
    }
  }
}

TEST(CpuRecurrentTest, LongPromptsAreTheSameHoweverTheyArePartedWhereThatIsAskedFor) {
  const int steps = 80;
  const Array q = L2Norm(Random({1, steps, 1, 32}, 1), 1e-6F);
  const Array v = Random({1, steps, 2, 32}, 2);
  const Array gates = mx::sigmoid(Random({1, steps, 2}, 3));
  const Array state = Random({1, 2, 32, 32}, 4);
  const Array rate = mx::ones({2});
  const auto delta = [&](int begin, int end, const Array& from) {
    const auto part = [&](const Array& x) { return TimeSlice(x, begin, end); };
    return GatedDelta(part(q), part(q), part(v), part(gates), part(gates), from, 0,
                      PartingFor(mx::float32));
  };
  const auto scan = [&](int begin, int end, const Array& from) {
    const auto part = [&](const Array& x) { return TimeSlice(x, begin, end); };
    return SelectiveScan({part(v), part(gates), rate, part(q), part(q), rate}, from,
                         PartingFor(mx::float32));
  };
  EXPECT_TRUE(mx::array_equal(delta(37, steps, delta(0, 37, state).state).state,
                              delta(0, steps, state).state)
                  .item<bool>());
  EXPECT_TRUE(
      mx::array_equal(scan(37, steps, scan(0, 37, state).state).state, scan(0, steps, state).state)
          .item<bool>());
}

TEST(CpuRecurrentTest, TheSelectiveScanMatchesItsPlainForm) {
  for (const auto& [batch, steps, groups, heads, width, head_width] : kShapes) {
    const ScanInputs in{.x = Random({batch, steps, heads, head_width}, 1),
                        .step = mx::sigmoid(Random({batch, steps, heads}, 2)),
                        .rate = mx::exp(Random({heads}, 3, 0.5F)),
                        .input = Random({batch, steps, groups, width}, 4, 0.3F),
                        .output = Random({batch, steps, groups, width}, 5, 0.3F),
                        .direct = Random({heads}, 6)};
    const Array state = Random({batch, heads, head_width, width}, 7, 0.3F);
    const auto run = [&] { return SelectiveScan(in, state); };
    const ScanResult expected = Plain(run);
    const ScanResult found = run();
    EXPECT_LE(Difference(found.y, expected.y), 4e-6F) << steps;
    EXPECT_LE(Difference(found.state, expected.state), 4e-6F) << steps;
  }
}

TEST(CpuRecurrentTest, TheConvolutionMatchesItsPlainFormAndHandsOnItsTail) {
  for (const mx::Dtype type : {mx::float32, mx::bfloat16}) {
    for (const int steps : {1, 2, 70}) {
      for (const int channels : {5, 300}) {
        const Array u = mx::astype(Random({2, steps, channels}, 1), type);
        const Array weight = mx::astype(Random({channels, 4}, 2), type);
        const Array tail = mx::astype(Random({2, 3, channels}, 3), type);
        const auto run = [&] { return CausalConv(u, weight, tail); };
        const ConvResult expected = Plain(run);
        const ConvResult found = run();
        EXPECT_EQ(found.y.dtype(), mx::float32);
        EXPECT_LE(Difference(found.y, expected.y), 2e-6F) << steps << " " << channels;
        EXPECT_TRUE(mx::array_equal(found.tail, expected.tail).item<bool>()) << steps;
      }
    }
  }
}

TEST(CpuRecurrentTest, AWholeLayerMatchesItsPlainFormAndGoesOnFromCallToCall) {
  struct Step {
    mx::Dtype type;
    float most;
  };
  for (const auto& [type, most] : {Step{mx::float32, 6e-6F}, Step{mx::bfloat16, 2e-2F}}) {
    for (const DeltaHeads& heads :
         {DeltaHeads{2, 4, 32, 32, 4}, DeltaHeads{1, 1, 40, 24, 2}, DeltaHeads{2, 2, 16, 48, 3}}) {
      for (const int steps : {1, 5, 150}) {
        const auto rows = [&](int width, uint64_t seed) {
          return mx::astype(Random({2, steps, width}, seed), type);
        };
        const auto weights = DeltaLayerWeights::Of(
            mx::astype(Random({heads.channels(), heads.taps}, 1), type),
            mx::exp(Random({heads.value_heads}, 2, 0.5F)), Random({heads.value_heads}, 3),
            mx::astype(Random({heads.value_dim}, 4), type), 1e-6F);
        const DeltaLayerInputs in{
            .qkv = rows(heads.channels(), 5),
            .z = rows(heads.values(), 6),
            .beta = rows(heads.value_heads, 7),
            .a = rows(heads.value_heads, 8),
            .tail = mx::astype(Random({2, heads.taps - 1, heads.channels()}, 9), type),
            .state = Random({2, heads.value_heads, heads.value_dim, heads.key_dim}, 10, 0.3F)};
        const auto run = [&] { return ApplyDeltaLayer(heads, weights, in); };
        const DeltaLayerResult expected = Plain(run);
        const DeltaLayerResult found = run();
        EXPECT_EQ(found.y.dtype(), type);
        EXPECT_LE(Difference(found.y, expected.y), most) << steps << " " << heads.key_dim;
        EXPECT_LE(Difference(found.state, expected.state), 6e-6F) << steps;
        EXPECT_TRUE(mx::array_equal(found.tail, expected.tail).item<bool>()) << steps;

        if (steps == 1) continue;
        const auto part = [&](int begin, int end, const Array& tail, const Array& state) {
          return ApplyDeltaLayer(
              heads, weights,
              {TimeSlice(in.qkv, begin, end), TimeSlice(in.z, begin, end),
               TimeSlice(in.beta, begin, end), TimeSlice(in.a, begin, end), tail, state});
        };
        const DeltaLayerResult first = part(0, 3, in.tail, in.state);
        const DeltaLayerResult second = part(3, steps, first.tail, first.state);
        const Array y = mx::concatenate({first.y, second.y}, 1);
        if (type == mx::float32 || steps < 32) {  // one by one, wherever they are parted
          EXPECT_TRUE(mx::array_equal(second.state, found.state).item<bool>());
          EXPECT_TRUE(mx::array_equal(y, found.y).item<bool>());
        } else {  // chunks begin elsewhere
          EXPECT_LE(Difference(second.state, found.state), 6e-6F);
          EXPECT_LE(Difference(y, found.y), most);
        }
      }
    }
  }
}

TEST(CpuRecurrentTest, WhatStandsAroundTheRecurrenceMatchesItsPlainForm) {
  const Array y = Random({2, 5, 3, 40}, 1);
  const Array z = mx::astype(Random({2, 5, 3, 40}, 2), mx::bfloat16);
  const auto gated = [&] { return SiluGated(y, z); };
  EXPECT_LE(Difference(gated(), Plain(gated)), 2e-6F);
  const auto normed = [&] { return L2Norm(y, 1e-6F); };
  EXPECT_LE(Difference(normed(), Plain(normed)), 2e-6F);
}

}  // namespace
}  // namespace ingot::ops
