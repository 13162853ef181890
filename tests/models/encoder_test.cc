// Text encoders against the Hugging Face implementation, in fp32: see seeded_checkpoint.h.
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/stored_tensors.h"
#include "models/load.h"
#include "models/registry.h"
#include "tests/models/seeded_checkpoint.h"
#include "tests/testing/temp_dir.h"

namespace ingot::models {
namespace {

namespace mx = ops::mx;
using ::ingot::testing::Golden;
using ::ingot::testing::ReadGolden;
using ::ingot::testing::TempDir;
using ::testing::HasSubstr;

core::Result<std::unique_ptr<model::TextEncoder>> LoadFrom(const Golden& golden) {
  const TempDir dir;  // gone when this returns: the arrays hold what they need
  testing::WriteFolder(dir / "m", golden.config, golden.tensors);
  INGOT_ASSIGN(const model::StoredTensors tensors,
               model::StoredTensors::FromFolder(core::Env::Posix(), dir / "m"));
  return LoadEncoderTensors(golden.config, tensors, mx::float32);
}

std::vector<float> RowsOf(const model::TextEncoder& encoder, const std::vector<int>& tokens,
                          int texts) {
  const ops::Array ids(tokens.data(), {texts, static_cast<int>(tokens.size()) / texts}, mx::int32);
  ops::Array rows = mx::contiguous(encoder.Forward(ids));
  rows.eval();
  return {rows.data<float>(), rows.data<float>() + rows.size()};
}

class EncoderGoldenTest : public ::testing::TestWithParam<const char*> {};

TEST_P(EncoderGoldenTest, RowsAreTheReferences) {
  const Golden golden = ReadGolden(GetParam());
  const auto encoder = LoadFrom(golden);
  ASSERT_TRUE(encoder.ok()) << encoder.status().message();
  const std::vector<float> rows = RowsOf(**encoder, golden.prompt, 1);
  ASSERT_EQ(rows.size(), golden.logits.size());
  for (size_t i = 0; i < rows.size(); ++i) ASSERT_NEAR(rows[i], golden.logits[i], 1e-4) << i;
}

TEST_P(EncoderGoldenTest, TextsOfABatchDoNotSeeEachOther) {
  const Golden golden = ReadGolden(GetParam());
  const auto encoder = LoadFrom(golden);
  ASSERT_TRUE(encoder.ok()) << encoder.status().message();
  std::vector<int> both = golden.prompt;
  both.insert(both.end(), golden.prompt.rbegin(), golden.prompt.rend());
  const std::vector<float> together = RowsOf(**encoder, both, 2);
  for (size_t i = 0; i < golden.logits.size(); ++i) {
    ASSERT_NEAR(together[i], golden.logits[i], 1e-4) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Architectures, EncoderGoldenTest, ::testing::Values("bert", "nomic_bert"),
                         [](const auto& param) { return std::string(param.param); });

TEST(EncoderErrorsTest, AnEncoderIsNotRunAsALanguageModel) {
  const Golden golden = ReadGolden("bert");
  EXPECT_TRUE(IsTextEncoder(golden.config));
  EXPECT_FALSE(IsTextEncoder(ReadGolden("llama").config));
  const TempDir dir;
  testing::WriteFolder(dir / "m", golden.config, golden.tensors);
  const auto model = LoadFolder(core::Env::Posix(), dir / "m", mx::float32);
  EXPECT_EQ(model.status().code(), core::Code::kUnsupported);
  EXPECT_THAT(std::string(model.status().message()), HasSubstr("is a text encoder"));
  EXPECT_THAT(std::string(model.status().hint()), HasSubstr("ingot embed"));
}

TEST(EncoderErrorsTest, ConfigsAreCheckedFieldByField) {
  Golden golden = ReadGolden("bert");
  golden.config["hidden_act"] = "wave";
  golden.config["num_attention_heads"] = 5;
  golden.config["position_embedding_type"] = "relative_key";
  const auto encoder = LoadFrom(golden);
  ASSERT_FALSE(encoder.ok());
  const std::string message(encoder.status().message());
  EXPECT_THAT(message, HasSubstr("hidden_act: \"wave\" is not supported"));
  EXPECT_THAT(message, HasSubstr("hidden_size: expected a multiple of num_attention_heads"));
  EXPECT_THAT(message, HasSubstr("position_embedding_type: \"relative_key\" is not supported"));
}

}  // namespace
}  // namespace ingot::models
