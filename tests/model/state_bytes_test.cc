// What a state leaves behind as bytes, with caches that keep their columns in 8 bits.
#include "model/state_bytes.h"

#include <algorithm>
#include <array>
#include <vector>

#include <gtest/gtest.h>
#include <mlx/ops.h>
#include <mlx/random.h>
#include <mlx/transforms.h>

namespace ingot::model {
namespace {

namespace mx = ops::mx;

constexpr int kWindow = 8;
constexpr int kWidth = 80;

SequenceState NewState(ColumnForm form) {
  return SequenceState({KvCache(form), LatentCache(form), WindowCache(kWindow, form)});
}

// So many columns of one layer's keys, from a place of a sequence on.
Array Columns(int begin, int end, uint64_t seed) {
  const Array all =
      mx::random::normal({1, 2, 64, kWidth}, mx::float32, 0, 1, mx::random::key(seed));
  return mx::astype(mx::slice(all, {0, 0, begin, 0}, {1, 2, end, kWidth}), mx::bfloat16);
}

std::vector<Array> Feed(SequenceState& state, int end) {
  const int begin = state.length();
  const KeysValues full =
      state.Layer<KvCache>(0).Update(Columns(begin, end, 1), Columns(begin, end, 2));
  const Array latent = state.Layer<LatentCache>(1).Update(Columns(begin, end, 3));
  const KeysValues window =
      state.Layer<WindowCache>(2).Update(Columns(begin, end, 4), Columns(begin, end, 5));
  state.Advance(end - begin);
  std::vector<Array> seen = {full.keys, full.values, latent, window.keys, window.values};
  for (Array& array : seen) array = mx::contiguous(array);
  mx::eval(seen);
  mx::eval(state.Pending());
  return seen;
}

TEST(StateBytesTest, APackedStateTakesLittleMoreThanHalfOfOneInBf16) {
  SequenceState computed = NewState(ColumnForm::kComputed);
  SequenceState packed = NewState(ColumnForm::kPacked);
  Feed(computed, 20);
  Feed(packed, 20);
  // 80 codes and two scales instead of 160 bytes.
  EXPECT_EQ(packed.bytes() * 160, computed.bytes() * 88);
  EXPECT_EQ(packed.BytesAt(1000, 16) * 160, computed.BytesAt(1000, 16) * 88);
  EXPECT_EQ(CopyColumns(packed, 3, 20).bytes() * 160, CopyColumns(computed, 3, 20).bytes() * 88);
  EXPECT_EQ(CopyMark(packed).bytes() * 160, CopyMark(computed).bytes() * 88);
}

TEST(StateBytesTest, APackedStateThatWasRestoredGoesOnAsTheOneItWasCopiedFrom) {
  SequenceState state = NewState(ColumnForm::kPacked);
  Feed(state, 13);
  Feed(state, 20);
  StateColumns columns = CopyColumns(state, 0, 20);
  const StateMark mark = CopyMark(state);
  EXPECT_TRUE(Fits(state, columns));
  EXPECT_TRUE(Fits(state, mark));
  const StateColumns rest = columns.Split(7);
  SequenceState again = NewState(ColumnForm::kPacked);
  const std::array<const StateColumns*, 2> parts = {&columns, &rest};
  Restore(again, parts, &mark, 20);
  const std::vector<Array> expected = Feed(state, 29);
  const std::vector<Array> got = Feed(again, 29);
  for (size_t i = 0; i < got.size(); ++i) {
    const int shared = std::min(got[i].shape(2), 9 + kWindow - 1);
    const auto last = [&](const Array& array) {
      mx::Shape start(4, 0);
      start[2] = array.shape(2) - shared;
      return mx::slice(array, start, array.shape());
    };
    EXPECT_TRUE(mx::array_equal(last(got[i]), last(expected[i])).item<bool>()) << i;
  }
}

TEST(StateBytesTest, ColumnsOfOneFormDoNotFitAStateOfTheOther) {
  SequenceState computed = NewState(ColumnForm::kComputed);
  SequenceState packed = NewState(ColumnForm::kPacked);
  Feed(computed, 20);
  Feed(packed, 20);
  EXPECT_FALSE(Fits(packed, CopyColumns(computed, 0, 20)));
  EXPECT_FALSE(Fits(computed, CopyColumns(packed, 0, 20)));
  EXPECT_FALSE(Fits(packed, CopyMark(computed)));
  EXPECT_FALSE(Fits(computed, CopyMark(packed)));
}

}  // namespace
}  // namespace ingot::model
