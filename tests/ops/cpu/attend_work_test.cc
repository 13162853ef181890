// Attention over long caches: by whatever threads and in whatever company a query looks at its
// keys, it finds the same.
#include "ops/cpu/attend_work.h"

#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <mlx/ops.h>
#include <mlx/random.h>
#include <mlx/transforms.h>

#include "core/thread_pool.h"
#include "ops/attention.h"
#include "ops/cached_attention.h"
#include "ops/cpu/choice.h"

namespace ingot::ops {
namespace {

constexpr int kLong = 1300;  // columns: two spans and a part

Array Random(const mx::Shape& shape, uint64_t seed) {
  return mx::random::normal(shape, mx::float32, 0, 1, mx::random::key(seed));
}

bool Same(const Array& a, const Array& b) { return mx::array_equal(a, b).item<bool>(); }

// What `make` gives with so many threads.
Array With(int threads, const std::function<Array()>& make) {
  core::ThreadPool::SetSharedThreads(threads);
  Array made = make();
  mx::eval(made);
  core::ThreadPool::SetSharedThreads(0);
  return made;
}

Array Cached(int length, int steps) {
  constexpr int kWidth = 40;
  std::vector<CachedSequence> sequences;
  const auto room = [&](uint64_t seed) { return Random({1, 2, kLong + 40, kWidth}, seed); };
  sequences.push_back({{room(1), room(2)}, length, steps});
  sequences.push_back({{room(3), room(4)}, 30, 1});
  return AttendCached(Random({1, steps + 1, 6 * kWidth}, 5), Random({1, steps + 1, 2 * kWidth}, 6),
                      Random({1, steps + 1, 2 * kWidth}, 7), std::move(sequences),
                      {.attention = {.scale = 0.2F}, .heads = 6, .key_heads = 2, .growth = {}})
      .y;
}

TEST(AttendWorkTest, ResultsDoNotDependOnTheNumberOfThreads) {
  const Array q = Random({1, 20, 2, 72}, 1);
  const Array k = Random({1, 1, kLong, 72}, 2);
  const Array v = Random({1, 1, kLong, 64}, 3);
  const std::vector<std::function<Array()>> makers = {
      [&] { return Attention(q, k, v, {.scale = 0.1F}); },
      [&] { return Attention(q, k, v, {.scale = 0.1F, .window = 600}); },
      [&] { return Cached(kLong, 1); }, [&] { return Cached(kLong, 37); }};
  for (const auto& make : makers) {
    const Array one = With(1, make);
    for (const int threads : {2, 3, 7}) EXPECT_TRUE(Same(With(threads, make), one)) << threads;
  }
}

TEST(AttendWorkTest, AQueryFindsTheSameAloneAndAmongManyOfItsSequence) {
  constexpr int kRows = 700;  // more than share out by spans
  const Array q = Random({1, 4, kRows, 24}, 1);
  const Array k = Random({1, 2, kLong, 24}, 2);
  const Array v = Random({1, 2, kLong, 40}, 3);
  for (const int window : {0, 530}) {
    const AttentionSpec spec{
        .scale = 0.2F, .window = window, .sinks = Array({0.5F, -1.0F, 2.0F, 0.0F})};
    const Array all = AttentionHeads(q, k, v, spec);
    for (const int row : {0, 1, 350, kRows - 1}) {
      const int keys = kLong - kRows + row + 1;
      const auto first = [&](const Array& columns) {
        return mx::slice(columns, {0, 0, 0, 0}, {1, 2, keys, columns.shape(3)});
      };
      const Array alone = AttentionHeads(mx::slice(q, {0, 0, row, 0}, {1, 4, row + 1, 24}),
                                         first(k), first(v), spec);
      EXPECT_TRUE(Same(mx::slice(all, {0, 0, row, 0}, {1, 4, row + 1, 40}), alone)) << row;
    }
  }
}

// One thread writes the only column of the last span while others look at earlier ones.
TEST(AttendWorkTest, TheNewestColumnIsSeenWhereItBeginsASpan) {
  Array y = Cached(1024, 1);
  mx::eval(y);
  const cpu::PlainForms plain;
  const Array expected = Cached(1024, 1);
  EXPECT_LE(mx::max(mx::abs(y - expected)).item<float>(), 1e-5F);
}

TEST(AttendWorkTest, ScoresOfMinusInfinityInOneSpanTakeNothingFromTheNext) {
  constexpr int kKeys = 600;
  const float none = -std::numeric_limits<float>::infinity();
  const Array place = mx::reshape(mx::arange(0, kKeys, 1, mx::float32), {1, 1, kKeys, 1});
  // Scores: minus infinity for the first 550, then -200.
  const Array score = mx::where(mx::less(place, Array(550.0F)), Array(none), Array(-200.0F));
  const Array k = mx::concatenate({score, mx::zeros({1, 1, kKeys, 15})}, 3);
  const Array q = mx::concatenate({mx::ones({1, 1, 1, 1}), mx::zeros({1, 1, 1, 15})}, 3);
  const Array v = mx::broadcast_to(place, {1, 1, kKeys, 16});
  const Array y = Attention(q, k, v, {.scale = 1});
  EXPECT_NEAR(mx::max(y).item<float>(), 574.5F, 0.01F);
}

}  // namespace
}  // namespace ingot::ops
