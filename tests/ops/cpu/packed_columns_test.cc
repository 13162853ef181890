// Columns in 8 bits on the CPU kernels: as the plain form packs them, attention that reads them
// against the plain form in fp32, and against attention over the columns before they were packed.
#include "ops/packed_columns.h"

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <mlx/ops.h>
#include <mlx/random.h>
#include <mlx/transforms.h>

#include "ops/attention.h"
#include "ops/cached_attention.h"
#include "ops/cpu/choice.h"

namespace ingot::ops {
namespace {

Array Random(const mx::Shape& shape, uint64_t seed) {
  return mx::random::normal(shape, mx::float32, 0, 1, mx::random::key(seed));
}

bool Same(const Array& a, const Array& b) { return mx::array_equal(a, b).item<bool>(); }

float Largest(const Array& x) { return mx::max(mx::abs(ToFloat32(x))).item<float>(); }

TEST(PackedColumnsTest, KernelsPackAndUnpackAsThePlainFormDoes) {
  for (const int width : {1, 40, 64, 80, 128, 576}) {
    for (const mx::Dtype type : {mx::float32, mx::bfloat16, mx::float16}) {
      const Array x = mx::astype(Random({2, 3, 5, width}, 1), type);
      Array packed = PackColumns(mx::swapaxes(x, 1, 2));  // strided, too
      EXPECT_EQ(packed.dtype(), mx::int8);
      EXPECT_EQ(packed.shape(), (mx::Shape{2, 5, 3, PackedWidth(width)}));
      EXPECT_EQ(WidthOfPacked(packed), width);
      Array back = UnpackColumns(packed, width, type);
      Array first = UnpackColumns(packed, (width + 1) / 2, mx::float32);
      mx::eval({packed, back, first});
      const cpu::PlainForms plain;
      EXPECT_TRUE(Same(packed, PackColumns(mx::swapaxes(x, 1, 2)))) << width;
      EXPECT_TRUE(Same(back, UnpackColumns(packed, width, type))) << width;
      EXPECT_TRUE(Same(first, UnpackColumns(packed, (width + 1) / 2, mx::float32))) << width;
    }
  }
}

TEST(PackedColumnsTest, AGroupWithANanIsNanInThePlainFormToo) {
  Array x = Random({1, 1, 1, 130}, 2);
  x = mx::slice_update(x, Array(std::numeric_limits<float>::quiet_NaN()), mx::Shape{0, 0, 0, 70},
                       mx::Shape{1, 1, 1, 71});
  Array packed = PackColumns(x);
  mx::eval(packed);
  const cpu::PlainForms plain;
  for (const Array& made : {packed, PackColumns(x)}) {
    const Array back = UnpackColumns(made, 130, mx::float32);
    Array bad = mx::isnan(back);
    mx::eval(bad);
    for (size_t i = 0; i < 130; ++i) EXPECT_EQ(bad.data<bool>()[i], i >= 64 && i < 128) << i;
  }
}

struct Case {
  int queries;
  int keys;
  int heads;
  int key_heads;
  int width;
  int value_width;
};
// One query, few and a long chunk of them; keys of one span and of several; widths that are no
// whole groups.
constexpr Case kCases[] = {{1, 1, 2, 2, 16, 16},    {1, 700, 6, 2, 64, 64},
                           {7, 7, 4, 1, 40, 24},    {5, 130, 3, 3, 128, 96},
                           {90, 600, 2, 1, 72, 80}, {1, 1030, 1, 1, 256, 20}};

TEST(PackedAttentionTest, EveryShapeMatchesThePlainForm) {
  for (const Case& c : kCases) {
    const int batch = c.keys > 500 ? 1 : 2;
    const Array q = Random({batch, c.heads, c.queries, c.width}, 1);
    Array k = PackColumns(Random({batch, c.key_heads, c.keys, c.width}, 2));
    Array v = PackColumns(Random({batch, c.key_heads, c.keys, c.value_width}, 3));
    mx::eval({q, k, v});
    const float scale = 1.0F / std::sqrt(static_cast<float>(c.width));
    const std::vector<AttentionSpec> specs = {{.scale = scale},
                                              {.scale = scale, .window = 3},
                                              {.scale = scale, .window = 550},
                                              {.scale = scale, .sinks = Random({c.heads}, 4)},
                                              {.scale = scale, .causal = false}};
    for (size_t i = 0; i < specs.size(); ++i) {
      for (const mx::Dtype type : {mx::float32, mx::bfloat16}) {
        if (type == mx::bfloat16 && i > 0) continue;  // what differs is how a result is rounded
        Array y = Attention(mx::astype(q, type), k, v, specs[i]);
        EXPECT_EQ(y.dtype(), type);
        mx::eval(y);
        const cpu::PlainForms plain;
        const Array expected = Attention(ToFloat32(mx::astype(q, type)), k, v, specs[i]);
        EXPECT_LE(Largest(y - expected), (type == mx::float32 ? 5e-6F : 1e-2F) * Largest(expected))
            << c.queries << " of " << c.keys << ", spec " << i;
      }
    }
  }
}

// As latent attention has them: 576 numbers a key, of which the first 512 are its value.
TEST(PackedAttentionTest, AValueMayBeTheFirstNumbersOfItsKey) {
  const Array columns = PackColumns(Random({1, 1, 530, 576}, 5));
  for (const int queries : {1, 3}) {
    const Array q = Random({1, 20, queries, 576}, 6);
    const AttentionSpec spec{.scale = 1.0F / 24, .value_width = 512};
    Array y = AttentionHeads(q, columns, columns, spec);
    EXPECT_EQ(y.shape(), (mx::Shape{1, 20, queries, 512}));
    mx::eval(y);
    const cpu::PlainForms plain;
    const Array expected = AttentionHeads(q, columns, columns, spec);
    EXPECT_LE(Largest(y - expected), 5e-6F * Largest(expected));
  }
}

// What 8 bits cost. A score is off by at most e = scale · Σ over groups of step/2 · Σ|q|, weights
// then by a factor within exp(±2e), a value by at most half its step: the result by no more than
// max(step)/2 + (exp(2e) - 1) · max|v|.
TEST(PackedAttentionTest, IsOffByNoMoreThanItsStepsAllow) {
  constexpr int kKeys = 600;
  constexpr int kWidth = 128;
  const Array q = Random({1, 2, 40, kWidth}, 7);
  const Array k = Random({1, 1, kKeys, kWidth}, 8);
  const Array v = Random({1, 1, kKeys, kWidth}, 9);
  constexpr float kScale = 0.02F;
  for (const int window : {0, 90}) {
    const AttentionSpec spec{.scale = kScale, .window = window};
    const Array exact = AttentionHeads(q, k, v, spec);
    const Array packed = AttentionHeads(q, PackColumns(k), PackColumns(v), spec);
    // The largest step of any group, and each query's Σ|q|.
    const float key_step = Largest(k) / 127;
    const float value_step = Largest(v) / 127;
    const float asked = mx::max(mx::sum(mx::abs(q), -1)).item<float>();
    const float off = kScale * key_step / 2 * asked;
    const float bound = value_step / 2 + (std::exp(2 * off) - 1) * Largest(v);
    const float found = Largest(packed - exact);
    EXPECT_LE(found, bound);
    EXPECT_GT(found, value_step / 200);
  }
}

TEST(PackedAttentionTest, ANanInAColumnReachesTheQueriesThatSeeItAlone) {
  Array k = Random({1, 1, 4, 16}, 11);
  k = mx::slice_update(k, Array(std::numeric_limits<float>::quiet_NaN()), mx::Shape{0, 0, 2, 3},
                       mx::Shape{1, 1, 3, 4});
  Array y = Attention(Random({1, 1, 4, 16}, 10), PackColumns(k),
                      PackColumns(Random({1, 1, 4, 16}, 12)), {.scale = 1});
  mx::eval(y);
  for (size_t row = 0; row < 4; ++row) {
    EXPECT_EQ(std::isnan(y.data<float>()[row * 16]), row >= 2) << row;
  }
}

constexpr int kHeads = 6;
constexpr int kKeyHeads = 2;
constexpr int kWidth = 40;
constexpr int kCapacity = 640;

// Columns that a room has already; packed once.
const Array& Room(size_t i) {
  static const std::vector<Array> rooms = [] {
    std::vector<Array> made;
    for (uint64_t seed = 20; seed < 26; ++seed) {
      made.push_back(PackColumns(Random({1, kKeyHeads, kCapacity, kWidth}, seed)));
    }
    mx::eval(made);
    return made;
  }();
  return rooms[i];
}

struct Step {
  int length;
  int steps;
};

CachedAttentionSpec Spec() {
  return {.attention = {.scale = 0.15F},
          .heads = kHeads,
          .key_heads = kKeyHeads,
          .query_norm = NormWeights{Random({kWidth}, 1), 1e-6F},
          .key_norm = NormWeights{Random({kWidth}, 2), 1e-6F},
          .rope = RopeSpec{.dims = 32},
          .growth = {}};
}

CachedAttentionResult Cached(const std::vector<Step>& steps, mx::Dtype type) {
  int rows = 0;
  std::vector<CachedSequence> sequences;
  for (const Step& step : steps) {
    rows += step.steps;
    const size_t i = 2 * sequences.size();
    sequences.push_back({{Room(i), Room(i + 1)}, step.length, step.steps});
  }
  const auto random = [&](int heads, uint64_t seed) {
    return mx::astype(Random({1, rows, heads * kWidth}, seed), type);
  };
  return AttendCached(random(kHeads, 5), random(kKeyHeads, 6), random(kKeyHeads, 7),
                      std::move(sequences), Spec());
}

TEST(PackedCachedAttentionTest, SequencesWriteAndReadTheirPackedRooms) {
  const std::vector<std::vector<Step>> calls = {
      {{0, 1}}, {{600, 1}}, {{0, 9}}, {{550, 70}}, {{3, 1}, {630, 1}, {0, 1}}, {{3, 5}, {80, 1}}};
  for (const std::vector<Step>& steps : calls) {
    for (const mx::Dtype type : {mx::float32, mx::bfloat16}) {
      CachedAttentionResult made = Cached(steps, type);
      mx::eval(made.y);
      const cpu::PlainForms plain;
      const CachedAttentionResult expected = Cached(steps, mx::float32);
      // A key that is computed in another order may fall to the next step.
      const float close = type == mx::float32 ? 2e-3F : 3e-2F;
      EXPECT_LE(Largest(made.y - expected.y), close * Largest(expected.y));
      for (size_t i = 0; i < steps.size(); ++i) {
        for (const auto& [got, wanted] :
             {std::pair{made.rooms[i].keys, expected.rooms[i].keys},
              std::pair{made.rooms[i].values, expected.rooms[i].values}}) {
          ASSERT_EQ(got.dtype(), mx::int8);
          const Array numbers = UnpackColumns(wanted, kWidth, mx::float32);
          EXPECT_LE(Largest(UnpackColumns(got, kWidth, mx::float32) - numbers),
                    (type == mx::float32 ? 0.0085F : 0.03F) * Largest(numbers));
        }
      }
    }
  }
}

TEST(ColumnsForTest, SaysHowCachesKeepKeysAndValues) {
  using gpu::BackEnd;
  EXPECT_EQ(*ColumnsFor({}, mx::bfloat16, BackEnd::kCpu), ColumnForm::kComputed);
  EXPECT_EQ(*ColumnsFor(mx::bfloat16, mx::bfloat16, BackEnd::kCuda), ColumnForm::kComputed);
  EXPECT_EQ(*ColumnsFor(mx::int8, mx::bfloat16, BackEnd::kCpu), ColumnForm::kPacked);
}

TEST(ColumnsForTest, WhatCannotBeHonouredIsRefused) {
  using gpu::BackEnd;
  for (const BackEnd gpu : {BackEnd::kCuda, BackEnd::kMetal}) {
    const auto refused = ColumnsFor(mx::int8, mx::bfloat16, gpu);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.status().code(), core::Code::kUnsupported);
    EXPECT_NE(refused.status().message().find("on the CPU alone"), std::string::npos);
  }
  const auto other = ColumnsFor(mx::bfloat16, mx::float32, BackEnd::kCpu);
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.status().message(),
            "a cache of bfloat16 for activations of float32: expected float32 or int8");
}

}  // namespace
}  // namespace ingot::ops
