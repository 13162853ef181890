// Attention on the CPU kernels against its plain form in fp32, and every form of the kernel against
// the plainest one.
#include "ops/attention.h"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>
#include <mlx/ops.h>
#include <mlx/random.h>
#include <mlx/transforms.h>

#include "ops/cpu/choice.h"
#include "tests/ops/cpu/beside_plain.h"

namespace ingot::ops {
namespace {

Array Random(const mx::Shape& shape, uint64_t seed) {
  return mx::random::normal(shape, mx::float32, 0, 1, mx::random::key(seed));
}

Array Plain(const Array& q, const Array& k, const Array& v, const AttentionSpec& spec) {
  const cpu::PlainForms plain;
  Array y = Attention(ToFloat32(q), ToFloat32(k), ToFloat32(v), spec);
  mx::eval(y);
  return y;
}

struct Case {
  int queries;
  int keys;
  int heads;
  int key_heads;
  int width;
  int value_width;
};
// One query and many; heads that share keys; widths that are no whole vectors, and MLA's; keys of
// several spans, whole and not.
constexpr Case kCases[] = {
    {1, 1, 2, 2, 16, 16},    {1, 200, 6, 2, 64, 64},   {7, 7, 4, 1, 40, 24},
    {5, 130, 3, 3, 128, 96}, {33, 97, 2, 1, 20, 20},   {2, 70, 4, 1, 576, 512},
    {1, 1025, 9, 1, 72, 64}, {2, 520, 3, 1, 576, 512}, {40, 530, 4, 2, 24, 20}};

TEST(CpuAttentionTest, EveryShapeMatchesThePlainForm) {
  struct Precision {
    mx::Dtype type;
    float step;
  };
  for (const Precision& precision : {Precision{mx::float32, 5e-6F}, Precision{mx::float16, 2e-3F},
                                     Precision{mx::bfloat16, 1e-2F}}) {
    for (const Case& c : kCases) {
      // Long ones take the plain form long, and show how spans are joined, whatever the type.
      if (c.keys > 500 && precision.type != mx::float32) continue;
      const auto part = [&](int heads, int columns, int width, uint64_t seed) {
        return mx::astype(Random({2, heads, columns, width}, seed), precision.type);
      };
      const Array q = part(c.heads, c.queries, c.width, 1);
      const Array k = part(c.key_heads, c.keys, c.width, 2);
      const Array v = part(c.key_heads, c.keys, c.value_width, 3);
      const float scale = 1.0F / std::sqrt(static_cast<float>(c.width));
      const std::vector<AttentionSpec> specs = {
          {.scale = scale},
          {.scale = scale, .window = 3},
          {.scale = scale, .window = 700},
          {.scale = scale, .sinks = mx::astype(Random({c.heads}, 4), precision.type)},
          {.scale = scale, .causal = false}};
      for (size_t i = 0; i < specs.size(); ++i) {
        const Array y = Attention(q, k, v, specs[i]);
        EXPECT_EQ(y.dtype(), precision.type);
        EXPECT_LE(Difference(y, Plain(q, k, v, specs[i])), precision.step)
            << c.queries << " of " << c.keys << ", spec " << i;
      }
    }
  }
}

TEST(CpuAttentionTest, HeadsApartHoldWhatHeadsTogetherHold) {
  const Array q = Random({1, 4, 9, 32}, 5);
  const Array k = Random({1, 2, 9, 32}, 6);
  const Array v = Random({1, 2, 9, 32}, 7);
  EXPECT_TRUE(mx::array_equal(MergeHeads(AttentionHeads(q, k, v, {.scale = 0.2F})),
                              Attention(q, k, v, {.scale = 0.2F}))
                  .item<bool>());
}

TEST(CpuAttentionTest, SlicesOfACacheAndTransposedHeadsGiveWhatTheirCopiesGive) {
  const Array q = SplitHeads(Random({1, 3, 64}, 8), 2);
  const Array room = Random({1, 2, 64, 32}, 9);
  const Array k = mx::slice(room, {0, 0, 0, 0}, {1, 2, 20, 32});
  const Array v = mx::transpose(mx::contiguous(mx::transpose(k)));  // gaps within rows
  const Array y = Attention(q, k, v, {.scale = 0.2F});
  EXPECT_TRUE(mx::array_equal(y, Attention(mx::contiguous(q), mx::contiguous(k), mx::contiguous(v),
                                           {.scale = 0.2F}))
                  .item<bool>());
}

TEST(CpuAttentionTest, ANanInAKeyReachesTheQueriesThatSeeItAlone) {
  const Array q = Random({1, 1, 4, 16}, 10);
  Array k = Random({1, 1, 4, 16}, 11);
  k = mx::slice_update(k, Array(std::numeric_limits<float>::quiet_NaN()), mx::Shape{0, 0, 2, 3},
                       mx::Shape{1, 1, 3, 4});
  const Array y = Attention(q, k, Random({1, 1, 4, 16}, 12), {.scale = 1});
  mx::eval(y);
  for (size_t row = 0; row < 4; ++row) {
    EXPECT_EQ(std::isnan(y.data<float>()[row * 16]), row >= 2) << row;
  }
}

}  // namespace
}  // namespace ingot::ops
