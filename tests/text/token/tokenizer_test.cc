#include "text/token/tokenizer.h"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/json.h"
#include "core/strings.h"
#include "text/token/byte_level.h"

namespace ingot::text {
namespace {

using core::Json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Every byte is a token, 0 to 255 in byte order; then what else is given.
Json ByteBpe(const std::vector<std::pair<std::string, std::string>>& merges = {}) {
  Json vocab = Json::object();
  for (size_t byte = 0; byte < 256; ++byte) {
    std::string token;
    AppendPoint(token, kPointOfByte[byte]);
    vocab[token] = byte;
  }
  Json pairs = Json::array();
  for (const auto& [left, right] : merges) {
    vocab[left + right] = vocab.size();
    pairs.push_back(core::StrCat(left, " ", right));
  }
  return {
      {"version", "1.0"},
      {"added_tokens", Json::array()},
      {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}},
      {"decoder", {{"type", "ByteLevel"}}},
      {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", pairs}}}};
}

Json Added(std::string_view content, bool special) {
  return {{"id", 0},         {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", special}};
}

std::unique_ptr<Tokenizer> Loaded(const Json& json) {
  auto loaded = Tokenizer::Load(json.dump());
  EXPECT_TRUE(loaded.ok()) << loaded.status().message();
  return loaded.ok() ? *std::move(loaded) : nullptr;
}

std::string LoadError(const Json& json) {
  const auto loaded = Tokenizer::Load(json.dump());
  EXPECT_FALSE(loaded.ok());
  return std::string(loaded.status().message());
}

std::vector<TokenId> Ids(const core::Result<std::vector<TokenId>>& result) {
  EXPECT_TRUE(result.ok()) << result.status().message();
  return result.ok() ? *result : std::vector<TokenId>();
}

TEST(TokenizerTest, RefusesUnknownComponentsByName) {
  for (const char* key : {"normalizer", "pre_tokenizer", "post_processor", "decoder"}) {
    Json json = ByteBpe();
    json[key] = {{"type", "Frobnicate"}};
    const std::string message = LoadError(json);
    EXPECT_THAT(message, HasSubstr(key));
    EXPECT_THAT(message, HasSubstr("\"Frobnicate\""));
  }
  Json json = ByteBpe();
  json["model"]["type"] = "Frobnicate";
  EXPECT_THAT(LoadError(json), HasSubstr("\"Frobnicate\""));
  json = ByteBpe();
  json["normalizer"] = {{"type", "Sequence"},
                        {"normalizers", {{{"type", "NFC"}}, {{"type", "X"}}}}};
  EXPECT_THAT(LoadError(json), HasSubstr("normalizer.normalizers[1]"));
}

TEST(TokenizerTest, RefusesDropout) {
  Json json = ByteBpe();
  json["model"]["dropout"] = 0.1;
  EXPECT_THAT(LoadError(json), HasSubstr("dropout"));
  json["model"]["dropout"] = 0.0;
  EXPECT_NE(Loaded(json), nullptr);
}

TEST(TokenizerTest, ReadsMergesAsTextAndAsPairs) {
  Json json = ByteBpe({{"a", "b"}, {"ab", "c"}});
  EXPECT_THAT(Ids(Loaded(json)->Encode("abcab")), ElementsAre(257, 256));
  json["model"]["merges"] = Json::array({{"a", "b"}, {"ab", "c"}});
  EXPECT_THAT(Ids(Loaded(json)->Encode("abcab")), ElementsAre(257, 256));
  json["model"]["merges"] = Json::array({"a b c"});
  EXPECT_THAT(LoadError(json), HasSubstr("model.merges"));
  json["model"]["merges"] = Json::array({{"a", "zz"}});
  EXPECT_THAT(LoadError(json), HasSubstr("\"zz\""));
}

// Long lists of merges are read in parts, cut where lines end; written on one line they are not.
TEST(TokenizerTest, ManyMergesAreReadInOrderHoweverTheyAreWritten) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwx";
  std::vector<std::pair<std::string, std::string>> merges;
  for (const char a : kLetters) {
    for (const char b : kLetters) merges.emplace_back(std::string(1, a), std::string(1, b));
  }
  for (size_t i = 0; i < kLetters.size() * kLetters.size(); ++i) {
    for (const char c : kLetters) {
      merges.emplace_back(merges[i].first + merges[i].second, std::string(1, c));
    }
  }
  std::string text;
  for (uint32_t i = 0, random = 1; i < 3000; ++i) {
    random = random * 1664525 + 1013904223;
    text += kLetters[(random >> 20) % kLetters.size()];
  }
  Json json = ByteBpe(merges);
  const std::vector<TokenId> ids = Ids(Loaded(json)->Encode(text));
  EXPECT_LT(ids.size(), text.size() / 2);
  Json pairs = Json::array();
  for (const auto& [left, right] : merges) pairs.push_back({left, right});
  for (int written = 0; written < 2; ++written) {
    const std::string lines = json.dump(20);
    ASSERT_GT(lines.size(), size_t{800} << 10) << "more than one part";
    auto loaded = Tokenizer::Load(lines);
    ASSERT_TRUE(loaded.ok()) << loaded.status().message();
    EXPECT_EQ(Ids((*loaded)->Encode(text)), ids);
    json["model"]["merges"] = pairs;
  }
  pairs[14'000] = {"a", "nothing"};
  json["model"]["merges"] = pairs;
  const auto broken = Tokenizer::Load(json.dump(20));
  ASSERT_FALSE(broken.ok());
  EXPECT_THAT(std::string(broken.status().message()),
              HasSubstr("merge 14000 (\"a\", \"nothing\")"));
}

TEST(TokenizerTest, AWordThatIsATokenNeedsNoMergesWhenTheyAreIgnored) {
  Json json = ByteBpe();
  json["model"]["vocab"]["abc"] = 256;
  EXPECT_THAT(Ids(Loaded(json)->Encode("abc")), ElementsAre('a', 'b', 'c'));
  json["model"]["ignore_merges"] = true;
  EXPECT_THAT(Ids(Loaded(json)->Encode("abc")), ElementsAre(256));
}

TEST(TokenizerTest, TextOfUsersStaysText) {
  Json json = ByteBpe();
  json["added_tokens"] = Json::array({Added("<|x|>", true), Added("<t>", false)});
  const auto tokenizer = Loaded(json);
  const std::vector<TextSegment> segments = {
      {"<|x|>", true}, {"<|x|>", false}, {"<|x", true}, {"|>", false}, {"<|x|>", true}};
  EXPECT_THAT(Ids(tokenizer->EncodeSegments(segments)),
              ElementsAre(256, '<', '|', 'x', '|', '>', '<', '|', 'x', '|', '>', 256));
  // Others are found, unless they are guarded too.
  const TextSegment typed{"<t>", false};
  EXPECT_THAT(Ids(tokenizer->EncodeSegments({&typed, 1})), ElementsAre(257));
  const TokenId guarded = 257;
  EncodeOptions options;
  options.also_guarded = {&guarded, 1};
  EXPECT_THAT(Ids(tokenizer->EncodeSegments({&typed, 1}, options)), ElementsAre('<', 't', '>'));
}

TEST(TokenizerTest, ModelsDoNotMakeSpecialTokensOfUntrustedText) {
  Json json = ByteBpe({{"<", "s"}, {"<s", ">"}});  // "<s>" comes out of merges
  json["added_tokens"] = Json::array({Added("<s>", true)});
  const auto tokenizer = Loaded(json);
  const TextSegment typed{"<s>", false};
  EXPECT_THAT(Ids(tokenizer->EncodeSegments({&typed, 1})), ElementsAre(256, '>'));
  json["model"] = {
      {"type", "WordLevel"}, {"unk_token", "?"}, {"vocab", {{"?", 0}, {"<s>", 1}, {"a", 2}}}};
  json["pre_tokenizer"] = {{"type", "WhitespaceSplit"}};
  EXPECT_THAT(Ids(Loaded(json)->EncodeSegments({&typed, 1})), ElementsAre(0));
  json["model"] = {{"type", "WordPiece"},
                   {"unk_token", "?"},
                   {"continuing_subword_prefix", "##"},
                   {"max_input_chars_per_word", 100},
                   {"vocab", {{"?", 0}, {"<s>", 1}, {"<", 2}, {"##s", 3}, {"##>", 4}}}};
  EXPECT_THAT(Ids(Loaded(json)->EncodeSegments({&typed, 1})), ElementsAre(2, 3, 4));
  Json pieces = Json::array();
  for (const char* piece : {"?", "<s>", "<", "s", ">"})
    pieces.push_back(Json::array({piece, -1.0}));
  json["model"] = {{"type", "Unigram"}, {"unk_id", 0}, {"vocab", pieces}};
  EXPECT_THAT(Ids(Loaded(json)->EncodeSegments({&typed, 1})), ElementsAre(2, 3, 4));
}

TEST(TokenizerTest, NormalizedSpecialTokensKeepTrust) {
  Json json = ByteBpe();
  json["normalizer"] = {{"type", "Sequence"},
                        {"normalizers", {{{"type", "Lowercase"}}, {{"type", "NFKC"}}}}};
  Json special = Added("<S>", true);
  special["normalized"] = true;
  json["added_tokens"] = Json::array({special});
  const auto tokenizer = Loaded(json);
  EXPECT_THAT(Ids(tokenizer->Encode("<S><s>")), ElementsAre(256, 256));
  // The full-width signs become plain ones, which moves everything after them.
  const std::vector<TextSegment> segments = {{"\xEF\xBC\x9C"
                                              "A<s>",
                                              false},
                                             {"<S>", true}};
  EXPECT_THAT(Ids(tokenizer->EncodeSegments(segments)), ElementsAre('<', 'a', '<', 's', '>', 256));
}

TEST(TokenizerTest, AddedTokensTakeSpaceAndWantWholeWordsWhenTold) {
  Json json = ByteBpe();
  Json strips = Added("<m>", true);
  strips["lstrip"] = true;
  strips["rstrip"] = true;
  Json word = Added("cat", false);
  word["single_word"] = true;
  json["added_tokens"] = Json::array({strips, word});
  const auto tokenizer = Loaded(json);
  EXPECT_THAT(Ids(tokenizer->Encode("a \n<m>  b")), ElementsAre('a', 256, 'b'));
  EXPECT_THAT(Ids(tokenizer->Encode("cat,cats")), ElementsAre(257, ',', 'c', 'a', 't', 's'));
}

TEST(TokenizerTest, BrokenTextIsRepairedAndNothingIsDropped) {
  const auto tokenizer = Loaded(ByteBpe());
  EXPECT_THAT(Ids(tokenizer->Encode("a\xFFz")), ElementsAre('a', 0xEF, 0xBF, 0xBD, 'z'));
  // A user's torn bytes do not join with what follows.
  const std::vector<TextSegment> segments = {{"\xE2\x82", false}, {"\xAC", true}};
  EXPECT_EQ(Ids(tokenizer->EncodeSegments(segments)).size(), 6u);
}

TEST(TokenizerTest, TextBetweenMatchesOfAPatternIsKept) {
  Json json = ByteBpe();
  json["pre_tokenizer"] = {
      {"type", "Sequence"},
      {"pretokenizers",
       {{{"type", "Split"},
         {"pattern", {{"Regex", "[a-z]+"}}},
         {"behavior", "Isolated"},
         {"invert", false}},
        {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}};
  EXPECT_THAT(Ids(Loaded(json)->Encode("ab!?1c ")), ElementsAre('a', 'b', '!', '?', '1', 'c', ' '));
}

TEST(TokenizerTest, ACharacterWithoutAnyTokenIsAnError) {
  Json json = ByteBpe();
  json["pre_tokenizer"] = nullptr;
  json["model"]["vocab"] = {{"a", 0}};
  const auto ids = Loaded(json)->Encode("ab");
  ASSERT_FALSE(ids.ok());
  EXPECT_THAT(std::string(ids.status().message()), HasSubstr("\"b\""));
}

TEST(TokenizerTest, AddsWhatThePostProcessorSaysAndCutsToALimit) {
  Json json = ByteBpe();
  json["added_tokens"] = Json::array({Added("[CLS]", true), Added("[SEP]", true)});
  json["post_processor"] = {
      {"type", "BertProcessing"}, {"sep", {"[SEP]", 257}}, {"cls", {"[CLS]", 256}}};
  json["truncation"] = {
      {"max_length", 3}, {"strategy", "LongestFirst"}, {"stride", 0}, {"direction", "Right"}};
  json["padding"] = {{"pad_id", 5}, {"pad_token", "x"}};
  const auto tokenizer = Loaded(json);
  EXPECT_THAT(Ids(tokenizer->Encode("abc")), ElementsAre(256, 'a', 'b', 'c', 257))
      << "files do not truncate, callers do";
  EXPECT_EQ(tokenizer->batch_hints().truncate_to, 3u);
  EXPECT_EQ(tokenizer->batch_hints().pad_id, 5u);
  EncodeOptions options;
  options.max_tokens = 3;
  EXPECT_THAT(Ids(tokenizer->Encode("abc", options)), ElementsAre(256, 'a', 257));
  options.max_tokens = 1;
  EXPECT_FALSE(tokenizer->Encode("abc", options).ok());
  EXPECT_THAT(Ids(tokenizer->EncodePair("a", "b")), ElementsAre(256, 'a', 257, 'b', 257));
}

TEST(TokenizerTest, StreamGivesWholeCharactersAtOnce) {
  const auto tokenizer = Loaded(ByteBpe());
  TokenStream stream = tokenizer->Stream();
  EXPECT_EQ(stream.Push('a'), "a");
  EXPECT_EQ(stream.Push(0xE2), "");
  EXPECT_EQ(stream.Push(0x82), "");
  EXPECT_EQ(stream.Push(0xAC), "€");
  EXPECT_EQ(stream.Push(0xE2), "");
  EXPECT_EQ(stream.Push('b'),
            "\xEF\xBF\xBD"
            "b")
      << "what cannot be completed is given up";
  EXPECT_EQ(stream.Push(0xF0), "");
  EXPECT_EQ(stream.Push(0x9F), "");
  EXPECT_EQ(stream.Finish(), "\xEF\xBF\xBD") << "a torn tail";
  EXPECT_EQ(tokenizer->Decode({{'a', 0xF0, 0x9F}}), "a\xEF\xBF\xBD");
}

TEST(TokenizerTest, IdsBeyondTheVocabularyHaveNoText) {
  const auto tokenizer = Loaded(ByteBpe());
  EXPECT_EQ(tokenizer->id_end(), 256u);
  EXPECT_EQ(tokenizer->Decode({{'a', 99999, 'b'}}), "ab");
  TokenStream stream = tokenizer->Stream();
  EXPECT_EQ(stream.Push(4000000000), "");
  EXPECT_EQ(tokenizer->TokenBytes(99999), "");
  EXPECT_FALSE(tokenizer->TokenText(99999));
}

TEST(TokenizerTest, TellsTheBytesOfATokenInTheMidstOfText) {
  const auto tokenizer = Loaded(ByteBpe({{"\xC4\xA0", "a"}}));  // a space as the vocabulary has it
  EXPECT_EQ(tokenizer->TokenText(256),
            "\xC4\xA0"
            "a");
  EXPECT_EQ(tokenizer->TokenBytes(256), " a");
  EXPECT_EQ(tokenizer->TokenBytes(0x0A), "\n");
  Json json = {{"version", "1.0"},
               {"decoder",
                {{"type", "Sequence"},
                 {"decoders",
                  {{{"type", "Replace"}, {"pattern", {{"String", "▁"}}}, {"content", " "}},
                   {{"type", "ByteFallback"}},
                   {{"type", "Fuse"}}}}}},
               {"model",
                {{"type", "BPE"},
                 {"unk_token", "<unk>"},
                 {"byte_fallback", true},
                 {"vocab", {{"<unk>", 0}, {"<0x0A>", 1}, {"▁a", 2}}},
                 {"merges", Json::array()}}}};
  const auto pieces = Loaded(json);
  EXPECT_EQ(pieces->TokenBytes(1), "\n");
  EXPECT_EQ(pieces->TokenBytes(2), " a");
  json["decoder"] = {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", false}};
  json["model"] = {{"type", "WordLevel"}, {"unk_token", "a"}, {"vocab", {{"a", 0}, {"##b", 1}}}};
  EXPECT_EQ(Loaded(json)->TokenBytes(0), " a");
  EXPECT_EQ(Loaded(json)->TokenBytes(1), "b");
}

TEST(TokenizerTest, IdsOfAddedTokensAreGivenAsTheReferenceGivesThem) {
  Json json = ByteBpe();
  json["added_tokens"] = Json::array({Added("<x>", true), Added("a", false), Added("<y>", true)});
  const auto tokenizer = Loaded(json);  // the file says 0 for all
  EXPECT_EQ(tokenizer->TokenOf("<x>"), 256u);
  EXPECT_EQ(tokenizer->TokenOf("a"), static_cast<TokenId>('a')) << "the model has it";
  EXPECT_EQ(tokenizer->TokenOf("<y>"), 257u);
  EXPECT_EQ(tokenizer->notes().size(), 3u);
}

TEST(TokenizerTest, ReadsModelsFromBeforeTheTypeWasWritten) {
  Json json = ByteBpe();
  json["model"].erase("type");
  EXPECT_THAT(Ids(Loaded(json)->Encode("a")), ElementsAre('a'));
}

TEST(TokenizerTest, RefusesFilesThatContradictThemselves) {
  Json json = ByteBpe();
  json["model"]["vocab"]["a"] = 1u << 30;
  EXPECT_THAT(LoadError(json), HasSubstr("limit"));
  EXPECT_FALSE(Tokenizer::Load("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"a\":1},"
                               "\"merges\":[]}}")
                   .ok());
  EXPECT_FALSE(Tokenizer::Load("").ok());
  EXPECT_FALSE(Tokenizer::Load("{}").ok());
  EXPECT_FALSE(Tokenizer::Load("[1]").ok());
  json = ByteBpe();
  json["version"] = "2.0";
  EXPECT_THAT(LoadError(json), HasSubstr("2.0"));
  json = ByteBpe();
  json["post_processor"] = {{"type", "TemplateProcessing"},
                            {"single", {{{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}}}},
                            {"pair", Json::array()},
                            {"special_tokens", Json::object()}};
  EXPECT_THAT(LoadError(json), HasSubstr("<s>"));
}

TEST(TokenizerTest, ThreadsMayEncodeTogether) {
  const auto tokenizer = Loaded(ByteBpe({{"a", "b"}, {"ab", "ab"}}));
  std::string text;
  for (int i = 0; i < 5000; ++i) text += i % 7 == 0 ? "abab " : "xab, ";
  const std::vector<TokenId> expected = Ids(tokenizer->Encode(text));
  std::vector<std::thread> threads;
  std::vector<std::vector<TokenId>> found(4);
  for (auto& ids : found) {
    threads.emplace_back([&] { ids = Ids(tokenizer->Encode(text)); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& ids : found) EXPECT_EQ(ids, expected);
}

}  // namespace
}  // namespace ingot::text
