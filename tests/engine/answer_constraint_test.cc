#include "engine/answer_constraint.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/json.h"
#include "engine/loaded_model.h"
#include "engine/scheduler.h"
#include "tests/engine/engine_helpers.h"

namespace ingot::engine {
namespace {

using ::ingot::testing::Collector;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

class ConstraintTest : public ::testing::Test {
 protected:
  static std::shared_ptr<const LoadedModel> Demo() {
    static const std::shared_ptr<const LoadedModel> model = [] {
      auto files = ModelFiles::OpenFolder(core::Env::Posix(), INGOT_SOURCE_DIR "/demo/model");
      auto loaded = LoadedModel::Load(**files, ops::mx::float32);
      EXPECT_TRUE(loaded.ok());
      testing::ComputeWeights((*loaded)->language());
      return std::shared_ptr<const LoadedModel>(*std::move(loaded));
    }();
    return model;
  }

  struct Answer {
    core::Result<GenerationResult> result = core::Internal("not asked");
    std::string text;
    std::vector<int> tokens;
  };

  TokenRequest Request(bool think, uint64_t seed) const {
    TokenRequest request;
    const auto messages = core::ParseJson(R"([{"role": "user", "content": "What is 2+2?"}])");
    const auto prompt = Demo()->EncodeChat(*messages, {.thinking = think});
    EXPECT_TRUE(prompt.ok());
    request.prompt = *prompt;
    // Hot, so that the model would say anything.
    request.sampling.temperature = 3;
    request.sampling.top_k = 0;
    request.sampling.top_p = 1;
    request.sampling.seed = seed;
    request.limits.end = Demo()->end_tokens();
    request.limits.max_tokens = 400;
    return request;
  }

  std::shared_ptr<Collector> Submit(const ConstraintSpec& spec, uint64_t seed = 1) {
    TokenRequest request = Request(spec.in_thinking, seed);
    auto constraint = Demo()->constraints().Make(spec);
    EXPECT_TRUE(constraint.ok()) << constraint.status().message();
    request.constraint = *std::move(constraint);
    auto listener = std::make_shared<Collector>();
    EXPECT_TRUE(service_.Submit(std::move(request), listener).ok());
    return listener;
  }
  static Answer Finish(Collector& listener) {
    Answer answer;
    answer.result = listener.Wait();
    answer.tokens = listener.tokens();
    const std::vector<text::TokenId> ids(answer.tokens.begin(), answer.tokens.end());
    answer.text = Demo()->tokenizer()->Decode(ids);
    EXPECT_TRUE(answer.result.ok()) << answer.result.status().message();
    return answer;
  }
  Answer Ask(const ConstraintSpec& spec, uint64_t seed = 1) {
    const auto listener = Submit(spec, seed);
    return Finish(*listener);
  }

  std::shared_ptr<EngineThread> thread_ = std::make_shared<EngineThread>();
  ModelService service_{thread_, Demo(), {}};
};

constexpr const char* kSchema =
    R"({"type": "object", "properties": {"sum": {"type": "integer", "minimum": 0, "maximum": 99},
        "sure": {"type": "boolean"}}, "required": ["sum", "sure"], "additionalProperties": false})";

TEST_F(ConstraintTest, AnswersKeepToASchemaHoweverHotTheyAre) {
  for (uint64_t seed = 1; seed < 5; ++seed) {
    const Answer answer =
        Ask({.grammar = text::GrammarSpec{text::GrammarKind::kSchema, kSchema}}, seed);
    const auto json = core::ParseJson(answer.text);
    ASSERT_TRUE(json.ok()) << answer.text;
    EXPECT_TRUE((*json)["sum"].is_number_integer()) << answer.text;
    EXPECT_TRUE((*json)["sure"].is_boolean()) << answer.text;
    EXPECT_EQ(answer.result->finish, engine::Finish::kStop);
  }
}

TEST_F(ConstraintTest, RegexAndEbnfHoldInOneBatchWithFreeAnswers) {
  const auto free = std::make_shared<Collector>();
  ASSERT_TRUE(service_.Submit(Request(false, 9), free).ok());
  const auto regex =
      Submit({.grammar = text::GrammarSpec{text::GrammarKind::kRegex, "[a-c]{3}-[0-9]{2}"}});
  const auto ebnf = Submit({.grammar = text::GrammarSpec{text::GrammarKind::kEbnf,
                                                         R"(root ::= "yes" | "no" " never")"}});
  EXPECT_THAT(Finish(*regex).text, MatchesRegex("[abc][abc][abc]-[0-9][0-9]"));
  EXPECT_THAT(Finish(*ebnf).text, ::testing::AnyOf("yes", "no never"));
  EXPECT_TRUE(free->Wait().ok());
}

TEST_F(ConstraintTest, ThinkingIsFreeAndTheFormatHoldsFromItsEndOn) {
  const Answer answer = Ask({.grammar = text::GrammarSpec{text::GrammarKind::kRegex, "[0-9]{4}"},

                             .in_thinking = true,
                             .thinking_budget = 12});
  const size_t end = answer.text.find("</think>");
  ASSERT_NE(end, std::string::npos) << answer.text;
  EXPECT_THAT(answer.text.substr(end + 8), MatchesRegex("[0-9][0-9][0-9][0-9]"));
  EXPECT_LE(answer.tokens.size(), 12U + 1 + 4);
}

TEST_F(ConstraintTest, AThinkingBudgetAloneEndsThinkingAndNothingElse) {
  const Answer answer = Ask({.in_thinking = true, .thinking_budget = 0});
  EXPECT_THAT(answer.text, StartsWith("</think>"));
}

TEST_F(ConstraintTest, RequiredToolsAreCalledWithArgumentsOfTheirSchema) {
  const std::string parameters =
      R"({"type": "object", "properties": {"city": {"type": "string", "enum": ["Rome", "Oslo"]}},
          "required": ["city"]})";
  const Answer answer = Ask({.tools = {{.name = "weather", .parameters = parameters}},
                             .tools_required = true,
                             .single_call = true});
  EXPECT_THAT(answer.text, StartsWith("<tool_call>\n<function=weather>"));
  EXPECT_THAT(answer.text, ::testing::AnyOf(HasSubstr("Rome"), HasSubstr("Oslo")));
}

TEST_F(ConstraintTest, WhatCannotBeHonouredIsRefused) {
  const auto broken = Demo()->constraints().Make(
      {.grammar = text::GrammarSpec{text::GrammarKind::kRegex, "([a-z"}});
  EXPECT_FALSE(broken.ok());
  const AnswerConstraints channels(
      {.tokenizer = Demo()->tokenizer(), .parser = "harmony", .ends = {2}, .vocabulary = 512});
  const auto refused = channels.Make({.grammar = text::GrammarSpec{}});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().code(), core::Code::kUnsupported);
  const AnswerConstraints silent({.tokenizer = nullptr, .parser = "", .ends = {}, .vocabulary = 8});
  EXPECT_FALSE(silent.Make({.grammar = text::GrammarSpec{}}).ok());
  EXPECT_EQ(*silent.Make({}), nullptr);
}

}  // namespace
}  // namespace ingot::engine
