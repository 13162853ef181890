// Grammars over a vocabulary of single bytes, some words and a special token.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/strings.h"
#include "text/grammar/grammar_compiler.h"
#include "text/grammar/tool_grammar.h"
#include "text/parse/output_parser.h"
#include "text/token/byte_level.h"

namespace ingot::text {
namespace {

using ::testing::HasSubstr;

constexpr TokenId kSpecial = 260;
constexpr TokenId kEnd = 261;
constexpr size_t kWidth = 270;

std::vector<std::string> Vocabulary() {
  std::vector<std::string> vocabulary;
  for (int byte = 0; byte < 256; ++byte) vocabulary.emplace_back(1, static_cast<char>(byte));
  for (const char* word : {"true", "{\"", "name", "  "}) vocabulary.emplace_back(word);
  vocabulary.resize(kEnd + 1);  // the special one and the end have no text
  return vocabulary;
}

std::unique_ptr<GrammarCompiler> MakeCompiler(const GrammarLimits& limits = {}) {
  const TokenId ends[] = {kEnd};
  auto compiler = GrammarCompiler::Create(Vocabulary(), ends, kWidth, limits);
  EXPECT_TRUE(compiler.ok()) << compiler.status().message();
  return *std::move(compiler);
}

GrammarSpec Schema(std::string text) { return {GrammarKind::kSchema, std::move(text)}; }

class GrammarTest : public ::testing::Test {
 protected:
  GrammarMatcher Match(const GrammarSpec& spec) {
    auto grammar = compiler_->Compile(spec);
    EXPECT_TRUE(grammar.ok()) << spec.text << ": " << grammar.status().message();
    return GrammarMatcher(*std::move(grammar));
  }
  // How many bytes of the text the grammar takes, one token each.
  static size_t Taken(GrammarMatcher& matcher, std::string_view text) {
    for (size_t i = 0; i < text.size(); ++i) {
      if (!*matcher.Accept(static_cast<uint8_t>(text[i]))) return i;
    }
    return text.size();
  }
  bool Matches(const GrammarSpec& spec, std::string_view text) {
    GrammarMatcher matcher = Match(spec);
    return Taken(matcher, text) == text.size() && matcher.completed();
  }
  core::Status Refusal(const GrammarSpec& spec) {
    auto grammar = compiler_->Compile(spec);
    EXPECT_FALSE(grammar.ok()) << spec.text.substr(0, 200);
    return grammar.status();
  }

