// What hostile schemas and grammars come to: an error, or a grammar, in bounded time.
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/json.h"
#include "core/strings.h"
#include "text/grammar/grammar_compiler.h"

namespace ingot::text {
namespace {

using core::Json;
using core::StrCat;
using ::testing::HasSubstr;

std::string Repeat(std::string_view text, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += text;
  return out;
}

std::string Refused(std::string_view schema) {
  const core::Status status = CheckSchema(schema, {});
  EXPECT_FALSE(status.ok()) << schema.substr(0, 200);
  return std::string(status.message());
}

TEST(SchemaCheckTest, UnsupportedKeywordsAreRefusedByNameAndPlace) {
  for (const char* keyword :
       {"not", "if", "then", "else", "dependentRequired", "dependentSchemas", "uniqueItems",
        "contains", "minContains", "maxContains", "nullable", "$dynamicRef", "$anchor",
        "additionalItems", "dependencies", "made-up"}) {
    const std::string refused =
        Refused(StrCat(R"({"type": "object", "properties": {"p": {")", keyword, R"(": {}}}})"));
    EXPECT_THAT(refused, HasSubstr(StrCat("\"", keyword, "\""))) << refused;
    EXPECT_THAT(refused, HasSubstr("#/properties/p")) << refused;
  }
}

TEST(SchemaCheckTest, RefusesWhatWouldBePassedOver) {
  const std::pair<const char*, const char*> schemas[] = {
      {R"({"$ref": "#/$defs/a", "minLength": 2, "$defs": {"a": {}}})", "\"minLength\""},
      {R"({"type": "object", "anyOf": [{}]})", "\"type\""},
      {R"({"anyOf": [{}], "oneOf": [{}]})", "\"oneOf\""},
      {R"({"enum": ["a"], "minLength": 2})", "\"minLength\""},
      {R"({"allOf": [{}, {}]})", "\"allOf\""},
      {R"({"minLength": 2})", "\"minLength\" without \"type\""},
      {R"({"required": ["a"]})", "\"required\" without \"type\""},
      {R"({"type": "object", "required": ["a"]})", "names \"a\""},
      {R"({"type": "object", "properties": {"b": {}}, "required": ["b", "a"]})", "names \"a\""},
      {R"({"type": "object", "properties": {}, "propertyNames": {}})", "\"propertyNames\""},
      {R"({"type": "string", "pattern": "a", "format": "date"})", "\"pattern\""},
      {R"({"$ref": "https://example.org/schema"})", "leads out"},
      {R"({"$ref": "other.json#/a"})", "leads out"},
  };
  for (const auto& [schema, message] : schemas) EXPECT_THAT(Refused(schema), HasSubstr(message));
}

TEST(SchemaCheckTest, RefusesWhatIsNoSchema) {
  for (const char* schema :
       {"", "3", "[]", "{", R"({"type": "text"})", R"({"type": []})", R"({"type": 3})",
        R"({"properties": []})", R"({"type": "object", "properties": {"a": 3}})",
        R"({"anyOf": []})", R"({"anyOf": {}})", R"({"enum": []})", R"({"enum": 3})",
        R"({"type": "string", "minLength": -1})", R"({"type": "string", "minLength": 1.5})",
        R"({"type": "integer", "minimum": "3"})", R"({"type": "string", "pattern": 3})",
        R"({"type": "object", "required": [3]})", R"({"type": "object", "required": "a"})"}) {
    EXPECT_FALSE(Refused(schema).empty()) << schema;
  }
}

TEST(SchemaCheckTest, TakesNotesAndExtensions) {
  for (const char* schema :
       {R"({"$schema": "x", "$id": "y", "title": "T", "description": "D", "x-order": 3})",
        R"({"type": "string", "enum": ["a"], "default": "a", "deprecated": true})",
        R"({"$ref": "#/$defs/a", "description": "D", "$defs": {"a": {}}})",
        R"({"type": "array", "items": {"type": "string"}, "uniqueItems": false})"}) {
    const core::Status status = CheckSchema(schema, {});
    EXPECT_TRUE(status.ok()) << status.message();
  }
}

TEST(SchemaCheckTest, LimitsAreKept) {
  EXPECT_THAT(Refused(StrCat(Repeat(R"({"items": )", 60), "{}", Repeat("}", 60))),
              HasSubstr("schema"));
  EXPECT_THAT(Refused(StrCat(R"({"description": ")", Repeat("x", 600'000), "\"}")),
              HasSubstr("over the limit"));
  EXPECT_THAT(Refused(StrCat(R"({"enum": [1)", Repeat(",1", 40'000), "]}")),
              HasSubstr("over 30000 values"));
  EXPECT_THAT(Refused(StrCat(R"({"enum": [1)", Repeat(",1", 20'000), "]}")),
              HasSubstr("over 10000"));
  EXPECT_THAT(Refused(StrCat(R"({"anyOf": [{})", Repeat(",{}", 3000), "]}")),
              HasSubstr("over 2000"));
  EXPECT_THAT(Refused(R"({"type": "string", "minLength": 1000000000000})"), HasSubstr("minLength"));
  EXPECT_THAT(Refused(R"({"type": "integer", "multipleOf": 99999999})"), HasSubstr("multipleOf"));
  EXPECT_THAT(Refused(StrCat(R"({"type": "string", "pattern": ")", Repeat("(", 200),
                             Repeat(")", 200), "\"}")),
              HasSubstr("brackets"));
  Json properties = Json::object();
  for (int i = 0; i < 500; ++i) properties[StrCat("p", i)] = Json::object();
  const Json counted = {{"type", "object"}, {"properties", properties}, {"minProperties", 250}};
  EXPECT_THAT(Refused(counted.dump()), HasSubstr("number of properties"));
}

// A wide vocabulary, so that masks are work.
std::unique_ptr<GrammarCompiler> WideCompiler(const GrammarLimits& limits) {
  std::vector<std::string> vocabulary;
  for (int byte = 0; byte < 256; ++byte) vocabulary.emplace_back(1, static_cast<char>(byte));
  for (int i = 0; i < 4000; ++i) vocabulary.push_back(StrCat("w", i));
  vocabulary.emplace_back();
  const TokenId ends[] = {static_cast<TokenId>(vocabulary.size() - 1)};
  auto compiler = GrammarCompiler::Create(vocabulary, ends, vocabulary.size(), limits);
  EXPECT_TRUE(compiler.ok());
  return *std::move(compiler);
}

TEST(GrammarLimitsTest, BombsEndInAnError) {
  GrammarLimits limits;
  limits.mask_work = 5'000'000;
  limits.grammar_bytes = 1 << 20;
  limits.compile_time = std::chrono::minutes(5);  // for a slow machine: none comes near
  const auto compiler = WideCompiler(limits);
  std::vector<GrammarSpec> bombs;
  // Many strings of different bounds: each has states of its own, which all tokens are tried on.
  Json properties = Json::object();
  for (int i = 0; i < 100; ++i) {
    properties[StrCat("p", i)] = {{"type", "string"}, {"maxLength", 128 + i}};
  }
  bombs.push_back(
      {GrammarKind::kSchema, Json{{"type", "object"}, {"properties", properties}}.dump()});
  std::string pattern;
  std::string rules;
  for (int i = 0; i < 100; ++i) {
    pattern += StrCat("[^a]{0,", 100 + i, "}b");
    rules += StrCat("[^a]{1,", 100 + i, "} \"b\" ");
  }
  bombs.push_back({GrammarKind::kRegex, pattern});
  bombs.push_back({GrammarKind::kEbnf, "root ::= " + rules});
  // A large grammar.
  Json values = Json::array();
  for (int i = 0; i < 9'000; ++i) values.push_back(StrCat("some value ", i));
  bombs.push_back({GrammarKind::kSchema, Json{{"enum", values}}.dump()});
  for (const GrammarSpec& bomb : bombs) {
    const auto grammar = compiler->Compile(bomb);
    ASSERT_FALSE(grammar.ok()) << bomb.text.substr(0, 100);
    EXPECT_EQ(grammar.status().code(), core::Code::kExhausted) << grammar.status().message();
  }
  EXPECT_TRUE(compiler->Compile({}).ok()) << "and it goes on working";
}

// A chain of rules, each of which reads its text in two parts, wherever those meet. The letter
// before them is what tokens are tried from.
std::string AmbiguousRules(int count, std::string_view last) {
  std::string rules = "root ::= \"a\" r0\n";
  for (int i = 0; i < count; ++i) {
    rules += StrCat("r", i, " ::= r", i + 1, " | r", i + 1, " r", i + 1, "\n");
  }
  return StrCat(rules, "r", count, " ::= ", last, "\n");
}

// A vocabulary with long tokens, which can be read in parts.
std::unique_ptr<GrammarCompiler> LongCompiler(const GrammarLimits& limits) {
  std::vector<std::string> vocabulary;
  for (int byte = 0; byte < 256; ++byte) vocabulary.emplace_back(1, static_cast<char>(byte));
  for (size_t i = 2; i < 120; ++i) vocabulary.emplace_back(i, 'a');
  vocabulary.emplace_back();
  const TokenId ends[] = {static_cast<TokenId>(vocabulary.size() - 1)};
  auto compiler = GrammarCompiler::Create(vocabulary, ends, vocabulary.size(), limits);
  EXPECT_TRUE(compiler.ok());
  return *std::move(compiler);
}

TEST(GrammarLimitsTest, AmbiguousRulesEndInAnError) {
  GrammarLimits limits;
  limits.parse_work = 50'000'000;
  limits.compile_time = std::chrono::minutes(5);
  const auto compiler = LongCompiler(limits);
  for (const std::string_view last : {"\"a\"", "[a-z]", "\"a\" | \"\"", "[a-z]*"}) {
    const GrammarSpec spec = {GrammarKind::kEbnf, AmbiguousRules(40, last)};
    for (int again = 0; again < 2; ++again) {
      const auto grammar = compiler->Compile(spec);
      ASSERT_FALSE(grammar.ok()) << last;
      EXPECT_EQ(grammar.status().code(), core::Code::kExhausted) << grammar.status().message();
    }
  }
  EXPECT_TRUE(compiler->Compile({}).ok()) << "and it goes on working";
}

TEST(GrammarLimitsTest, WorkThatWasGivenUpEndsWithTheCompiler) {
  GrammarLimits limits;
  limits.parse_work = UINT64_MAX / 4;  // years
  limits.parse_states = SIZE_MAX;
  limits.compile_time = std::chrono::milliseconds(50);
  const auto compiler = LongCompiler(limits);
  const auto grammar = compiler->Compile({GrammarKind::kEbnf, AmbiguousRules(40, "[a-z]")});
  EXPECT_EQ(grammar.status().code(), core::Code::kExhausted);
}

TEST(GrammarLimitsTest, StatesHeldAtOnceAreBounded) {
  GrammarLimits limits;
  limits.parse_states = 1'000;
  limits.compile_time = std::chrono::minutes(5);
  const auto compiler = LongCompiler(limits);
  const auto grammar = compiler->Compile({GrammarKind::kEbnf, AmbiguousRules(12, "\"a\"")});
  ASSERT_FALSE(grammar.ok());
  EXPECT_THAT(std::string(grammar.status().message()), HasSubstr("1000 ways at once"));
}

TEST(GrammarLimitsTest, FollowingAnAnswerIsBoundedToo) {
  GrammarLimits limits;
  limits.token_work = 100'000;
  const auto compiler = WideCompiler(limits);
  const auto grammar = compiler->Compile({GrammarKind::kEbnf, AmbiguousRules(12, "[a-z]")});
  ASSERT_TRUE(grammar.ok()) << grammar.status().message();
  GrammarMatcher matcher(*grammar);
  core::Status failed;
  // Tokens of one letter, whose masks are no work, in an answer of ever more readings.
  for (int i = 0; i < 2000 && failed.ok(); ++i) failed = matcher.Accept('a').status();
  EXPECT_EQ(failed.code(), core::Code::kExhausted);
  EXPECT_THAT(std::string(failed.message()), HasSubstr("following the answer"));
  std::vector<uint32_t> mask((*grammar)->mask_words());
  EXPECT_EQ(matcher.Fill(mask).status().code(), core::Code::kExhausted) << "it stays failed";
  EXPECT_EQ(matcher.Fork().Accept('a').status().code(), core::Code::kExhausted);
  matcher.Reset();
  EXPECT_TRUE(*matcher.Accept('a')) << "until it begins anew";
}

TEST(GrammarLimitsTest, FoldedRepetitionEnds) {
  const auto compiler = WideCompiler({});
  std::string list = R"({"type": "string"})";
  for (int i = 0; i < 8; ++i) {
    list =
        StrCat(R"({"type": "array", "minItems": 1000, "maxItems": 900000, "items": )", list, "}");
  }
  std::string links = R"("d30": {"type": "string"})";
  for (int i = 29; i >= 0; --i) {
    links = StrCat(links, ", \"d", i, R"(": {"anyOf": [{"$ref": "#/$defs/d)", i + 1,
                   R"("}, {"type": "array", "items": {"$ref": "#/$defs/d)", i + 1, R"("}}]})");
  }
  const GrammarSpec specs[] = {
      {GrammarKind::kSchema, list},
      {GrammarKind::kSchema, StrCat(R"({"$ref": "#/$defs/d0", "$defs": {)", links, "}}")},
      {GrammarKind::kSchema, R"({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}})"},
      {GrammarKind::kSchema, R"({"$ref": "#"})"},
      {GrammarKind::kRegex, "((((a{1000}){1000}){1000}){1000}){1000}"},
      {GrammarKind::kRegex, "(a|b)*a(a|b){60}"},
      {GrammarKind::kRegex, "(((((a*)*)*)*)*)*"},
      {GrammarKind::kEbnf, "root ::= ((((\"a\"{1000}){1000}){1000}){1000}){1000}"},
      {GrammarKind::kEbnf, "root ::= root root | \"a\" | \"\""},
      {GrammarKind::kEbnf, "root ::= a\na ::= b\nb ::= a"},
  };
  for (const GrammarSpec& spec : specs) {
    const auto grammar = compiler->Compile(spec);
    EXPECT_TRUE(grammar.ok() || !grammar.status().message().empty()) << spec.text;
  }
}

TEST(DeadlineRunnerTest, GivesUpAndLetsNobodyInMeanwhile) {
  struct Gate {
    std::mutex mutex;
    std::condition_variable opened;
    bool open = false;
    bool passed = false;
  };
  const auto gate = std::make_shared<Gate>();
  DeadlineRunner runner;
  const auto soon = std::chrono::milliseconds(20);
  const core::Status given_up = runner.Run(soon, [gate] {
    std::unique_lock lock(gate->mutex);
    gate->opened.wait(lock, [&] { return gate->open; });
    gate->passed = true;
  });
  EXPECT_EQ(given_up.code(), core::Code::kExhausted);
  EXPECT_THAT(std::string(given_up.message()), HasSubstr("longer than 20 ms"));
  const auto called = std::make_shared<bool>(false);
  const core::Status busy = runner.Run(soon, [called] { *called = true; });
  EXPECT_THAT(std::string(busy.message()), HasSubstr("another"));
  {
    const std::lock_guard guard(gate->mutex);
    gate->open = true;
    gate->opened.notify_all();
  }
  EXPECT_TRUE(runner.Run(std::chrono::minutes(1), [gate] {}).ok());
  EXPECT_TRUE(gate->passed);
  EXPECT_FALSE(*called);
}

TEST(DeadlineRunnerTest, WaitsForWorkThatWasGivenUp) {
  const auto done = std::make_shared<std::atomic<bool>>(false);
  {
    DeadlineRunner runner;
    const core::Status status = runner.Run(std::chrono::milliseconds(1), [done] {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      *done = true;
    });
    EXPECT_EQ(status.code(), core::Code::kExhausted);
  }
  EXPECT_TRUE(*done);
}

}  // namespace
}  // namespace ingot::text
