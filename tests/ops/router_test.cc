// Every option of a router against the same computed one number at a time, in double.
#include "ops/router.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "ops/cpu/choice.h"

namespace ingot::ops {
namespace {

constexpr int kRows = 3;
constexpr int kExperts = 8;
constexpr std::array<float, kRows* kExperts> kLogits = {
    0.3F, -1.2F, 2.1F, 0.9F, -0.4F, 1.7F, -2.2F, 0.1F, -0.6F, 3.3F,  0.2F,  1.1F,
    2.9F, -1.9F, 0.7F, 1.5F, 1.0F,  0.8F, 0.6F,  0.4F, 0.2F,  -0.1F, -0.3F, -0.5F};
constexpr std::array<float, kExperts> kCorrection = {0.1F, 0.9F,  -0.2F, 0.0F,
                                                     0.3F, -0.7F, 0.5F,  -0.1F};

double Score(RouterScore score, double x, const std::vector<double>& row) {
  if (score == RouterScore::kSigmoid) return 1 / (1 + std::exp(-x));
  if (score == RouterScore::kRootSoftplus) return std::sqrt(std::log1p(std::exp(x)));
  double sum = 0;
  for (const double other : row) sum += std::exp(other - x);
  return 1 / sum;
}

// Expert to weight of one row.
std::map<int, double> Expected(const RouterSpec& spec, int row) {
  std::vector<double> logits;
  for (int e = 0; e < kExperts; ++e) {
    double x = kLogits[static_cast<size_t>(row * kExperts + e)];
    if (spec.softcap > 0) x = spec.softcap * std::tanh(x / spec.softcap);
    logits.push_back(x);
  }
  struct Candidate {
    int expert;
    double score;
    double wanted;
  };
  std::vector<Candidate> all;
  for (int e = 0; e < kExperts; ++e) {
    const auto i = static_cast<size_t>(e);
    const double score = Score(spec.score, logits[i], logits);
    all.push_back({e, score, score + (spec.correction ? kCorrection[i] : 0)});
  }
  const auto better = [](const Candidate& a, const Candidate& b) { return a.wanted > b.wanted; };
  const int size = kExperts / spec.groups;
  std::vector<std::pair<double, int>> groups;
  for (int g = 0; g < spec.groups; ++g) {
    std::vector<Candidate> members(all.begin() + g * size, all.begin() + (g + 1) * size);
    std::sort(members.begin(), members.end(), better);
    groups.emplace_back(-members[0].wanted - members[1].wanted, g);
  }
  std::sort(groups.begin(), groups.end());
  std::vector<Candidate> left;
  for (const Candidate& candidate : all) {
    for (int g = 0; g < spec.kept_groups; ++g) {
      if (groups[static_cast<size_t>(g)].second == candidate.expert / size) {
        left.push_back(candidate);
      }
    }
  }
  std::sort(left.begin(), left.end(), better);
  left.resize(static_cast<size_t>(spec.chosen));
  double sum = spec.floor;
  for (const Candidate& candidate : left) sum += candidate.score;
  std::map<int, double> weights;
  for (const Candidate& candidate : left) {
    weights[candidate.expert] = spec.scale * candidate.score / (spec.normalise ? sum : 1);
  }
  return weights;
}

std::vector<RouterSpec> EveryOption() {
  const Array correction(kCorrection.data(), {kExperts}, mx::float32);
  std::vector<RouterSpec> specs;
  for (const RouterScore score :
       {RouterScore::kSoftmax, RouterScore::kSigmoid, RouterScore::kRootSoftplus}) {
    for (const int chosen : {1, 3}) {
      specs.push_back({.score = score, .chosen = chosen});
      specs.push_back({.score = score, .chosen = chosen, .normalise = false, .scale = 2.5F});
      specs.push_back({.score = score, .chosen = chosen, .floor = 0.25F, .softcap = 1.5F});
      specs.push_back({.score = score, .chosen = chosen, .correction = correction});
      specs.push_back({.score = score,
                       .chosen = chosen,
                       .correction = correction,
                       .groups = 4,
                       .kept_groups = 2});
    }
  }
  return specs;
}

void ExpectFormulas(const std::vector<RouterSpec>& specs) {
  const Array logits(kLogits.data(), {kRows, kExperts}, mx::float32);
  for (size_t i = 0; i < specs.size(); ++i) {
    SCOPED_TRACE(i);
    const Routing routing = Route(logits, specs[i]);
    Array experts = mx::contiguous(mx::astype(routing.experts, mx::int32));
    Array weights = mx::contiguous(routing.weights);
    mx::eval({experts, weights});
    ASSERT_EQ(experts.shape(), (mx::Shape{kRows, specs[i].chosen}));
    for (int row = 0; row < kRows; ++row) {
      std::map<int, double> expected = Expected(specs[i], row);
      for (int k = 0; k < specs[i].chosen; ++k) {
        const auto at = static_cast<ptrdiff_t>(row * specs[i].chosen + k);
        const int expert = experts.data<int>()[at];
        ASSERT_TRUE(expected.contains(expert)) << "row " << row << " chose " << expert;
        EXPECT_NEAR(weights.data<float>()[at], expected[expert], 1e-5);
        expected.erase(expert);
      }
    }
  }
}

TEST(RouterTest, EveryOptionIsItsFormula) { ExpectFormulas(EveryOption()); }

TEST(RouterTest, SoIsItInItsPlainForm) {
  const cpu::PlainForms plain;
  ExpectFormulas(EveryOption());
}

TEST(RouterTest, ManyRowsOfManyExpertsAreRoutedAsInThePlainForm) {
  for (const mx::Dtype type : {mx::float32, mx::bfloat16}) {
    const Array logits =
        mx::astype(mx::random::normal({37, 160}, mx::float32, 0, 2, mx::random::key(3)), type);
    const RouterSpec spec{
        .score = RouterScore::kSigmoid, .chosen = 8, .groups = 8, .kept_groups = 3};
    const auto sorted = [&](const Routing& routing) {
      return mx::sort(mx::astype(routing.experts, mx::int32), -1);
    };
    const Routing own = Route(logits, spec);
    const cpu::PlainForms plain;
    const Routing expected = Route(logits, spec);
    // Equal logits, of which bf16 has many, may be taken in another order.
    if (type == mx::float32) {
      EXPECT_TRUE(mx::array_equal(sorted(own), sorted(expected)).item<bool>());
    }
    EXPECT_TRUE(mx::allclose(mx::sort(own.weights, -1), mx::sort(expected.weights, -1), 1e-5, 1e-6)
                    .item<bool>());
  }
}

TEST(RouterTest, NanIsNotAnExpertThatDoesNotExist) {
  std::vector<float> logits(16, 0.5F);
  logits[0] = logits[5] = NAN;
  for (const RouterScore score : {RouterScore::kSoftmax, RouterScore::kSigmoid}) {
    const Routing routing = Route(Array(logits.data(), {1, 16}, mx::float32),
                                  {.score = score, .chosen = 15, .groups = 4, .kept_groups = 4});
    const Array sorted = mx::sort(mx::astype(routing.experts, mx::int32), -1);
    EXPECT_GE(mx::min(sorted).item<int>(), 0);
    EXPECT_LT(mx::max(sorted).item<int>(), 16);
    EXPECT_EQ(mx::min(mx::slice(sorted, {0, 1}, {1, 15}) - mx::slice(sorted, {0, 0}, {1, 14}))
                  .item<int>(),
              1);
  }
}

// Where bf16 would see a tie, the better one is chosen all the same.
TEST(RouterTest, LogitsThatHardlyDifferAreToldApart) {
  const std::vector<float> close = {1.0F, 1.0F + 1e-4F, 1.0F - 1e-4F, 0.9998F};
  const Routing routing =
      Route(Array(close.data(), {1, 4}, mx::float32), {.score = RouterScore::kSigmoid});
  EXPECT_EQ(mx::astype(routing.experts, mx::int32).item<int>(), 1);
}

}  // namespace
}  // namespace ingot::ops
