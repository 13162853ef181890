// Small tokenizers of each kind and what the reference package made of some texts with them
// (tools/reference/tokenizer_goldens.py).
#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/env.h"
#include "core/json.h"
#include "text/token/tokenizer.h"

namespace ingot::text {
namespace {

using core::Json;
namespace fs = std::filesystem;

fs::path Goldens() { return fs::path(INGOT_SOURCE_DIR) / "tests/text/token/goldens"; }

class GoldenTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const auto text =
        core::ReadSmallFile(core::Env::Posix(), Goldens() / (GetParam() + ".json"), 1 << 20);
    ASSERT_TRUE(text.ok()) << text.status().message();
    auto golden = core::ParseJson(*text);
    ASSERT_TRUE(golden.ok()) << golden.status().message();
    golden_ = *std::move(golden);
    auto tokenizer = Tokenizer::Load(golden_["tokenizer"].dump());
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
    tokenizer_ = *std::move(tokenizer);
  }

  std::vector<TokenId> Encode(const Json& text, bool add_special) const {
    EncodeOptions options;
    options.add_special = add_special;
    const auto ids = tokenizer_->Encode(text.get<std::string>(), options);
    EXPECT_TRUE(ids.ok()) << ids.status().message();
    return ids.ok() ? *ids : std::vector<TokenId>();
  }

  Json golden_;
  std::unique_ptr<Tokenizer> tokenizer_;
};

TEST_P(GoldenTest, EncodesAsTheReferenceDoes) {
  ASSERT_GT(golden_["cases"].size(), 30u);
  for (const Json& item : golden_["cases"]) {
    const auto ids = item["ids"].get<std::vector<TokenId>>();
    EXPECT_EQ(Encode(item["text"], false), ids) << item["text"];
    const auto whole = item.contains("whole") ? item["whole"].get<std::vector<TokenId>>() : ids;
    EXPECT_EQ(Encode(item["text"], true), whole) << item["text"];
  }
}

TEST_P(GoldenTest, DecodesAsTheReferenceDoes) {
  for (const Json& item : golden_["cases"]) {
    if (!item.contains("decoded")) continue;
    const auto ids = item["ids"].get<std::vector<TokenId>>();
    const auto whole = item.contains("whole") ? item["whole"].get<std::vector<TokenId>>() : ids;
    EXPECT_EQ(tokenizer_->Decode(ids), item["decoded"].get<std::string>());
    EXPECT_EQ(tokenizer_->Decode(whole, true), item["shown"].get<std::string>());
  }
}

TEST_P(GoldenTest, StreamsWhatItDecodes) {
  for (const Json& item : golden_["cases"]) {
    const auto ids = item["ids"].get<std::vector<TokenId>>();
    for (const bool skip : {false, true}) {
      TokenStream stream = tokenizer_->Stream(skip);
      std::string streamed;
      for (const TokenId id : ids) {
        const std::string part = stream.Push(id);
        EXPECT_TRUE(ValidPrefix(part) == part.size()) << "a torn character";
        streamed += part;
      }
      streamed += stream.Finish();
      EXPECT_EQ(streamed, tokenizer_->Decode(ids, skip));
    }
  }
}

// The pieces of a text, each of its own trust: all trusted, the cuts must not show.
TEST_P(GoldenTest, SegmentsOfTrustedTextAreOneText) {
  for (const Json& item : golden_["cases"]) {
    const std::string text = item["text"].get<std::string>();
    std::vector<TextSegment> segments;
    for (size_t at = 0; at < text.size();) {
      const size_t length = Utf8Length(text[at]);
      segments.push_back({std::string_view(text).substr(at, length)});
      at += length;
    }
    EncodeOptions options;
    options.add_special = false;
    const auto ids = tokenizer_->EncodeSegments(segments, options);
    ASSERT_TRUE(ids.ok());
    EXPECT_EQ(*ids, item["ids"].get<std::vector<TokenId>>()) << text;
  }
}

TEST_P(GoldenTest, UntrustedTextYieldsNoSpecialToken) {
  const std::optional<TokenId> unknown =
      tokenizer_->TokenOf("<unk>") ? tokenizer_->TokenOf("<unk>") : tokenizer_->TokenOf("[UNK]");
  for (const AddedToken& token : tokenizer_->added().tokens()) {
    if (!token.special || token.id == unknown) continue;
    for (const std::string& text :
         {token.content, " " + token.content + " ", "x" + token.content + "y" + token.content}) {
      EncodeOptions options;
      options.add_special = false;
      const TextSegment segment{text, false};
      const auto ids = tokenizer_->EncodeSegments({&segment, 1}, options);
      ASSERT_TRUE(ids.ok()) << ids.status().message();
      // clip's unknown token is special too, and stands for anything.
      if (GetParam() == "clip") continue;
      EXPECT_TRUE(std::find(ids->begin(), ids->end(), token.id) == ids->end()) << text;
    }
  }
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(Goldens())) {
    names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

INSTANTIATE_TEST_SUITE_P(Goldens, GoldenTest, ::testing::ValuesIn(Names()),
                         [](const auto& info) { return info.param; });

TEST(GoldenFilesTest, EachKindIsThere) {
  const std::vector<std::string> names = Names();
  for (const char* name : {"gpt2", "llama3", "qwen35", "o200k", "gemma", "llama2", "bert", "t5",
                           "unigram_bytes", "word_level", "clip"}) {
    EXPECT_TRUE(std::find(names.begin(), names.end(), name) != names.end()) << name;
  }
}

}  // namespace
}  // namespace ingot::text
