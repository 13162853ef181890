#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "ops/cpu/choice.h"
#include "ops/sample.h"

namespace ingot::ops {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<int> LikeliestOf(const std::vector<float>& row) {
  return Likeliest(Array(row.data(), {1, static_cast<int>(row.size())}, mx::float32));
}

TEST(LikeliestTest, IsThatOfThePlainFormWhateverTheTypeAndTheWidth) {
  std::mt19937 random(5);  // NOLINT: the same numbers at every run
  std::normal_distribution<float> normal(0, 1);
  for (const int width : {1, 15, 16, 1023, 1024, 1025, 5000, 16385, 40000}) {
    std::vector<float> numbers(static_cast<size_t>(width) * 7);
    for (float& number : numbers) number = normal(random);
    for (const mx::Dtype type : {mx::float32, mx::bfloat16, mx::float16}) {
      const Array logits = mx::astype(Array(numbers.data(), {7, width}, mx::float32), type);
      const std::vector<int> own = Likeliest(logits);
      const cpu::PlainForms plain;
      EXPECT_EQ(own, Likeliest(logits)) << width;
    }
  }
}

TEST(LikeliestTest, RowsThatDoNotLieTogetherAreBroughtTogether) {
  const std::vector<float> numbers = {1, 9, 5, 4, 2, 8};
  const Array columns = mx::transpose(Array(numbers.data(), {2, 3}, mx::float32));
  EXPECT_EQ(Likeliest(columns), (std::vector<int>{1, 0, 1}));
}

TEST(LikeliestTest, TheFirstOfEqualsAndNeverWhatIsNotANumber) {
  EXPECT_EQ(LikeliestOf({1, 3, 3, 2}), (std::vector<int>{1}));
  EXPECT_EQ(LikeliestOf({kNan, 3, kNan, 4, kNan}), (std::vector<int>{3}));
  EXPECT_EQ(LikeliestOf({-kInfinity, -5, kInfinity}), (std::vector<int>{2}));
  EXPECT_EQ(LikeliestOf({-kInfinity, -kInfinity}), (std::vector<int>{0}));
  EXPECT_EQ(LikeliestOf({kNan, kNan}), (std::vector<int>{0}));
  std::vector<float> far(50000, 2);
  far[20000] = far[40000] = 3;
  EXPECT_EQ(LikeliestOf(far), (std::vector<int>{20000}));
  std::vector<float> last(3000, -1);
  last.back() = -0.5F;
  EXPECT_EQ(LikeliestOf(last), (std::vector<int>{2999}));
}

}  // namespace
}  // namespace ingot::ops