  std::unique_ptr<GrammarCompiler> compiler_ = MakeCompiler();
};

TEST_F(GrammarTest, JsonModeTakesObjects) {
  const GrammarSpec json;
  EXPECT_TRUE(Matches(json, R"({"a": [1, -2.5e3, null, "x\n\u00e9"], "b": {}})"));
  EXPECT_TRUE(Matches(json, "{\n  \"a\": true\n}"));
  EXPECT_FALSE(Matches(json, "[1]"));
  EXPECT_FALSE(Matches(json, R"({"a": 01})"));
  EXPECT_FALSE(Matches(json, R"({"a": 1,})"));
}

TEST_F(GrammarTest, SchemasHoldForEveryPart) {
  const GrammarSpec schema = Schema(R"({"type": "object", "required": ["name", "age"],
      "properties": {"name": {"type": "string", "maxLength": 3},
                     "age": {"type": "integer", "minimum": 0, "maximum": 150}}})");
  EXPECT_TRUE(Matches(schema, R"({"name": "Ada", "age": 36})"));
  EXPECT_FALSE(Matches(schema, R"({"name": "Adam", "age": 36})"));
  EXPECT_FALSE(Matches(schema, R"({"name": "Ada", "age": 151})"));
  EXPECT_FALSE(Matches(schema, R"({"name": "Ada"})"));
  EXPECT_FALSE(Matches(schema, R"({"name": "Ada", "age": 36, "more": 1})"));
}

TEST_F(GrammarTest, PatternsAndRulesMatchTheWholeAnswer) {
  const GrammarSpec pattern = {GrammarKind::kRegex, "[a-c]{2}(x|yz)?"};
  EXPECT_TRUE(Matches(pattern, "abyz"));
  EXPECT_FALSE(Matches(pattern, "abz"));
  const GrammarSpec rules = {GrammarKind::kEbnf, "root ::= \"(\" root \")\" | [0-9]+"};
  EXPECT_TRUE(Matches(rules, "((12))"));
  EXPECT_FALSE(Matches(rules, "((12)"));
}

TEST_F(GrammarTest, WhiteSpaceIsBounded) {
  GrammarLimits limits;
  limits.whitespace = 5;
  compiler_ = MakeCompiler(limits);
  const GrammarSpec specs[] = {{},
                               Schema("{}"),
                               Schema(R"({"type": "object", "additionalProperties": true})"),
                               Schema(R"({"type": "object", "properties": {"a": {}}})")};
  for (const GrammarSpec& spec : specs) {
    for (const std::string_view before : {"{", R"({"a")", R"({"a":)", R"({"a": 1)", R"({"a": [)"}) {
      GrammarMatcher matcher = Match(spec);
      ASSERT_EQ(Taken(matcher, before), before.size()) << spec.text << before;
      EXPECT_LE(Taken(matcher, "                "), 6u) << spec.text << before;
    }
  }
}

TEST_F(GrammarTest, AMaskHasABitForEachTokenThatMayCome) {
  GrammarMatcher matcher = Match(Schema(R"({"type": "object", "properties": {"name": {}}})"));
  std::vector<uint32_t> mask(matcher.grammar().mask_words(), 0xFFFFFFFF);
  for (const std::string_view part : {"", "{", "\"na", "me\":", " tr", "ue", "}"}) {
    ASSERT_EQ(Taken(matcher, part), part.size());
    ASSERT_TRUE(*matcher.Fill(mask));
    for (TokenId id = 0; id < mask.size() * 32; ++id) {
      const bool bit = (mask[id / 32] >> id % 32 & 1) != 0;
      if (id >= kWidth) {
        EXPECT_FALSE(bit) << "token " << id << " does not exist";
        continue;
      }
      GrammarMatcher fork = matcher.Fork();
      EXPECT_EQ(*fork.Accept(id), bit) << "token " << id << " after " << part;
    }
    EXPECT_EQ(mask[kSpecial / 32] >> kSpecial % 32 & 1, 0u) << "special tokens are no text";
  }
}

TEST_F(GrammarTest, EndsWithTheTokenThatEndsAnswers) {
  GrammarMatcher matcher = Match({GrammarKind::kRegex, "ab*"});
  EXPECT_FALSE(*matcher.Accept(kEnd)) << "too early";
  EXPECT_EQ(Taken(matcher, "ab"), 2u);
  EXPECT_TRUE(matcher.completed());
  EXPECT_FALSE(matcher.terminated());
  EXPECT_TRUE(*matcher.Accept(kEnd));
  EXPECT_TRUE(matcher.terminated());
  EXPECT_FALSE(*matcher.Accept('b'));
  std::vector<uint32_t> mask(matcher.grammar().mask_words());
  EXPECT_FALSE(matcher.Fill(mask).ok());
  ASSERT_TRUE(matcher.Rollback(1).ok());
  EXPECT_FALSE(matcher.terminated());
  EXPECT_TRUE(*matcher.Accept('b'));
}

TEST_F(GrammarTest, TakesTokensBack) {
  GrammarMatcher matcher = Match({GrammarKind::kRegex, "[ab]{3}c"});
  std::vector<uint32_t> before(matcher.grammar().mask_words());
  std::vector<uint32_t> after(before.size());
  EXPECT_EQ(Taken(matcher, "a"), 1u);
  ASSERT_TRUE(matcher.Fill(before).ok());
  EXPECT_EQ(Taken(matcher, "bac"), 3u);
  ASSERT_TRUE(matcher.Rollback(3).ok());
  ASSERT_TRUE(matcher.Fill(after).ok());
  EXPECT_EQ(before, after);
  EXPECT_EQ(matcher.accepted(), 1u);
  EXPECT_FALSE(matcher.Rollback(2).ok());
  matcher.Reset();
  EXPECT_EQ(Taken(matcher, "abac"), 4u);
}

TEST_F(GrammarTest, SaysWhatIsForced) {
  GrammarMatcher matcher = Match(Schema(R"({"const": "only this"})"));
  EXPECT_EQ(*matcher.Forced(), "\"only this\"");
}

TEST_F(GrammarTest, RefusesMasksAndTokensThatDoNotFit) {
  GrammarMatcher matcher = Match({});
  std::vector<uint32_t> mask(matcher.grammar().mask_words() + 1);
  EXPECT_FALSE(matcher.Fill(mask).ok());
  EXPECT_FALSE(matcher.Accept(kWidth).ok());
}

TEST_F(GrammarTest, CompilesOnceAndForgetsTheOldest) {
  const auto first = compiler_->Compile({GrammarKind::kRegex, "a+"});
  const auto again = compiler_->Compile({GrammarKind::kRegex, "a+"});
  ASSERT_TRUE(first.ok() && again.ok());
  EXPECT_EQ(first->get(), again->get());
  EXPECT_EQ(compiler_->cache_stats().hits, 1u);
  EXPECT_NE((*compiler_->Compile({GrammarKind::kEbnf, "root ::= \"a+\""})).get(), first->get());

  GrammarLimits limits;
  limits.cache_bytes = 3 * (*first)->bytes();
  compiler_ = MakeCompiler(limits);
  for (const char* pattern : {"a+", "b+", "c+", "d+", "e+", "f+"}) {
    ASSERT_TRUE(compiler_->Compile({GrammarKind::kRegex, pattern}).ok());
    EXPECT_LE(compiler_->cache_stats().bytes, limits.cache_bytes);
  }
  EXPECT_LT(compiler_->cache_stats().grammars, 6u);
  EXPECT_EQ(compiler_->cache_stats().compiled, 6u);
  ASSERT_TRUE(compiler_->Compile({GrammarKind::kRegex, "f+"}).ok());
  EXPECT_EQ(compiler_->cache_stats().hits, 1u) << "the youngest is kept";
}

TEST_F(GrammarTest, RefusesPatternsAndRulesWithTheirError) {
  EXPECT_THAT(std::string(Refusal({GrammarKind::kRegex, "(a"}).message()), HasSubstr("pattern"));
  const std::string ahead(Refusal({GrammarKind::kRegex, "^(?=a)b$"}).message());
  EXPECT_THAT(ahead, HasSubstr("ookahead"));
  EXPECT_THAT(std::string(Refusal({GrammarKind::kEbnf, "root ::= missing"}).message()),
              HasSubstr("missing"));
  EXPECT_FALSE(Refusal({GrammarKind::kEbnf, "start ::= \"a\""}).ok());
  EXPECT_FALSE(Refusal({GrammarKind::kRegex, std::string("a\0b", 3)}).ok());
}

TEST_F(GrammarTest, NoEndMeansNoCompiler) {
  EXPECT_FALSE(GrammarCompiler::Create(Vocabulary(), {}, kWidth).ok());
  const TokenId beyond[] = {kWidth};
  EXPECT_FALSE(GrammarCompiler::Create(Vocabulary(), beyond, kWidth).ok());
}

class ToolGrammarTest : public GrammarTest {
 protected:
  GrammarSpec Tools(std::string_view parser, ToolGrammarOptions options = {}) {
    const ToolDefinition tools[] = {{"add", R"({"type": "object", "required": ["a"],
                    "properties": {"a": {"type": "integer"}}})"},
                                    {"now", ""}};
    auto spec = ToolCallGrammar(parser, tools, options);
    EXPECT_TRUE(spec.ok()) << spec.status().message();
    return *std::move(spec);
  }
};

