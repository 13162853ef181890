// Operations computed as they are called, against the same in MLX's graph.
#include "ops/cpu/step.h"

#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <mlx/ops.h>
#include <mlx/random.h>
#include <mlx/transforms.h>

#include "ops/cached_attention.h"
#include "ops/cpu/choice.h"
#include "ops/cpu/rows.h"
#include "ops/fused.h"

namespace ingot::ops::cpu {
namespace {

Array Random(const mx::Shape& shape, uint64_t seed) {
  return mx::astype(mx::random::normal(shape, mx::float32, 0, 1, mx::random::key(seed)),
                    mx::bfloat16);
}

bool Same(const Array& a, const Array& b) { return mx::array_equal(a, b).item<bool>(); }

// Two products, something of MLX's between them.
Array Chain(const Linear& first, const Linear& second, const Array& x) {
  const Array half = Apply(first, x);
  return Apply(second, mx::multiply(half, Array(2.0F, mx::bfloat16)));
}

TEST(StepTest, GivesWhatTheGraphGivesWithOperationsOfMlxInBetween) {
  const Linear first{Random({96, 64}, 1), {}};
  const Linear second{Random({32, 96}, 2), Random({32}, 3)};
  for (const int rows : {1, 7, StepScope::kMostRows}) {
    const Array x = Random({1, rows, 64}, 4);
    const Array wanted = Chain(first, second, x);
    StepScope step(rows);
    ASSERT_EQ(StepScope::Current(), &step);
    const Array found = Chain(first, second, x);
    step.Finish();
    EXPECT_EQ(StepScope::Current(), nullptr);
    EXPECT_TRUE(found.is_available());
    EXPECT_TRUE(Same(found, wanted)) << rows;
  }
}

TEST(StepTest, ManyRowsPlainFormsAndAStepWithinAStepStayWithTheGraph) {
  {
    const StepScope many(StepScope::kMostRows + 1);
    EXPECT_EQ(StepScope::Current(), nullptr);
  }
  {
    const PlainForms plain;
    const StepScope step(1);
    EXPECT_EQ(StepScope::Current(), nullptr);
  }
  StepScope outer(1);
  {
    const StepScope inner(1);
    EXPECT_EQ(StepScope::Current(), &outer);
  }
  EXPECT_EQ(StepScope::Current(), &outer);
}

TEST(StepTest, WhatATaskReadsStaysWhenEverybodyElseHasLetGoOfIt) {
  const Linear linear{Random({512, 512}, 1), {}};
  const Array x = Random({1, 1, 512}, 2);
  Array wanted = x;
  for (int i = 0; i < 20; ++i) wanted = Apply(linear, wanted);
  StepScope step(1);
  Array found = x + Array(0.0F, mx::bfloat16);
  for (int i = 0; i < 20; ++i) found = Apply(linear, found);  // lets go of the one before
  step.Finish();
  EXPECT_TRUE(mx::array_equal(found, wanted, /*equal_nan=*/true).item<bool>());
}

// One column after another into a room of eight.
struct Room {
  Room() : keys(mx::zeros({1, 1, 8, 16}, mx::bfloat16)), values(keys + keys) {
    mx::eval(keys, values);
  }
  Array Attend(int at, Array k, Array v, bool at_once) {
    const Array row = Random({1, 1, 16}, 10 + static_cast<uint64_t>(at));
    std::vector<CachedSequence> sequences;
    sequences.push_back({.room = {std::move(k), std::move(v)}, .length = at, .steps = 1});
    std::optional<StepScope> step;
    if (at_once) step.emplace(1);
    CachedAttentionSpec spec;
    spec.attention.scale = 0.25F;
    spec.heads = 1;
    spec.key_heads = 1;
    CachedAttentionResult result = AttendCached(row, row, row, std::move(sequences), spec);
    if (step) step->Finish();
    mx::eval(result.y, result.rooms[0].keys, result.rooms[0].values);
    keys.overwrite_descriptor(result.rooms[0].keys);
    values.overwrite_descriptor(result.rooms[0].values);
    return result.y;
  }
  Array keys;
  Array values;
};

TEST(StepTest, ARoomIsWrittenInPlaceWhenNobodyElseHoldsItAndCopiedWhenSomebodyDoes) {
  Room graph;
  Room step;
  for (int at = 0; at < 3; ++at) {
    const Array wanted = graph.Attend(at, graph.keys, graph.values, false);
    const Array held = step.keys;
    const Array before = mx::copy(held);
    mx::eval(before);
    EXPECT_TRUE(Same(step.Attend(at, step.keys, step.values, true), wanted));
    EXPECT_TRUE(Same(held, before)) << "whoever holds the room sees no change";
    EXPECT_TRUE(Same(step.keys, graph.keys));
  }
  const void* memory = step.keys.data<uint8_t>();
  Array keys = mx::zeros({1}, mx::bfloat16);
  keys.overwrite_descriptor(step.keys);
  step.keys.overwrite_descriptor(mx::zeros({1}, mx::bfloat16));
  step.Attend(3, std::move(keys), step.values, true);
  EXPECT_EQ(step.keys.data<uint8_t>(), memory);
}

TEST(StepTest, AnOperationThatCannotBePreparedEndsTheStepWithItsError) {
  const auto fail = [](const std::vector<Array>&, std::vector<Array>&) -> Task {
    throw std::runtime_error("no");
  };
  EXPECT_THROW(
      {
        const StepScope step(1);
        CpuOpOf("Fails", {{{1}, mx::float32}}, {Array(1.0F)}, fail);
      },
      std::runtime_error);
  EXPECT_EQ(StepScope::Current(), nullptr);
}

}  // namespace
}  // namespace ingot::ops::cpu
