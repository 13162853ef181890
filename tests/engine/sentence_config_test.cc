#include "engine/sentence_config.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/testing/temp_dir.h"

namespace ingot::engine {
namespace {

using ::ingot::testing::TempDir;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;

class SentenceConfigTest : public ::testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((dir_ / name).parent_path());
    std::ofstream(dir_ / name) << text;
  }
  core::Result<SentenceConfig> Read() const {
    const auto files = ModelFiles::OpenFolder(core::Env::Posix(), dir_ / ".");
    return SentenceConfig::Read(**files);
  }

  TempDir dir_;
};

constexpr const char* kModules =
    R"([{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"idx": 2, "name": "2", "path": "2_N", "type": "sentence_transformers.models.Normalize"}])";

TEST_F(SentenceConfigTest, WithoutFilesTheMeanOfAllRowsIsNormalised) {
  const auto config = Read();
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_THAT(config->pooling, ElementsAre(Pooling::kMean));
  EXPECT_TRUE(config->normalise);
  EXPECT_EQ(config->max_tokens, 0);
}

TEST_F(SentenceConfigTest, TheFilesDecide) {
  Write("modules.json", kModules);
  Write("1_Pooling/config.json", R"({"word_embedding_dimension": 8,
      "pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false,
      "pooling_mode_max_tokens": true})");
  Write("sentence_bert_config.json", R"({"max_seq_length": 77, "do_lower_case": false})");
  Write("config_sentence_transformers.json",
        R"({"prompts": {"query": "Q: ", "document": ""}, "default_prompt_name": "query"})");
  const auto config = Read();
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_THAT(config->pooling, ElementsAre(Pooling::kFirst, Pooling::kMax));
  EXPECT_TRUE(config->normalise);
  EXPECT_EQ(config->max_tokens, 77);
  EXPECT_EQ(config->prompts.at("query"), "Q: ");
  EXPECT_EQ(config->default_prompt, "query");
}

TEST_F(SentenceConfigTest, WithModulesButNoNormalizeVectorsStayAsTheyAre) {
  Write("modules.json", R"([{"type": "sentence_transformers.models.Transformer", "path": ""}])");
  const auto config = Read();
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_FALSE(config->normalise);
}

TEST_F(SentenceConfigTest, WhatCannotBeHonouredIsRefusedByName) {
  struct Case {
    std::string modules;
    std::string message;
  };
  const std::vector<Case> cases = {
      {R"([{"type": "sentence_transformers.models.Dense", "path": "2_Dense"}])",
       "\"sentence_transformers.models.Dense\""},
      {R"([{"type": "a.Pooling", "path": "../elsewhere"}])", "names the folder \"../elsewhere\""},
      {R"([{"type": "a.Pooling", "path": ".."}])", "names the folder \"..\""},
      {R"([{"type": "a.Pooling", "path": "1_Pooling"}])", "1_Pooling/config.json is missing"},
      {R"({"type": "a.Pooling"})", "modules.json is no list"},
      {R"([7])", "its embeddings need the module \"\""},
      {R"([)", "modules.json"},
  };
  for (const Case& c : cases) {
    Write("modules.json", c.modules);
    const auto config = Read();
    ASSERT_FALSE(config.ok()) << c.modules;
    EXPECT_THAT(std::string(config.status().message()), HasSubstr(c.message));
  }
  Write("modules.json", kModules);
  Write("1_Pooling/config.json", R"({"pooling_mode_mean_tokens": false})");
  EXPECT_THAT(std::string(Read().status().message()), HasSubstr("chooses no way of pooling"));
  Write("1_Pooling/config.json", R"({"pooling_mode_mean_tokens": true})");
  Write("config_sentence_transformers.json", R"({"default_prompt_name": "query"})");
  EXPECT_THAT(std::string(Read().status().message()), HasSubstr("has no prompt \"query\""));
  Write("config_sentence_transformers.json", "{}");
  Write("sentence_bert_config.json", R"({"do_lower_case": true})");
  EXPECT_THAT(std::string(Read().status().message()), HasSubstr("do_lower_case"));
}

TEST(PoolTest, EachWayIsWhatItsNameSays) {
  const std::vector<float> rows = {1, -2, 3, 4, 8, 6};  // three of width 2
  const auto pool = [&](Pooling pooling) { return Pool(rows, 2, {{pooling}}); };
  EXPECT_THAT(pool(Pooling::kFirst), ElementsAre(1, -2));
  EXPECT_THAT(pool(Pooling::kLast), ElementsAre(8, 6));
  EXPECT_THAT(pool(Pooling::kMax), ElementsAre(8, 6));
  EXPECT_THAT(pool(Pooling::kMean), ElementsAre(FloatNear(4, 1e-6F), FloatNear(8 / 3.0F, 1e-6F)));
  EXPECT_THAT(pool(Pooling::kMeanRoot),
              ElementsAre(FloatNear(6.9282032F, 1e-5F), FloatNear(4.6188021F, 1e-5F)));
  EXPECT_THAT(pool(Pooling::kWeightedMean),
              ElementsAre(FloatNear(31 / 6.0F, 1e-6F), FloatNear(4, 1e-6F)));
  EXPECT_THAT(Pool(rows, 2, {{Pooling::kFirst, Pooling::kLast}}), ElementsAre(1, -2, 8, 6));
}

TEST(NormaliseTest, LeavesZerosAlone) {
  std::vector<float> vector = {3, 4};
  Normalise(vector);
  EXPECT_THAT(vector, ElementsAre(FloatNear(0.6F, 1e-7F), FloatNear(0.8F, 1e-7F)));
  std::vector<float> zeros = {0, 0};
  Normalise(zeros);
  EXPECT_THAT(zeros, ElementsAre(0, 0));
}

}  // namespace
}  // namespace ingot::engine
