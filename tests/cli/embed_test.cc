// `ingot embed` on a small encoder with a tokenizer of words.
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/json.h"
#include "tests/cli/run_cli.h"
#include "tests/models/seeded_checkpoint.h"
#include "tests/testing/temp_dir.h"

namespace ingot::cli {
namespace {

using core::Json;
using ::testing::HasSubstr;

constexpr std::string_view kTokenizer = R"({
  "model": {"type": "WordLevel", "unk_token": "?",
            "vocab": {"?": 0, "hello": 1, "world": 2, "ask": 3}},
  "pre_tokenizer": {"type": "WhitespaceSplit"}
})";

class EmbedTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const testing::Golden golden = testing::ReadGolden("nomic_bert");
    testing::WriteFolder(dir_ / "m", golden.config, golden.tensors);
    std::ofstream(dir_ / "m/tokenizer.json") << kTokenizer;
    std::ofstream(dir_ / "m/config_sentence_transformers.json")
        << R"({"prompts": {"query": "ask "}})";
  }
  Outcome Embed(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), {"embed", folder_.c_str()});
    arguments.insert(arguments.end(), {"--dtype", "float32"});
    return Ingot(std::move(arguments));
  }
  static std::vector<float> Numbers(const Json& json) { return json.get<std::vector<float>>(); }

  testing::TempDir dir_;
  std::string folder_ = (dir_ / "m").string();
};

double Length(const std::vector<float>& vector) {
  double squares = 0;
  for (const float v : vector) squares += static_cast<double>(v) * v;
  return std::sqrt(squares);
}

TEST_F(EmbedTest, PrintsALineOfNumbersForEachText) {
  const Outcome outcome = Embed({"hello world", "world"});
  ASSERT_EQ(outcome.exit, 0) << outcome.err;
  const size_t end = outcome.out.find('\n');
  ASSERT_EQ(outcome.out.find('\n', end + 1), outcome.out.size() - 1);
  const std::vector<float> first = Numbers(Json::parse(outcome.out.substr(0, end)));
  const std::vector<float> second = Numbers(Json::parse(outcome.out.substr(end)));
  EXPECT_EQ(first.size(), 64);
  EXPECT_NEAR(Length(first), 1, 1e-5);
  EXPECT_NE(first, second);
}

TEST_F(EmbedTest, KeepsTheFirstNumbersAndNormalisesThem) {
  const Outcome whole = Embed({"hello world", "--no-normalize"});
  const Outcome part = Embed({"hello world", "--dimensions", "8", "--json"});
  ASSERT_EQ(part.exit, 0) << part.err;
  const Json json = Json::parse(part.out);
  std::vector<float> expected = Numbers(Json::parse(whole.out));
  EXPECT_GT(std::abs(Length(expected) - 1), 0.01);
  expected.resize(8);
  const double length = Length(expected);
  ASSERT_EQ(json["embeddings"].size(), 1);
  const std::vector<float> got = Numbers(json["embeddings"][0]);
  ASSERT_EQ(got.size(), 8);
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i] / length, 1e-5);
  EXPECT_EQ(json["prompt_tokens"], 2);
}

TEST_F(EmbedTest, AllTextsAreOneObject) {
  const Outcome outcome = Embed({"hello world", "world", "--json"});
  ASSERT_EQ(outcome.exit, 0) << outcome.err;
  const Json json = Json::parse(outcome.out);
  EXPECT_EQ(json["prompt_tokens"], 3);
  ASSERT_EQ(json["embeddings"].size(), 2);
  EXPECT_EQ(Numbers(json["embeddings"][1]), Numbers(Json::parse(Embed({"world"}).out)));
}