TEST_F(ToolGrammarTest, CallsFitTheirSchemas) {
  const GrammarSpec json = Tools("qwen3", {.required = true});
  EXPECT_TRUE(
      Matches(json, "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 5}}\n</tool_call>"));
  EXPECT_TRUE(Matches(json, "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>"));
  EXPECT_FALSE(Matches(
      json, "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": \"5\"}}\n</tool_call>"));
  EXPECT_FALSE(Matches(json, "<tool_call>\n{\"name\": \"sub\", \"arguments\": {}}\n</tool_call>"));
  EXPECT_FALSE(Matches(json, "Let me see."));
  EXPECT_TRUE(Matches(
      Tools("qwen3-coder", {.required = true}),
      "<tool_call>\n<function=add>\n<parameter=a>\n5\n</parameter>\n</function>\n</tool_call>"));
  EXPECT_TRUE(Matches(Tools("glm-4.7", {.required = true}),
                      "<tool_call>add<arg_key>a</arg_key><arg_value>5</arg_value></tool_call>"));
}

TEST_F(ToolGrammarTest, TextMayStandBeforeACallUnlessOneIsRequired) {
  const std::string call =
      "Let me see.\n<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>";
  EXPECT_TRUE(Matches(Tools("qwen3"), call));
  EXPECT_TRUE(Matches(Tools("qwen3"), "No need."));
  EXPECT_FALSE(Matches(Tools("qwen3", {.required = true}), call));
  const std::string one = call.substr(12);
  EXPECT_TRUE(Matches(Tools("qwen3", {.required = true}), one + one));
  EXPECT_FALSE(Matches(Tools("qwen3", {.required = true, .single = true}), one + one));
}

