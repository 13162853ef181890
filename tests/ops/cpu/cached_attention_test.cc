// Attention with its norms, positions and cache on the CPU kernels against its plain form in fp32.
#include "ops/cached_attention.h"

#include <cmath>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <mlx/ops.h>
#include <mlx/random.h>
#include <mlx/transforms.h>

#include "ops/cpu/cached_attention.h"
#include "ops/cpu/choice.h"
#include "tests/ops/cpu/beside_plain.h"

namespace ingot::ops {
namespace {

constexpr int kHeads = 6;
constexpr int kKeyHeads = 2;
constexpr int kWidth = 40;
constexpr int kCapacity = 96;

Array Random(const mx::Shape& shape, mx::Dtype type, uint64_t seed) {
  return mx::astype(mx::random::normal(shape, mx::float32, 0, 1, mx::random::key(seed)), type);
}

CachedAttentionSpec Spec() {
  return {.attention = {.scale = 1.0F / std::sqrt(static_cast<float>(kWidth))},
          .heads = kHeads,
          .key_heads = kKeyHeads,
          .query_norm = NormWeights{Random({kWidth}, mx::float32, 1), 1e-6F},
          .key_norm = NormWeights{Random({kWidth}, mx::float32, 2), 1e-6F},
          .rope = RopeSpec{.dims = 32},
          .growth = {}};
}

struct Step {
  int length;
  int steps;
};

// One call for all of these, with rooms that hold numbers already.
CachedAttentionResult Call(const CachedAttentionSpec& spec, const std::vector<Step>& steps,
                           mx::Dtype type, int pitch) {
  int rows = 0;
  std::vector<CachedSequence> sequences;
  for (const Step& step : steps) {
    rows += step.steps;
    const auto room = [&](uint64_t seed) {
      return Random({1, kKeyHeads, kCapacity, kWidth}, type, seed + static_cast<uint64_t>(rows));
    };
    sequences.push_back({{room(20), room(40)}, step.length, step.steps});
  }
  return AttendCached(Random({1, rows, kHeads * pitch}, type, 5),
                      Random({1, rows, kKeyHeads * kWidth}, type, 6),
                      Random({1, rows, kKeyHeads * kWidth}, type, 7), std::move(sequences), spec);
}

void ExpectPlain(const CachedAttentionSpec& spec, const std::vector<Step>& steps,
                 int pitch = kWidth) {
  struct Precision {
    mx::Dtype type;
    float step;
  };
  for (const Precision& precision :
       {Precision{mx::float32, 2e-5F}, Precision{mx::bfloat16, 3e-2F}}) {
    const CachedAttentionResult made = Call(spec, steps, precision.type, pitch);
    const cpu::PlainForms plain;
    const CachedAttentionResult expected = Call(spec, steps, mx::float32, pitch);
    EXPECT_LE(Difference(made.y, expected.y), precision.step);
    ASSERT_EQ(made.rooms.size(), steps.size());
    for (size_t i = 0; i < steps.size(); ++i) {
      EXPECT_LE(Difference(made.rooms[i].keys, expected.rooms[i].keys), precision.step);
      EXPECT_LE(Difference(made.rooms[i].values, expected.rooms[i].values), precision.step);
    }
  }
}

TEST(CpuCachedAttentionTest, OneColumnAndManyMatchThePlainForm) {
  for (const Step& step : {Step{0, 1}, Step{70, 1}, Step{0, 9}, Step{50, 37}}) {
    ExpectPlain(Spec(), {step});
  }
}

TEST(CpuCachedAttentionTest, SequencesOfDifferentLengthsSeeTheirOwnCacheAlone) {
  ExpectPlain(Spec(), {{3, 1}, {80, 1}, {0, 1}});
  ExpectPlain(Spec(), {{3, 5}, {80, 1}, {0, 11}});
}

TEST(CpuCachedAttentionTest, WindowsSinksGrowthAndPositionsInPairsMatchThePlainForm) {
  CachedAttentionSpec spec = Spec();
  spec.attention.window = 4;
  ExpectPlain(spec, {{30, 6}});
  spec = Spec();
  spec.attention.sinks = Random({kHeads}, mx::float32, 9);
  ExpectPlain(spec, {{30, 1}});
  spec = Spec();
  spec.growth = {.beta = 0.3F, .context = 8};
  ExpectPlain(spec, {{30, 3}});
  spec = Spec();
  spec.rope->interleaved = true;
  spec.rope->wavelengths = WavelengthArray(PlainWavelengths(32, 500));
  ExpectPlain(spec, {{30, 3}});
  spec = Spec();
  spec.rope.reset();
  spec.query_norm.reset();
  spec.key_norm.reset();
  ExpectPlain(spec, {{30, 3}});
}

TEST(CpuCachedAttentionTest, QueriesMayStandApart) {
  CachedAttentionSpec spec = Spec();
  spec.query_pitch = 2 * kWidth;
  ExpectPlain(spec, {{12, 2}}, 2 * kWidth);
}

TEST(CpuCachedAttentionTest, ARoomIsWrittenInPlaceUnlessSomebodyElseHoldsIt) {
  const CachedAttentionSpec spec = Spec();
  const auto call = [&](CacheRoom room) {
    std::vector<CachedSequence> sequence;
    sequence.push_back({std::move(room), 2, 1});
    CachedAttentionResult made =
        AttendCached(Random({1, 1, kHeads * kWidth}, mx::float32, 5),
                     Random({1, 1, kKeyHeads * kWidth}, mx::float32, 6),
                     Random({1, 1, kKeyHeads * kWidth}, mx::float32, 7), std::move(sequence), spec);
    mx::eval({made.y, made.rooms[0].keys, made.rooms[0].values});
    return std::move(made.rooms[0]);
  };
  const auto fresh = [] {
    CacheRoom room{mx::zeros({1, kKeyHeads, kCapacity, kWidth}),
                   mx::zeros({1, kKeyHeads, kCapacity, kWidth})};
    mx::eval({room.keys, room.values});
    return room;
  };
  CacheRoom handed = fresh();
  const float* memory = handed.keys.data<float>();
  EXPECT_EQ(call(std::move(handed)).keys.data<float>(), memory);

  const CacheRoom held = fresh();
  const CacheRoom written = call(held);
  EXPECT_NE(written.keys.data<float>(), held.keys.data<float>());
  EXPECT_EQ(mx::max(mx::abs(held.keys)).item<float>(), 0);
  EXPECT_GT(mx::max(mx::abs(written.keys)).item<float>(), 0);

  // A room that is a part of something larger.
  const Array larger = mx::ones({1, kKeyHeads, 2 * kCapacity, kWidth});
  const Array part = mx::slice(larger, {0, 0, 0, 0}, {1, kKeyHeads, kCapacity, kWidth});
  mx::eval(part);
  const CacheRoom copied = call({part, part});
  EXPECT_TRUE(mx::array_equal(TimeSlice(mx::swapaxes(copied.keys, 1, 2), 2, 3),
                              TimeSlice(mx::swapaxes(written.keys, 1, 2), 2, 3))
                  .item<bool>());
  EXPECT_EQ(mx::max(mx::abs(TimeSlice(mx::swapaxes(copied.keys, 1, 2), 3, kCapacity) - Array(1.0F)))
                .item<float>(),
            0);
}

}  // namespace
}  // namespace ingot::ops