TEST_F(EmbedTest, TakesTokensAsTheyStandAndGivesTheirRows) {
  EXPECT_EQ(Embed({"--tokens", "1,2"}).out, Embed({"hello world"}).out);
  const std::string npy = (dir_ / "rows.npy").string();
  const Outcome outcome = Embed({"--tokens", "1,2", "--hidden", "-o", npy.c_str()});
  ASSERT_EQ(outcome.exit, 0) << outcome.err;
  std::ifstream file(npy, std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  EXPECT_THAT(bytes, HasSubstr("'shape': (2, 64)"));
  std::vector<float> rows(2 * 64);
  ASSERT_GT(bytes.size(), rows.size() * sizeof(float));
  std::memcpy(rows.data(), bytes.data() + bytes.size() - rows.size() * sizeof(float),
              rows.size() * sizeof(float));
  const std::vector<float> mean =
      Numbers(Json::parse(Embed({"--tokens", "1,2", "--no-normalize"}).out));
  for (size_t i = 0; i < 64; ++i) EXPECT_NEAR(mean[i], (rows[i] + rows[64 + i]) / 2, 1e-5);

  EXPECT_THAT(Embed({"hello", "--tokens", "1"}).err, HasSubstr("not both"));
  EXPECT_THAT(Embed({"hello", "--hidden"}).err, HasSubstr("go together"));
  EXPECT_THAT(Embed({"hello", "world", "--hidden", "-o", npy.c_str()}).err,
              HasSubstr("for one text"));
  EXPECT_THAT(Embed({"--tokens", "1,192"}).err, HasSubstr("token 192 is not in the vocabulary"));
}

TEST_F(EmbedTest, PutsADeclaredPromptBeforeTheText) {
  const Outcome asked = Embed({"world", "--prompt", "query"});
  ASSERT_EQ(asked.exit, 0) << asked.err;
  EXPECT_EQ(asked.out, Embed({"ask world"}).out);
  const Outcome unknown = Embed({"world", "--prompt", "title"});
  EXPECT_EQ(unknown.exit, 2);
  EXPECT_THAT(unknown.err, HasSubstr("has no prompt \"title\""));
  EXPECT_THAT(unknown.err, HasSubstr("It has \"query\"."));
}

// The files that say how rows are pooled lie in folders; an import brings them along.
TEST_F(EmbedTest, AnImportPoolsAsItsFolderDoes) {
  std::filesystem::create_directories(dir_ / "m/1_Pooling");
  std::ofstream(dir_ / "m/modules.json") << R"([
      {"path": "", "type": "sentence_transformers.models.Transformer"},
      {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}])";
  std::ofstream(dir_ / "m/1_Pooling/config.json") << R"({"pooling_mode_lasttoken": true})";
  const Outcome folder = Embed({"hello", "--prompt", "query"});
  ASSERT_EQ(folder.exit, 0) << folder.err;
  EXPECT_EQ(folder.out, Embed({"--tokens", "3,1"}).out);
  EXPECT_NE(folder.out, Embed({"--tokens", "1,3"}).out);
  const std::string models = (dir_ / "models").string();
  const Outcome created =
      Ingot({"--models", models.c_str(), "create", "encoder", "-f", folder_.c_str()});
  ASSERT_EQ(created.exit, 0) << created.err;
  const Outcome stored = Ingot({"--models", models.c_str(), "embed", "encoder", "hello", "--prompt",
                                "query", "--dtype", "float32"});
  ASSERT_EQ(stored.exit, 0) << stored.err;
  EXPECT_EQ(stored.out, folder.out);
}

TEST_F(EmbedTest, SaysWhenATextWasCut) {
  std::ofstream(dir_ / "m/sentence_bert_config.json") << R"({"max_seq_length": 2})";
  const Outcome outcome = Embed({"hello world hello", "--json"});
  ASSERT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("the text was cut to 2 tokens"));
  EXPECT_EQ(Json::parse(outcome.out)["prompt_tokens"], 2);
}

TEST_F(EmbedTest, RefusesWhatItCannotDo) {
  EXPECT_THAT(Embed({"hello", "--dimensions", "65"}).err, HasSubstr("has 64, not 65"));
  EXPECT_THAT(Embed({""}).err, HasSubstr("an empty text has no embedding"));
  std::filesystem::remove(dir_ / "m/tokenizer.json");
  EXPECT_THAT(Embed({"hello"}).err, HasSubstr("has no tokenizer.json"));
  EXPECT_EQ(Embed({"--tokens", "1"}).exit, 0);
}

}  // namespace
}  // namespace ingot::cli
