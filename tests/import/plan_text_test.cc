#include "import/plan_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "import/totals.h"
#include "tests/import/source_builder.h"

namespace ingot::import {
namespace {

using tensor::DType;
using ::testing::HasSubstr;

Plan SomePlan() {
  SourceBuilder builder(R"({"architectures": ["LlamaForCausalLM"]})");
  for (int layer : {0, 1, 2, 5}) {
    builder.Add(core::StrCat("model.layers.", layer, ".mlp.up_proj.weight"), DType::kBF16,
                {128, 64});
  }
  builder.Add("model.layers.3.mlp.up_proj.weight", DType::kBF16, {256, 64})
      .Add("model.norm.weight", DType::kBF16, {64})
      .Add("evil\x1b[31m.weight", DType::kBF16, {64});
  Recipe recipe;
  recipe.requested = family::Precision::kInt4;
  return builder.MustPlan(recipe);
}

TEST(PlanTable, ShowsEqualLayersAsOneRow) {
  const std::string table = PlanTable(SomePlan(), 2);
  EXPECT_THAT(table, HasSubstr("model.layers.*.mlp.up_proj.weight  0-2,5   [128, 64]  BF16  int4"));
  EXPECT_THAT(table, HasSubstr("model.layers.*.mlp.up_proj.weight  3       [256, 64]  BF16  int4"));
  EXPECT_THAT(table, HasSubstr("quantize      as requested"));
  EXPECT_THAT(table, HasSubstr("bits per weight, about"));
}

TEST(PlanTable, LetsNoNameActOnTheTerminal) {
  const std::string table = PlanTable(SomePlan(), 2);
  EXPECT_EQ(table.find('\x1b'), std::string::npos);
  EXPECT_THAT(table, HasSubstr("evil\\x1b[31m.weight"));
}

TEST(PlanJson, HoldsEveryWeightWithItsSourcesAndTheTotals) {
  const Plan plan = SomePlan();
  const core::Json json = PlanJson(plan, 2);
  EXPECT_EQ(json["blobs"].size(), 7U);
  const core::Json& weight = json["blobs"][1]["weights"][0];
  EXPECT_EQ(weight["name"], "model.layers.0.mlp.up_proj.weight");
  EXPECT_EQ(weight["type"], "int4");
  EXPECT_EQ(weight["from"], "BF16");
  EXPECT_EQ(weight["rule"], "as requested");
  EXPECT_EQ(weight["role"], "mlp");
  EXPECT_EQ(weight["sources"], core::Json::array({"model.layers.0.mlp.up_proj.weight"}));
  EXPECT_EQ(weight["source_bytes"], 128U * 64 * 2);
  EXPECT_EQ(weight["stored_bytes"], 128U * 64 / 2 + 2 * 128 * 2);
  EXPECT_EQ(json["requested"], "int4");
  EXPECT_EQ(json["totals"]["parameters"], 4U * 128 * 64 + 256 * 64 + 2 * 64);
  EXPECT_EQ(json["totals"]["types"]["int4"]["tensors"], 5);
  EXPECT_EQ(json["totals"]["types"]["BF16"]["bytes"], 2U * 64 * 2);
  EXPECT_EQ(json["totals"]["stored_bytes"], plan.stored_bytes);
}

TEST(Totals, CountEverythingThatIsWritten) {
  const Plan plan = SomePlan();
  uint64_t bytes = 0;
  for (const PlannedBlob& blob : plan.blobs) bytes += blob.size;
  EXPECT_EQ(plan.stored_bytes, bytes);
  EXPECT_GT(BitsPerWeight(plan), 4.5);
  EXPECT_EQ(TotalsByType(plan)[0].type, "int4");
  EXPECT_GT(ExpectedSeconds(plan, 1), ExpectedSeconds(plan, 2));
}

}  // namespace
}  // namespace ingot::import
