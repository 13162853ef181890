#include "engine/request_options.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/env.h"

namespace ingot::engine {
namespace {

using core::Json;
using ::testing::HasSubstr;

// A value other than the default for every option of the table, in both spellings.
struct Example {
  std::string name;
  std::string json;
  std::string text;
};
const std::vector<Example>& Examples() {
  static const std::vector<Example> examples = {
      {"temperature", "0.25", "0.25"},
      {"top_k", "11", "11"},
      {"top_p", "0.5", "0.5"},
      {"min_p", "0.125", "0.125"},
      {"typical_p", "0.75", "0.75"},
      {"repeat_last_n", "-1", "-1"},
      {"repeat_penalty", "1.5", "1.5"},
      {"presence_penalty", "-0.5", "-0.5"},
      {"frequency_penalty", "0.5", "0.5"},
      {"logit_bias", R"({"17":-2.5})", "17=-2.5"},
      {"dry_multiplier", "0.5", "0.5"},
      {"dry_base", "1.5", "1.5"},
      {"dry_allowed_length", "3", "3"},
      {"dry_penalty_last_n", "100", "100"},
      {"dry_sequence_breakers", R"(["x"])", "x"},
      {"xtc_probability", "0.5", "0.5"},
      {"xtc_threshold", "0.25", "0.25"},
      {"seed", "18446744073709551615", "18446744073709551615"},
      {"num_predict", "12", "12"},
      {"num_ctx", "1024", "1024"},
      {"stop", R"(["x"])", "x"},
  };
  return examples;
}

Json ValueOf(const RequestOptions& options, const std::string& name) {
  for (const OptionInfo& info : RequestOptionTable()) {
    if (info.name == name) return OptionValue(options, info);
  }
  return nullptr;
}

TEST(RequestOptionsTest, EveryOptionCanBeSetAndReadBackAndChangesNoOther) {
  ASSERT_EQ(Examples().size(), RequestOptionTable().size());
  for (const Example& example : Examples()) {
    RequestOptions by_json;
    const auto json = core::ParseJson(example.json);
    ASSERT_TRUE(json.ok());
    ASSERT_TRUE(SetOption(by_json, example.name, *json).ok()) << example.name;
    RequestOptions by_text;
    by_text.dry_sequence_breakers.clear();  // lists grow by a text
    ASSERT_TRUE(SetOptionText(by_text, example.name, example.text).ok()) << example.name;
    EXPECT_EQ(ValueOf(by_text, example.name).dump(), example.json);
    for (const OptionInfo& info : RequestOptionTable()) {
      const std::string name(info.name);
      const std::string expected =
          name == example.name ? example.json : ValueOf(RequestOptions(), name).dump();
      EXPECT_EQ(ValueOf(by_json, name).dump(), expected) << name << " after " << example.name;
    }
  }
}

TEST(RequestOptionsTest, TheDefaultsAreTheOriginals) {
  const RequestOptions options;
  EXPECT_EQ(ValueOf(options, "temperature").dump(), "0.8");
  EXPECT_EQ(ValueOf(options, "top_k").dump(), "40");
  EXPECT_EQ(ValueOf(options, "top_p").dump(), "0.9");
  EXPECT_EQ(ValueOf(options, "min_p").get<double>(), 0);
  EXPECT_EQ(ValueOf(options, "repeat_last_n").dump(), "64");
  EXPECT_EQ(ValueOf(options, "repeat_penalty").get<double>(), 1);
  EXPECT_EQ(ValueOf(options, "seed").dump(), "-1");
  EXPECT_EQ(ValueOf(options, "num_predict").dump(), "-1");
}

TEST(RequestOptionsTest, ValuesOfTheWrongKindAreRefused) {
  const auto by_json = [](std::string_view name, const char* json) {
    RequestOptions options;
    return std::string(SetOption(options, name, *core::ParseJson(json)).message());
  };
  const auto by_text = [](std::string_view name, std::string_view text) {
    RequestOptions options;
    return std::string(SetOptionText(options, name, text).message());
  };
  EXPECT_THAT(by_json("temperature", "\"hot\""), HasSubstr("expected a number, found \"hot\""));
  EXPECT_EQ(by_json("top_k", "1.5"), "");
  EXPECT_EQ(by_json("top_k", "40.0"), "");
  EXPECT_THAT(by_text("top_k", "1.5"), HasSubstr("expected an integer"));
  EXPECT_THAT(by_json("top_k", "1e300"), HasSubstr("expected an integer"));
  EXPECT_THAT(by_json("num_ctx", "4294967296"), HasSubstr("expected an integer"));
  EXPECT_THAT(by_json("seed", "-2"), HasSubstr("-1 or more"));
  EXPECT_EQ(by_json("seed", "-1"), "");
  EXPECT_THAT(by_json("stop", "[1]"), HasSubstr("a text or a list of texts"));
  EXPECT_THAT(by_json("logit_bias", R"({"a": 1})"), HasSubstr("numbers by token"));
  EXPECT_THAT(by_json("logit_bias", "[1]"), HasSubstr("numbers by token"));
  EXPECT_THAT(by_text("temperature", "warm"), HasSubstr("expected a number"));
  EXPECT_THAT(by_text("top_k", "\"1\""), HasSubstr("expected an integer"));
  EXPECT_THAT(by_text("logit_bias", "17"), HasSubstr("expected TOKEN=VALUE"));
  EXPECT_THAT(by_text("logit_bias", "x=1"), HasSubstr("expected TOKEN=VALUE"));
}

// As Ollama reads them.
TEST(RequestOptionsTest, IntegersOfJsonLoseWhatIsBehindThePoint) {
  RequestOptions options;
  EXPECT_TRUE(SetOption(options, "num_ctx", 2048.7).ok());
  EXPECT_EQ(options.num_ctx, 2048);
  EXPECT_TRUE(SetOption(options, "num_predict", -1.9).ok());
  EXPECT_EQ(options.num_predict, -1);
  EXPECT_TRUE(SetOption(options, "seed", 7.5).ok());
  EXPECT_EQ(options.sampling.seed, 7U);
}

TEST(RequestOptionsTest, NamesThatAreNoneAreRefused) {
  RequestOptions options;
  const core::Status close = SetOption(options, "temprature", 1);
  EXPECT_EQ(close.code(), core::Code::kNotFound);
  EXPECT_THAT(std::string(close.hint()), HasSubstr("temperature"));
  EXPECT_EQ(SetOption(options, "num_gpu", 1).code(), core::Code::kUnsupported);
}

TEST(RequestOptionsTest, BreakersAreTheTokensThatHoldTheirText) {
  const auto text = core::ReadSmallFile(
      core::Env::Posix(), core::Path(INGOT_SOURCE_DIR) / "demo/model/tokenizer.json", 1 << 20);
  const auto tokenizer = text::Tokenizer::Load(*text);
  ASSERT_TRUE(tokenizer.ok());
  RequestOptions options;
  ResolveBreakers(tokenizer->get(), options);
  EXPECT_TRUE(options.sampling.dry.breakers.empty()) << "DRY is off";
  options.sampling.dry.multiplier = 1;
  options.dry_sequence_breakers = {"\n", ""};
  ResolveBreakers(tokenizer->get(), options);
  ASSERT_FALSE(options.sampling.dry.breakers.empty());
  size_t expected = 0;
  for (text::TokenId id = 0; id < (*tokenizer)->id_end(); ++id) {
    expected += (*tokenizer)->TokenBytes(id).find('\n') != std::string_view::npos;
  }
  EXPECT_EQ(options.sampling.dry.breakers.size(), expected);
  EXPECT_TRUE(Validate(options.sampling, 512).ok());
}

}  // namespace
}  // namespace ingot::engine