// What each notation's parser reads.
struct Written {
  std::string_view parser;
  std::string_view text;    // add(a = 5)
  std::string_view broken;  // the same with an argument that does not fit
};

constexpr Written kWritten[] = {
    {"qwen3.5",
     "<tool_call>\n<function=add>\n<parameter=a>\n5\n</parameter>\n</function>\n</tool_call>",
     "<tool_call>\n<function=add>\n<parameter=a>\nx\n</parameter>\n</function>\n</tool_call>"},
    {"nemotron-3-nano",
     "<tool_call>\n<function=add>\n<parameter=a>\n5\n</parameter>\n</function>\n</tool_call>",
     "<tool_call>\n<function=sub>\n<parameter=a>\n5\n</parameter>\n</function>\n</tool_call>"},
    {"nemotron-3.5-nano",
     "<tool_call>\n<function=add>\n<parameter=a>\n5\n</parameter>\n</function>\n</tool_call>",
     "<tool_call>\n<function=add>\n<parameter=b>\n5\n</parameter>\n</function>\n</tool_call>"},
    {"poolside-v1", "<tool_call>add<arg_key>a</arg_key><arg_value>5</arg_value></tool_call>",
     "<tool_call>add<arg_key>a</arg_key><arg_value>x</arg_value></tool_call>"},
    {"laguna", "<tool_call>add\n<arg_key>a</arg_key>\n<arg_value>5</arg_value>\n</tool_call>",
     "<tool_call>add\n<arg_key>a</arg_key>\n<arg_value>x</arg_value>\n</tool_call>"},
    {"gemma4", "<|tool_call>call:add{\"a\": 5}<tool_call|>",
     "<|tool_call>call:add{\"a\": \"5\"}<tool_call|>"},
    {"cohere",
     "<|START_ACTION|>[\n    {\"tool_call_id\": \"0\", \"tool_name\": \"add\", \"parameters\": "
     "{\"a\": 5}}\n]<|END_ACTION|>",
     "<|START_ACTION|>[\n    {\"tool_call_id\": \"0\", \"tool_name\": \"add\", \"parameters\": "
     "{}}\n]<|END_ACTION|>"},
    {"harmony", "<|channel|>commentary to=functions.add <|constrain|>json<|message|>{\"a\": 5}",
     "<|channel|>commentary to=functions.add <|constrain|>json<|message|>{\"a\": true}"},
    {"xml", "<function=add>\n<parameter=a>\n5\n</parameter>\n</function>",
     "<function=add>\n<parameter=a>\n\n</parameter>\n</function>"},
    {"generic", "{\"name\": \"add\", \"arguments\": {\"a\": 5}}",
     "{\"name\": \"add\", \"arguments\": {\"b\": 5}}"},
};

