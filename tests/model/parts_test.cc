#include "model/parts.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ingot::model {
namespace {

// What a weight is expected to find, by name; empty: nothing.
struct Expected {
  std::string weight;
  std::string scale;
  std::string quant_bias;
  std::string global_scale;
};
struct Case {
  std::string what;
  std::vector<std::string_view> stored;
  std::vector<Expected> expected;
};

const std::vector<Case>& Cases() {
  static const std::vector<Case> cases = {
      {"singular names",
       {"a.weight", "a.weight.scale", "a.weight.bias", "a.weight.global_scale"},
       {{"a.weight", "a.weight.scale", "a.weight.bias", "a.weight.global_scale"}}},
      {"plural names",
       {"a.weight", "a.scales", "a.biases", "a.global_scale"},
       {{"a.weight", "a.scales", "a.biases", "a.global_scale"}}},
      {"both within one layer, each weight in its own convention",
       {"a.q.weight", "a.q.scales", "a.q.biases", "a.k.weight", "a.k.weight.scale",
        "a.k.weight.bias"},
       {{"a.k.weight", "a.k.weight.scale", "a.k.weight.bias", ""},
        {"a.q.weight", "a.q.scales", "a.q.biases", ""}}},
      {"singular and plural mixed on one weight",
       {"a.weight", "a.weight.scale", "a.biases"},
       {{"a.weight", "a.weight.scale", "a.biases", ""}}},
      {"a dense bias stays a bias",
       {"a.weight", "a.scales", "a.biases", "a.bias"},
       {{"a.bias", "", "", ""}, {"a.weight", "a.scales", "a.biases", ""}}},
      {"a dense bias of a dense weight",
       {"a.weight", "a.bias"},
       {{"a.bias", "", "", ""}, {"a.weight", "", "", ""}}},
      {"plural biases without scales keep their name",
       {"a.weight", "a.biases"},
       {{"a.biases", "", "", ""}, {"a.weight", "", "", ""}}},
      {"a scale whose base is no tensor is its own",
       {"router.proj.weight", "router.scale", "router.per_expert_scale"},
       {{"router.per_expert_scale", "", "", ""},
        {"router.proj.weight", "", "", ""},
        {"router.scale", "", "", ""}}},
      {"a global scale without scales is its own",
       {"a.weight", "a.weight.global_scale"},
       {{"a.weight", "", "", ""}, {"a.weight.global_scale", "", "", ""}}},
      {"stacked experts without .weight, singular",
       {"e.gate_up_proj", "e.gate_up_proj.scale", "e.gate_up_proj.bias"},
       {{"e.gate_up_proj", "e.gate_up_proj.scale", "e.gate_up_proj.bias", ""}}},
      {"stacked experts without .weight, plural",
       {"e.gate_up_proj", "e.gate_up_proj.scales"},
       {{"e.gate_up_proj", "e.gate_up_proj.scales", "", ""}}},
      {"another tool's global scale",
       {"a.weight", "a.weight.scale", "a.weight_scale_2"},
       {{"a.weight", "a.weight.scale", "", "a.weight_scale_2"}}},
      {"orphan scales keep their name", {"a.scales"}, {{"a.scales", "", "", ""}}},
  };
  return cases;
}

void Check(const Case& c, const std::vector<std::string_view>& stored) {
  const PartsByName parts = GroupParts(stored);
  const auto name = [&](const std::optional<size_t>& index) {
    return index ? std::string(stored[*index]) : std::string();
  };
  ASSERT_EQ(parts.size(), c.expected.size()) << c.what;
  size_t i = 0;
  for (const auto& [weight, found] : parts) {
    const Expected& expected = c.expected[i++];
    EXPECT_EQ(weight, expected.weight) << c.what;
    EXPECT_EQ(name(found.scale), expected.scale) << c.what;
    EXPECT_EQ(name(found.quant_bias), expected.quant_bias) << c.what;
    EXPECT_EQ(name(found.global_scale), expected.global_scale) << c.what;
  }
}

TEST(PartsTest, EveryCaseInEveryOrder) {
  for (const Case& c : Cases()) {
    std::vector<std::string_view> stored = c.stored;
    std::sort(stored.begin(), stored.end());
    do {
      Check(c, stored);
    } while (stored.size() <= 5 && std::next_permutation(stored.begin(), stored.end()));
  }
}

TEST(PartsTest, SingularWinsWhateverTheOrder) {
  std::vector<std::string_view> stored = {"a.weight", "a.weight.scale", "a.scales", "a.weight.bias",
                                          "a.biases"};
  std::sort(stored.begin(), stored.end());
  do {
    const PartsByName parts = GroupParts(stored);
    ASSERT_EQ(parts.size(), 1u) << "the plural ones are not listed as tensors of their own";
    const WeightParts& found = parts.begin()->second;
    EXPECT_EQ(stored[*found.scale], "a.weight.scale");
    EXPECT_EQ(stored[*found.quant_bias], "a.weight.bias");
  } while (std::next_permutation(stored.begin(), stored.end()));
}

TEST(PartsTest, CanonicalNames) {
  EXPECT_EQ(PartName("a.weight", Part::kScale), "a.weight_scale");
  EXPECT_EQ(PartName("a.weight", Part::kQuantBias), "a.weight_qbias");
  EXPECT_EQ(PartName("a.weight", Part::kGlobalScale), "a.weight_global_scale");
}

}  // namespace
}  // namespace ingot::model
