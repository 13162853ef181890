// `ingot tokenize` on a directory and on a model of the store.
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/json.h"
#include "store/session.h"
#include "tests/cli/run_cli.h"
#include "tests/testing/temp_dir.h"

namespace ingot::cli {
namespace {

using core::Json;
using ::testing::HasSubstr;

constexpr std::string_view kTokenizer = R"({
  "added_tokens": [
    {"id": 4, "content": "<s>", "special": true}, {"id": 5, "content": "<|x|>", "special": true}],
  "model": {"type": "WordLevel", "unk_token": "?",
            "vocab": {"?": 0, "hello": 1, "world": 2, "\u001b[31m": 3}},
  "pre_tokenizer": {"type": "WhitespaceSplit"}
})";
constexpr std::string_view kConfig = R"({"bos_token": "<s>", "add_bos_token": true})";

class TokenizeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(dir_ / "tokenizer.json") << kTokenizer;
    std::ofstream(dir_ / "tokenizer_config.json") << kConfig;
  }
  Outcome Tokenize(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), {"tokenize", dir_.path().c_str()});
    return Ingot(std::move(arguments));
  }
  testing::TempDir dir_;
};

TEST_F(TokenizeTest, PrintsIdsOnOneLine) {
  const Outcome outcome = Tokenize({"hello big world", "--ids"});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "4,1,0,2\n");
  EXPECT_EQ(Tokenize({"hello", "--ids", "--bare"}).out, "1\n");
}

TEST_F(TokenizeTest, PrintsTokensFitForATerminal) {
  const Outcome outcome = Tokenize({"hello \x1b[31m"});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("1    \"hello\""));
  EXPECT_THAT(outcome.out, HasSubstr(R"(\x1b[31m)"));
  EXPECT_THAT(outcome.out, HasSubstr("special"));
}

TEST_F(TokenizeTest, KeepsAUsersWordsWords) {
  EXPECT_EQ(Tokenize({"hello <|x|>", "--ids"}).out, "4,1,5\n");
  EXPECT_EQ(Tokenize({"hello <|x|>", "--ids", "--user"}).out, "4,1,0\n");
}

TEST_F(TokenizeTest, DecodesWhatItPrints) {
  for (const char* ids : {"4,1,2", "[4, 1, 2]", " 4 1 2\n"}) {
    EXPECT_EQ(Tokenize({"--decode", ids}).out, "<s> hello world\n");
  }
  EXPECT_EQ(Tokenize({"--decode", "4,1,2", "--skip-special"}).out, "hello world\n");
  const Outcome unknown = Tokenize({"--decode", "99"});
  EXPECT_EQ(unknown.exit, 2);
  EXPECT_THAT(unknown.err, HasSubstr("no token 99"));
  EXPECT_THAT(Tokenize({"--decode", "1,two"}).err, HasSubstr("\"two\""));
  EXPECT_THAT(Tokenize({"--decode", "1,two"}).err, HasSubstr("as in --decode 1,2,3"));
}

TEST_F(TokenizeTest, PrintsJson) {
  const auto json = core::ParseJson(Tokenize({"hello", "--json"}).out);
  ASSERT_TRUE(json.ok());
  EXPECT_EQ((*json)["ids"], Json::array({4, 1}));
  EXPECT_EQ((*json)["tokens"], Json::array({"<s>", "hello"}));
  const auto text = core::ParseJson(Tokenize({"--decode", "1,2", "--json"}).out);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ((*text)["text"], "hello world");
}

TEST_F(TokenizeTest, SaysWhatIsMissing) {
  const testing::TempDir empty;
  const Outcome none = Ingot({"tokenize", empty.path().c_str(), "a"});
  EXPECT_EQ(none.exit, 1);
  EXPECT_THAT(none.err, HasSubstr("no tokenizer.json"));
  EXPECT_THAT(none.err, HasSubstr("Put the checkpoint's tokenizer.json"));
  const Outcome unknown =
      Ingot({"--models", empty.path().c_str(), "tokenize", "nobody/nothing", "a"});
  EXPECT_EQ(unknown.exit, 1);
  EXPECT_THAT(unknown.err, HasSubstr("nobody/nothing"));
  std::ofstream(dir_ / "tokenizer.json") << R"({"model": {"type": "Odd", "vocab": {}}})";
  EXPECT_THAT(Tokenize({"a"}).err, HasSubstr("\"Odd\""));
}

TEST_F(TokenizeTest, ReadsModelsOfTheStore) {
  const testing::TempDir root;
  const store::Store store(core::Env::Posix(), core::Clock::System(), root.path());
  const auto session = *store::WriteSession::Begin(store);
  const auto layer = [&](std::string_view type, std::string name, std::string_view content) {
    const store::BlobInfo blob = *session->PutBlob(content);
    return store::Layer{std::string(type), blob.digest, blob.size, "", std::move(name)};
  };
  const store::Manifest manifest{
      .config = layer(store::kConfigMediaType, "", "{}"),
      .layers = {layer(store::kJsonMediaType, "tokenizer.json", kTokenizer),
                 layer(store::kJsonMediaType, "tokenizer_config.json", kConfig)}};
  ASSERT_TRUE(session->Commit(*store::ModelName::Parse("tiny"), manifest).ok());
  const Outcome outcome =
      Ingot({"--models", root.path().c_str(), "tokenize", "tiny", "hello", "--ids"});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "4,1\n");
}

}  // namespace
}  // namespace ingot::cli