TEST_F(ToolGrammarTest, WhatGrammarsLetThroughParsersRead) {
  for (const Written& one : kWritten) {
    const GrammarSpec spec = Tools(one.parser, {.required = true});
    EXPECT_TRUE(Matches(spec, one.text)) << one.parser << spec.text;
    EXPECT_FALSE(Matches(spec, one.broken)) << one.parser;
    EXPECT_FALSE(Matches(spec, "Hello")) << one.parser;
    ParserOptions options;
    options.tools = *core::ParseJson(
        R"([{"type": "function", "function": {"name": "add", "parameters": {"type": "object",
            "properties": {"a": {"type": "integer"}}}}}])");
    auto parser = MakeOutputParser(one.parser, options);
    ASSERT_TRUE(parser.ok());
    ParsedPiece piece = (*parser)->Add(one.text);
    const ParsedPiece rest = (*parser)->Finish();
    piece.calls.insert(piece.calls.end(), rest.calls.begin(), rest.calls.end());
    ASSERT_EQ(piece.calls.size(), 1U) << one.parser;
    EXPECT_EQ(piece.calls[0].name, "add") << one.parser;
    EXPECT_EQ(piece.calls[0].arguments.dump(), "{\"a\":5}") << one.parser;
  }
}

// A schema of every form that a value can have.
constexpr std::string_view kForms = R"({"type": "object",
    "$defs": {"unit": {"enum": ["celsius", "deg F", " K", "5"]}, "pair": {"type": "object",
        "properties": {"u": {"$ref": "#/$defs/unit"}}, "required": ["u"]}},
    "required": ["unit", "code"],
    "properties": {
      "unit": {"$ref": "#/$defs/unit"},
      "code": {"type": "string", "pattern": "^[A-Z]{2}$", "description": "two letters"},
      "short": {"type": "string", "maxLength": 3},
      "text": {"type": "string"},
      "any": {},
      "only": {"const": "this one"},
      "mixed": {"enum": ["1", 2, null, [3]]},
      "perhaps": {"anyOf": [{"enum": ["yes", "no"]}, {"type": "null"}]},
      "either": {"type": ["integer", "boolean"]},
      "count": {"type": "integer", "minimum": 1, "maximum": 9},
      "list": {"type": "array", "items": {"$ref": "#/$defs/unit"}},
      "pair": {"$ref": "#/$defs/pair"}}})";

struct Form {
  std::string_view name;
  std::vector<std::string_view> taken;    // as they stand in a call
  std::vector<std::string_view> refused;  // likewise
};

const std::vector<Form>& Forms() {
  static const std::vector<Form> forms = {
      {"unit",
       {"celsius", "deg F", " K", "5"},
       {"", "K", "celsius ", " celsius", "\ncelsius", "c"}},
      {"code", {"AB"}, {"A", "ABC", " AB", "AB\n", "ab"}},
      {"short", {"", "a", " a "}, {"abcd", "    ", "a\nb\n"}},
      {"text", {"", "a b", " a", "a\n", "\n", "<b>\n</b>"}, {"a</parameter>", "a</arg_value>"}},
      {"any", {"x", "[1]", ""}, {}},
      {"only", {"this one"}, {"this one ", " this one", "this"}},
      {"mixed", {"1", "2", "null", "[3]"}, {" 1", "2 ", "\nnull", "3"}},
      {"perhaps", {"yes", "null"}, {"yes ", " null", "maybe"}},
      {"either", {"12", "-1", "true"}, {" 12", "12 ", "True", "1.5"}},
      {"count", {"1", "9"}, {"0", "10", " 1", "1\n"}},
      {"list", {"[]", "[\"deg F\", \"5\"]"}, {"[\"x\"]", " []", "[] "}},
      {"pair", {"{\"u\": \" K\"}"}, {"{}", "{\"u\": \"K\"}", " {\"u\": \" K\"}"}},
  };
  return forms;
}

