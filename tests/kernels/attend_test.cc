// Attention's kernel, in every form the machine has, against softmax in double.
#include "kernels/attend.h"

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/form.h"

namespace ingot::kernels {
namespace {

constexpr size_t kKeyCount = 150;
constexpr size_t kKeyWidth = 40;    // not whole vectors
constexpr size_t kValueWidth = 72;  // one run of four vectors, and half of one
constexpr size_t kPaddedKey = RoundUp(kKeyWidth, kVector);
constexpr size_t kPaddedValue = RoundUp(kValueWidth, kVector);
constexpr float kScale = 0.2F;

struct Case {
  Case() : q(6 * kPaddedKey), keys(kKeyCount * kKeyWidth), values(kKeyCount * kValueWidth) {
    std::mt19937 random(13);  // NOLINT: the same numbers at every run
    std::normal_distribution<float> normal(0, 1);
    for (size_t r = 0; r < 6; ++r) {
      for (size_t k = 0; k < kKeyWidth; ++k) q[r * kPaddedKey + k] = normal(random);
    }
    for (float& key : keys) key = normal(random);
    for (float& value : values) value = normal(random);
  }

  std::vector<float> Attend(const Form& form, const std::vector<AttendQuery>& queries) const {
    std::vector<float> out(queries.size() * kPaddedValue, -1.0F);
    form.attend({.type = FloatType::kF32,
                 .rows = queries.size(),
                 .queries = queries.data(),
                 .q = q.data(),
                 .q_stride = kPaddedKey,
                 .keys = kKeyCount,
                 .key_rows = reinterpret_cast<const std::byte*>(keys.data()),
                 .key_stride = kKeyWidth * sizeof(float),
                 .key_width = kKeyWidth,
                 .value_rows = reinterpret_cast<const std::byte*>(values.data()),
                 .value_stride = kValueWidth * sizeof(float),
                 .value_width = kValueWidth,
                 .scale = kScale,
                 .out = out.data(),
                 .out_stride = kPaddedValue});
    return out;
  }

  // The weighted mean of value n for query r.
  double Expected(const AttendQuery& query, size_t r, size_t n) const {
    double total = query.sink != nullptr ? std::exp(*query.sink) : 0;
    double sum = 0;
    for (size_t key = query.begin; key < query.end; ++key) {
      double score = 0;
      for (size_t k = 0; k < kKeyWidth; ++k) {
        score += static_cast<double>(q[r * kPaddedKey + k]) * keys[key * kKeyWidth + k];
      }
      const double weight = std::exp(score * kScale);
      total += weight;
      sum += weight * values[key * kValueWidth + n];
    }
    return sum / total;
  }

  std::vector<float> q;
  std::vector<float> keys;
  std::vector<float> values;
};

TEST(Attend, EveryFormGivesTheSoftmaxOfWhatAQuerySees) {
  const Case given;
  const float sink = 0.3F;
  const std::vector<AttendQuery> queries = {
      {0, kKeyCount, nullptr}, {10, 149, &sink}, {120, 121, nullptr}};
  for (const Form* form : SupportedForms()) {
    const std::vector<float> out = given.Attend(*form, queries);
    for (size_t r = 0; r < queries.size(); ++r) {
      for (size_t n = 0; n < kValueWidth; ++n) {
        EXPECT_NEAR(out[r * kPaddedValue + n], given.Expected(queries[r], r, n), 4e-6)
            << form->name << " " << r << " " << n;
      }
    }
  }
}

// Queries that begin together are looked at together: nobody may notice.
TEST(Attend, AQueryFindsTheSameInAnyCompany) {
  const Case given;
  const float sink = -0.4F;
  const std::vector<AttendQuery> queries = {{0, 150, nullptr}, {0, 149, &sink}, {0, 70, nullptr},
                                            {0, 128, nullptr}, {0, 3, &sink},   {2, 150, nullptr}};
  for (const Form* form : SupportedForms()) {
    const std::vector<float> out = given.Attend(*form, queries);
    for (size_t r = 0; r < queries.size(); ++r) {
      // Behind others that see nothing and whose results are not looked at.
      std::vector<AttendQuery> alone(queries.size(), {7, 7, nullptr});
      alone[r] = queries[r];
      const std::vector<float> one = given.Attend(*form, alone);
      for (size_t n = 0; n < kValueWidth; ++n) {
        EXPECT_EQ(out[r * kPaddedValue + n], one[r * kPaddedValue + n]) << form->name << " " << r;
        EXPECT_NEAR(out[r * kPaddedValue + n], given.Expected(queries[r], r, n), 4e-6)
            << form->name << " " << r;
      }
    }
  }
}

TEST(Attend, ANanInAKeyReachesTheQueriesThatSeeItAlone) {
  Case given;
  given.keys[5 * kKeyWidth + 3] = std::numeric_limits<float>::quiet_NaN();
  for (size_t n = 0; n < kValueWidth; ++n) {
    given.values[5 * kValueWidth + n] = std::numeric_limits<float>::quiet_NaN();
  }
  const std::vector<AttendQuery> queries = {
      {0, 5, nullptr}, {0, 6, nullptr}, {6, kKeyCount, nullptr}};
  for (const Form* form : SupportedForms()) {
    const std::vector<float> out = given.Attend(*form, queries);
    for (size_t r = 0; r < queries.size(); ++r) {
      EXPECT_EQ(std::isnan(out[r * kPaddedValue]), r == 1) << form->name << " " << r;
    }
  }
}

}  // namespace
}  // namespace ingot::kernels
