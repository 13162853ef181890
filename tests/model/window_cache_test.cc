// A window of columns against all columns kept, however they come.
#include <algorithm>
#include <vector>

#include <gtest/gtest.h>
#include <mlx/ops.h>

#include "model/cache.h"

namespace ingot::model {
namespace {

namespace mx = ops::mx;

constexpr int kWindow = 40;

// Columns numbered from `first` on, [1, 2, count, 3].
Array Columns(int first, int count) {
  const Array numbers = mx::reshape(mx::arange(first, first + count, 1, mx::float32), {count, 1});
  return mx::astype(mx::broadcast_to(numbers, {1, 2, count, 3}), mx::float32);
}

// Puts columns [at, at + count) in and looks at what their queries see.
void Step(WindowCache& cache, int at, int count) {
  const KeysValues seen = cache.Update(Columns(at, count), Columns(at + 10000, count));
  std::vector<Array> pending;
  cache.Evaluate(pending);
  mx::eval(pending);
  const int have = seen.keys.shape(2);
  ASSERT_GE(have, std::min(at + count, kWindow - 1 + count));
  const int from = at + count - have;
  EXPECT_TRUE(mx::array_equal(seen.keys, Columns(from, have)).item<bool>()) << at;
  EXPECT_TRUE(mx::array_equal(seen.values, Columns(from + 10000, have)).item<bool>()) << at;
}

TEST(WindowCacheTest, HoldsTheLastColumnsWhetherFewOrManyCome) {
  WindowCache cache(kWindow);
  int at = 0;
  const auto put = [&](int count) {
    Step(cache, at, count);
    at += count;
  };
  put(30);
  for (int i = 0; i < 700; ++i) put(1);
  put(100);
  for (int i = 0; i < 90; ++i) put(i % 16 + 1);
  EXPECT_EQ(cache.length(), at);
}

TEST(WindowCacheTest, ACopyIsNotChangedByWhatComesAfterIt) {
  WindowCache cache(kWindow);
  Step(cache, 0, 30);
  for (int at = 30; at < 60; ++at) Step(cache, at, 1);
  WindowCache copy = cache;
  for (int at = 60; at < 100; ++at) Step(cache, at, 1);
  for (int at = 60; at < 100; ++at) Step(copy, at, 1);
}

TEST(WindowCacheTest, IsCutBackWhileNothingIsLost) {
  WindowCache cache(kWindow);
  Step(cache, 0, 10);
  for (int at = 10; at < 30; ++at) Step(cache, at, 1);
  ASSERT_TRUE(cache.Trim(17));
  for (int at = 17; at < 90; ++at) Step(cache, at, 1);
  EXPECT_FALSE(cache.Trim(20));
  EXPECT_EQ(cache.length(), 90);
}

}  // namespace
}  // namespace ingot::model