TEST_F(ToolGrammarTest, NoWhiteSpaceComesBetweenAValueAndItsTags) {
  const ToolDefinition tools[] = {{"f", std::string(kForms)}};
  for (const bool lines : {true, false}) {
    const std::string_view parser = lines ? "qwen3.5" : "glm-4.7";
    auto spec = ToolCallGrammar(parser, tools, {.required = true});
    ASSERT_TRUE(spec.ok()) << spec.status().message();
    const auto written = [&](std::string_view name, std::string_view value) {
      return lines
                 ? core::StrCat("<parameter=", name, ">\n", value, "\n</parameter>\n")
                 : core::StrCat("<arg_key>", name, "</arg_key><arg_value>", value, "</arg_value>");
    };
    const auto call = [&](std::string_view name, std::string_view value) {
      std::string text = lines ? "<tool_call>\n<function=f>\n" : "<tool_call>f";
      text += name == "unit" ? written(name, value) : written("unit", "celsius");
      if (name == "code") text += written(name, value);
      if (name != "code") text += written("code", "AB");
      if (name != "unit" && name != "code") text += written(name, value);
      return text + (lines ? "</function>\n</tool_call>" : "</tool_call>");
    };
    ParserOptions options;
    options.tools = core::Json::array(
        {{{"type", "function"},
          {"function", {{"name", "f"}, {"parameters", *core::ParseJson(kForms)}}}}});
    for (const Form& form : Forms()) {
      for (const std::string_view value : form.taken) {
        const std::string text = call(form.name, value);
        EXPECT_TRUE(Matches(*spec, text)) << text;
        // What the parser makes of it is a value of the schema's.
        auto reader = MakeOutputParser(parser, options);
        ASSERT_TRUE(reader.ok());
        ParsedPiece piece = (*reader)->Add(text);
        const ParsedPiece rest = (*reader)->Finish();
        piece.calls.insert(piece.calls.end(), rest.calls.begin(), rest.calls.end());
        ASSERT_EQ(piece.calls.size(), 1U) << text;
        const core::Json& read = piece.calls[0].arguments[std::string(form.name)];
        const core::Json schema = {
            {"$defs", (*core::ParseJson(kForms))["$defs"]},
            {"type", "object"},
            {"required", {form.name}},
            {"properties",
             {{form.name, (*core::ParseJson(kForms))["properties"][std::string(form.name)]}}}};
        const core::Json object = {{form.name, read}};
        EXPECT_TRUE(Matches(Schema(schema.dump()), object.dump())) << text << object;
        if (form.name == "unit" || form.name == "text") {
          EXPECT_EQ(read, value) << text;
        }
      }
      for (const std::string_view value : form.refused) {
        // The other notation's tag is text here.
        const bool other =
            value.find(lines ? "</arg_value>" : "</parameter>") != std::string_view::npos;
        EXPECT_EQ(Matches(*spec, call(form.name, value)), other) << call(form.name, value);
      }
    }
    EXPECT_FALSE(Matches(*spec, lines ? "<tool_call>\n<function=f>\n</function>\n</tool_call>"
                                      : "<tool_call>f</tool_call>"));
  }
}

