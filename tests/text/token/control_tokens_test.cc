#include "text/token/control_tokens.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ingot::text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kFile = R"({
  "added_tokens": [
    {"id": 3, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false,
     "normalized": false, "special": true},
    {"id": 4, "content": "</s>", "special": true},
    {"id": 5, "content": "<|im_end|>", "special": true},
    {"id": 6, "content": "<|user|>", "special": true}%s],
  "post_processor": %s,
  "model": {"type": "WordLevel", "unk_token": "?", "vocab": {"?": 0, "a": 1, "b": 2}},
  "pre_tokenizer": {"type": "WhitespaceSplit"}
})";
constexpr std::string_view kTemplate = R"({"type": "TemplateProcessing",
  "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
  "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
  "special_tokens": {"<s>": {"id": "<s>", "ids": [3], "tokens": ["<s>"]}}})";

std::unique_ptr<Tokenizer> Load(std::string_view more = "", std::string_view post = "null") {
  std::string json(kFile);
  json.replace(json.find("%s"), 2, more);
  json.replace(json.find("%s"), 2, post);
  auto loaded = Tokenizer::Load(json);
  EXPECT_TRUE(loaded.ok()) << loaded.status().message();
  return *std::move(loaded);
}

ControlTokens Read(const Tokenizer& tokenizer, const ControlFiles& files) {
  auto read = ReadControlTokens(&tokenizer, files);
  EXPECT_TRUE(read.ok()) << read.status().message();
  return read.ok() ? *std::move(read) : ControlTokens();
}

std::vector<TokenId> Prompt(const Tokenizer& tokenizer, const ControlTokens& control,
                            std::string_view text, EncodeOptions options = {}) {
  const TextSegment segment{text};
  const auto ids = EncodePrompt(tokenizer, control, {&segment, 1}, options);
  EXPECT_TRUE(ids.ok()) << ids.status().message();
  return ids.ok() ? *ids : std::vector<TokenId>();
}

TEST(ControlTokensTest, EndsAreAllThatAnyFileNames) {
  const auto tokenizer = Load();
  ControlFiles files;
  files.tokenizer_config = R"({"eos_token": {"content": "</s>"}, "bos_token": "<s>"})";
  files.generation_config = R"({"eos_token_id": [9, 8], "pad_token_id": 0, "bos_token_id": 1})";
  files.config = R"({"eos_token_id": 7, "text_config": {"eos_token_id": 10}, "pad_token_id": -1})";
  const ControlTokens control = Read(*tokenizer, files);
  EXPECT_THAT(control.eos, ElementsAre(4, 5, 7, 8, 9, 10)) << "5 ends turns of chats";
  EXPECT_TRUE(control.IsEos(8));
  EXPECT_FALSE(control.IsEos(6));
  EXPECT_EQ(control.bos, 3u) << "the tokenizer's files know best";
  EXPECT_EQ(control.pad, 0u);
  EXPECT_EQ(control.end, 4u);
}

TEST(ControlTokensTest, TurnsEndAtTheNextOnlyWhereModelsMeanItSo) {
  EXPECT_THAT(Read(*Load(), {}).eos, ElementsAre(5));
  const auto glm = Load(R"(, {"id": 7, "content": "[gMASK]", "special": true})");
  EXPECT_THAT(Read(*glm, {}).eos, ElementsAre(5, 6));
}

TEST(ControlTokensTest, TextThatIsNoTokenMeansNothing) {
  ControlFiles files;
  files.tokenizer_config = R"({"eos_token": "<nope>", "bos_token": null, "pad_token": 5})";
  const ControlTokens control = Read(*Load(), files);
  EXPECT_THAT(control.eos, ElementsAre(5));
  EXPECT_FALSE(control.bos || control.pad || control.end);
}

TEST(ControlTokensTest, WithoutATokenizerNumbersCount) {
  ControlFiles files;
  files.tokenizer_config = R"({"eos_token": "</s>"})";
  files.config = R"({"eos_token_id": 7, "bos_token_id": 2})";
  const auto control = ReadControlTokens(nullptr, files);
  ASSERT_TRUE(control.ok()) << control.status().message();
  EXPECT_THAT(control->eos, ElementsAre(7));
  EXPECT_EQ(control->bos, 2u);
}

