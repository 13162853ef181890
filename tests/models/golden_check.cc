#include "tests/models/golden_check.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace ingot::testing {
namespace {

namespace mx = ops::mx;

double Deviation(const std::vector<float>& values) {
  double sum = 0;
  double squares = 0;
  for (const float v : values) {
    sum += v;
    squares += static_cast<double>(v) * v;
  }
  const auto n = static_cast<double>(values.size());
  return std::sqrt(squares / n - sum / n * (sum / n));
}

}  // namespace

std::vector<float> LogitsOf(const model::LanguageModel& model, const std::vector<int>& tokens,
                            size_t chunk) {
  model::SequenceState state = model.NewState();
  std::vector<float> all;
  for (size_t i = 0; i < tokens.size(); i += chunk) {
    const size_t n = std::min(chunk, tokens.size() - i);
    const ops::Array ids(tokens.data() + i, {1, static_cast<int>(n)}, mx::int32);
    ops::Array logits = mx::contiguous(ops::ToFloat32(model.Logits(model.Forward(ids, state))));
    std::vector<ops::Array> pending = state.Pending();
    pending.push_back(logits);
    mx::eval(pending);
    all.insert(all.end(), logits.data<float>(), logits.data<float>() + logits.size());
  }
  EXPECT_EQ(state.length(), static_cast<int>(tokens.size()));
  return all;
}

std::vector<int> FedTokens(const Golden& golden) {
  std::vector<int> tokens = golden.prompt;
  tokens.insert(tokens.end(), golden.greedy.begin(), golden.greedy.end() - 1);
  return tokens;
}

double WorstError(const std::vector<float>& got, const std::vector<float>& expected) {
  if (got.size() < expected.size()) return std::numeric_limits<double>::infinity();
  const double deviation = Deviation(expected);
  double worst = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double error = std::abs(static_cast<double>(got[i]) - expected[i]) / deviation;
    if (std::isnan(error)) return error;
    worst = std::max(worst, error);
  }
  return worst;
}

void ExpectMatches(const Golden& golden, const std::vector<float>& got) {
  const size_t vocabulary = golden.logits.size() / golden.prompt.size();
  EXPECT_LE(WorstError(got, golden.logits), 2e-3);
  ASSERT_EQ(got.size(), (golden.prompt.size() + golden.greedy.size() - 1) * vocabulary);
  for (size_t step = 0; step < golden.greedy.size(); ++step) {
    if (golden.gaps[step] <= 0.01F) continue;
    const auto row =
        got.begin() + static_cast<ptrdiff_t>((golden.prompt.size() - 1 + step) * vocabulary);
    const auto best = std::max_element(row, row + static_cast<ptrdiff_t>(vocabulary)) - row;
    EXPECT_EQ(best, golden.greedy[step]) << "step " << step;
  }
}

}  // namespace ingot::testing