// Where more than a list of properties is described, xgrammar writes them, with white space around
// values, and the parser finds the choice.
TEST_F(ToolGrammarTest, OpenSchemasAreTakenWithTheirWhiteSpace) {
  const ToolDefinition tools[] = {
      {"f", R"({"type": "object", "properties": {"u": {"enum": ["a", "b"]}},
                "additionalProperties": {"type": "integer"}})"}};
  auto spec = ToolCallGrammar("qwen3.5", tools, {.required = true});
  ASSERT_TRUE(spec.ok()) << spec.status().message();
  const std::string text =
      "<tool_call>\n<function=f>\n<parameter=u> b </parameter>\n<parameter=x>\n7\n</parameter>\n"
      "</function>\n</tool_call>";
  EXPECT_TRUE(Matches(*spec, text));
  ParserOptions options;
  options.tools = core::Json::array(
      {{{"function", {{"name", "f"}, {"parameters", *core::ParseJson(tools[0].parameters)}}}}});
  auto reader = MakeOutputParser("qwen3.5", options);
  ASSERT_TRUE(reader.ok());
  const ParsedPiece piece = (*reader)->Add(text);
  ASSERT_EQ(piece.calls.size(), 1U);
  EXPECT_EQ(piece.calls[0].arguments["u"], "b");
}

TEST_F(ToolGrammarTest, ArgumentsThatNoParserCouldReadAreRefusedByName) {
  const auto refusal = [](std::string_view parser, std::string schema) {
    const ToolDefinition tools[] = {{"f", std::move(schema)}};
    const core::Status status = ToolCallGrammar(parser, tools, {}).status();
    EXPECT_EQ(status.code(), core::Code::kUnsupported) << status.message();
    return std::string(status.message());
  };
  EXPECT_THAT(refusal("qwen3.5", R"({"type": "object", "properties": {"a>b": {}}})"),
              HasSubstr("\"a>b\""));
  EXPECT_THAT(refusal("qwen3.5", R"({"type": "object", "properties": {" a": {}}})"),
              HasSubstr("\" a\""));
  EXPECT_THAT(refusal("glm-4.7", R"({"type": "object", "properties": {"": {}}})"),
              HasSubstr("the tool \"f\""));
  EXPECT_THAT(refusal("qwen3.5", R"({"type": "object",
                  "properties": {"a": {"enum": ["x</parameter>"]}}})"),
              HasSubstr("x</parameter>"));
}

TEST_F(ToolGrammarTest, TextMayStandBeforeCallsOfAnyNotation) {
  for (const Written& one : kWritten) {
    const GrammarSpec spec = Tools(one.parser);
    const bool channels = one.parser == "harmony";
    const std::string_view thought =
        channels ? "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant" : "Let me see.\n";
    EXPECT_TRUE(Matches(spec, core::StrCat(thought, one.text))) << one.parser;
    EXPECT_FALSE(Matches(spec, core::StrCat(thought, one.broken))) << one.parser;
    EXPECT_TRUE(Matches(
        spec, core::StrCat(thought, channels ? "<|channel|>final<|message|>No need." : "No need.")))
        << one.parser;
  }
}