TEST(ControlTokensTest, NamesWhatIsNeverSaid) {
  ControlFiles files;
  files.generation_config = R"({"suppress_tokens": [8, 3], "begin_suppress_tokens": null})";
  EXPECT_THAT(Read(*Load(), files).suppressed, ElementsAre(8, 3));
  files.generation_config = R"({"suppress_tokens": null})";
  EXPECT_THAT(Read(*Load(), files).suppressed, ElementsAre());
  files.generation_config = R"({"suppress_tokens": ["8"]})";
  EXPECT_THAT(std::string(ReadControlTokens(Load().get(), files).status().message()),
              HasSubstr("generation_config.json: suppress_tokens"));
}

TEST(ControlTokensTest, RefusesWhatIsNoJsonOrNoId) {
  const auto tokenizer = Load();
  ControlFiles files;
  files.config = R"({"eos_token_id": "two"})";
  EXPECT_THAT(std::string(ReadControlTokens(tokenizer.get(), files).status().message()),
              HasSubstr("config.json: eos_token_id"));
  files.config = "[";
  EXPECT_FALSE(ReadControlTokens(tokenizer.get(), files).ok());
  files.config = "3";
  EXPECT_FALSE(ReadControlTokens(tokenizer.get(), files).ok());
}

TEST(ControlTokensTest, APromptBeginsOnceWithTheFirstToken) {
  const auto with = Load("", kTemplate);
  const auto without = Load();
  ControlFiles files;
  files.tokenizer_config = R"({"bos_token": "<s>"})";
  EXPECT_THAT(Prompt(*with, Read(*with, files), "a"), ElementsAre(3, 1));
  EXPECT_THAT(Prompt(*with, Read(*with, files), "<s>a"), ElementsAre(3, 1)) << "never twice";
  EXPECT_THAT(Prompt(*without, Read(*without, files), "a"), ElementsAre(1));
  files.tokenizer_config = R"({"bos_token": "<s>", "add_bos_token": true})";
  EXPECT_THAT(Prompt(*with, Read(*with, files), "a"), ElementsAre(3, 1));
  EXPECT_THAT(Prompt(*without, Read(*without, files), "a"), ElementsAre(3, 1));
  EXPECT_THAT(Prompt(*without, Read(*without, files), "<s>a"), ElementsAre(3, 1));
  EXPECT_THAT(Prompt(*without, Read(*without, files), ""), ElementsAre(3));
  files.tokenizer_config = R"({"bos_token": "<s>", "add_bos_token": false})";
  EXPECT_THAT(Prompt(*with, Read(*with, files), "a"), ElementsAre(1));
  EncodeOptions bare;
  bare.add_special = false;
  EXPECT_THAT(Prompt(*with, Read(*with, files), "a", bare), ElementsAre(1));
}

TEST(ControlTokensTest, APromptEndsWithTheLastTokenWhereAskedFor) {
  const auto tokenizer = Load("", kTemplate);
  ControlFiles files;
  files.tokenizer_config = R"({"bos_token": "<s>", "eos_token": "</s>", "add_eos_token": true})";
  const ControlTokens control = Read(*tokenizer, files);
  EXPECT_THAT(Prompt(*tokenizer, control, "a"), ElementsAre(3, 1, 4));
  EXPECT_THAT(Prompt(*tokenizer, control, "a</s>"), ElementsAre(3, 1, 4));
  EncodeOptions options;
  options.max_tokens = 3;
  EXPECT_THAT(Prompt(*tokenizer, control, "a b b b", options), ElementsAre(3, 1, 4));
  options.max_tokens = 1;
  const TextSegment segment{"a"};
  EXPECT_FALSE(EncodePrompt(*tokenizer, control, {&segment, 1}, options).ok());
}

}  // namespace
}  // namespace ingot::text