// A tokenizer whose tokens are single bytes, and the marks of calls as special tokens.
std::unique_ptr<Tokenizer> MarkTokenizer(const std::vector<std::string>& marks) {
  core::Json vocab = core::Json::object();
  for (int byte = 0; byte < 256; ++byte) {
    std::string text;
    AppendByteLevel(text, std::string(1, static_cast<char>(byte)));
    vocab[text] = byte;
  }
  core::Json added = core::Json::array();
  for (size_t i = 0; i < marks.size(); ++i) {
    added.push_back({{"id", 256 + i}, {"content", marks[i]}, {"special", true}});
  }
  const core::Json file = {
      {"added_tokens", added},
      {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
      {"decoder", {{"type", "ByteLevel"}}},
      {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", core::Json::array()}}}};
  auto tokenizer = Tokenizer::Load(file.dump());
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  return *std::move(tokenizer);
}

TEST_F(ToolGrammarTest, MarksThatAreSpecialTokensComeThroughWhereTheyBelong) {
  const std::vector<std::string> marks = {
      "<|end_of_text|>", "<|im_start|>",     "<tool_call>",    "</tool_call>", "<|tool_call>",
      "<tool_call|>",    "<|START_ACTION|>", "<|END_ACTION|>", "<|channel|>",  "<|message|>",
      "<|constrain|>",   "<|end|>",          "<|start|>",      "<think>",      "</think>",
      "<|channel>",      "<channel|>"};
  const auto tokenizer = MarkTokenizer(marks);
  const TokenId ends[] = {256};
  auto compiler = GrammarCompiler::Create(GrammarVocabulary(*tokenizer), ends, tokenizer->id_end());
  ASSERT_TRUE(compiler.ok()) << compiler.status().message();
  const auto takes = [&](const GrammarSpec& spec, std::string_view text) {
    auto grammar = (*compiler)->Compile(spec);
    EXPECT_TRUE(grammar.ok()) << grammar.status().message();
    const auto ids = tokenizer->Encode(text);
    GrammarMatcher matcher(*std::move(grammar));
    for (const TokenId id : *ids) {
      if (!*matcher.Accept(id)) return false;
    }
    return *matcher.Accept(256);
  };
  for (const Written& one : kWritten) {
    const bool channels = one.parser == "harmony";
    const std::string thought =
        channels ? "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant" : "Let me see.\n";
    for (const bool required : {true, false}) {
      const GrammarSpec spec =
          Tools(one.parser, {.required = required, .tokenizer = tokenizer.get()});
      EXPECT_TRUE(takes(spec, one.text)) << one.parser << spec.text;
      EXPECT_FALSE(takes(spec, one.broken)) << one.parser;
      EXPECT_FALSE(takes(spec, "<|im_start|>")) << one.parser;
      EXPECT_FALSE(takes(spec, core::StrCat(one.text, "<|im_start|>"))) << one.parser;
      EXPECT_EQ(takes(spec, core::StrCat(thought, one.text)), !required || channels) << one.parser;
    }
  }
  for (const GrammarSpec& plain :
       {GrammarSpec{}, Schema(R"({"type": "object"})"), GrammarSpec{GrammarKind::kRegex, ".*"},
        GrammarSpec{GrammarKind::kEbnf, "root ::= [^b]*"}}) {
    EXPECT_FALSE(takes(plain, "{\"a\": \"<|channel|>\"}")) << plain.text;
    EXPECT_FALSE(takes(plain, "<think>")) << plain.text;
    EXPECT_TRUE(takes(plain, "{\"a\": \"channel\"}")) << plain.text;
  }
  const GrammarSpec gemma = Tools("gemma4", {.tokenizer = tokenizer.get()});
  EXPECT_TRUE(takes(gemma, core::StrCat("<|channel>thought\nHm.<channel|>", kWritten[5].text)));
}

TEST_F(ToolGrammarTest, RefusesToolsByName) {
  const auto refusal = [](std::string_view parser, std::vector<ToolDefinition> tools) {
    return std::string(ToolCallGrammar(parser, tools, {}).status().message());
  };
  EXPECT_THAT(refusal("glimmer", {{"a", ""}}), HasSubstr("\"glimmer\""));
  EXPECT_THAT(refusal("qwen3", {}), HasSubstr("no tools"));
  EXPECT_THAT(refusal("qwen3", {{"a b", ""}}), HasSubstr("\"a b\""));
  EXPECT_THAT(refusal("qwen3", {{"a", ""}, {"a", ""}}), HasSubstr("twice"));
  EXPECT_THAT(refusal("qwen3", {{"a", R"({"type": "string"})"}}), HasSubstr("of an object"));
  EXPECT_THAT(refusal("qwen3", {{"a", R"({"type": "object", "not": {}})"}}), HasSubstr("\"not\""));
}

}  // namespace
}  // namespace ingot::text
