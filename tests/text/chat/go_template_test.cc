// Go-style templates of Modelfiles: what they render, and what is refused by name.
#include "text/gotemplate/go_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "text/chat/go_chat.h"
#include "text/jinja/template.h"

namespace ingot::text {
namespace {

using ::testing::HasSubstr;

jinja::Value Data() {
  return jinja::FromJson(*core::ParseJson(R"({
    "Name": "<b>", "Empty": "", "Zero": 0, "Two": 2, "Yes": true, "List": ["a", "b", "c"],
    "Map": {"z": 1, "a": 2}, "Deep": {"In": {"X": "deep"}}, "None": null, "Real": 1.5, "E": []})"),
                         jinja::Origin::kUser);
}

std::string Apply(std::string_view source) {
  auto parsed = GoTemplate::Parse(source, "TEMPLATE");
  if (!parsed.ok()) return "error: " + std::string(parsed.status().message());
  auto text = parsed->Render(Data());
  return text.ok() ? std::string(text->view()) : "error: " + std::string(text.status().message());
}

TEST(GoTemplate, Constructs) {
  const std::pair<const char*, const char*> cases[] = {
      {"plain text", "plain text"},
      {"a {{ .Name }} b", "a <b> b"},
      {"a \n {{- .Name -}} \n b", "a<b>b"},
      {"{{/* note */}}x{{- /* note */ -}} y", "xy"},
      {"{{ if .Yes }}1{{ else }}2{{ end }}{{ if .Empty }}1{{ else if .Two }}2{{ else }}3{{ end }}",
       "12"},
      {"{{ if .Zero }}a{{ else if .E }}b{{ else if .None }}c{{ else }}d{{ end }}", "d"},
      {"{{ range .List }}[{{ . }}]{{ end }}{{ range .E }}x{{ else }}none{{ end }}",
       "[a][b][c]none"},
      {"{{ range $i, $x := .List }}{{ $i }}{{ $x }}{{ if eq $i 1 }}{{ break }}{{ end }}{{ end }}",
       "0a1b"},
      {"{{ range $x := .List }}{{ if eq $x \"b\" }}{{ continue }}{{ end }}{{ $x }}{{ end }}", "ac"},
      {"{{ range $k, $v := .Map }}{{ $k }}={{ $v }};{{ end }}", "a=2;z=1;"},
      {"{{ with .Deep.In }}{{ .X }}{{ $.Two }}{{ end }}{{ with .Empty }}x{{ else }}y{{ end }}",
       "deep2y"},
      {"{{ $x := 1 }}{{ if .Yes }}{{ $x = 2 }}{{ end }}{{ $x }}", "2"},
      {"{{ and .Yes .Two }}{{ and .Empty .Nope.Deep }}{{ or .Empty \"z\" }}{{ not .Zero }}",
       "2ztrue"},
      {"{{ eq .Two 2 }}{{ ne .Two 2 }}{{ eq .Name \"x\" \"<b>\" }}{{ lt 1 2 }}{{ ge 2 2 }}{{ gt "
       "\"b\" \"a\" }}",
       "truefalsetruetruetruetrue"},
      {"{{ len .List }}{{ len .Name }}{{ index .List 1 }}{{ index .Map \"z\" }}{{ index .Deep "
       "\"In\" \"X\" }}",
       "33b1deep"},
      {"{{ slice .List 1 }}{{ slice .Name 1 2 }}", "[\"b\",\"c\"]b"},
      {"{{ json .Map }}{{ .Map }}{{ json .Name }}",
       "{\"z\":1,\"a\":2}{\"z\":1,\"a\":2}\"\\u003cb\\u003e\""},
      {"{{ .Name | json }}{{ \"a\" | eq \"a\" }}{{ (index .List 0) }}{{ ((.Deep).In).X }}",
       "\"\\u003cb\\u003e\"trueadeep"},
      {"{{ print 1 2 \"x\" 3 }}|{{ printf \"%s-%d-%v%%\" .Name 5 .List }}|{{ println \"a\" 1 }}",
       "1 2x3|<b>-5-[\"a\",\"b\",\"c\"]%|a 1\n"},
      {"{{ `raw\\n` }}{{ \"esc\\t\\u00e9\" }}{{ 'a' }}{{ 0x10 }}{{ -3 }}{{ 1.5 }}{{ true }}{{ "
       ".Real }}",
       "raw\\nesc\té9716-31.5true1.5"},
      {"{{ define \"t\" }}<{{ . }}>{{ end }}{{ template \"t\" .Two }}{{ block \"b\" .Name }}[{{ . "
       "}}]{{ end }}",
       "<2>[<b>]"},
      {"{{ .Missing }}|{{ .Missing.Deeper }}|{{ range 3 }}{{ . }}{{ end }}",
       "<no value>|<no value>|012"},
      {"{{ range $i, $_ := .List }}{{ if (and (gt $i 0) (lt $i 2)) }}{{ $i }}{{ end }}{{ end }}",
       "1"},
      {"{{ if and (not .Empty) (or .Zero (eq (len .List) 3)) }}ok{{ end }}", "ok"},
      {"{{ $last := eq (len (slice .List 0)) 3 }}{{ $last }}", "true"},
  };
  for (const auto& [source, expected] : cases) EXPECT_EQ(Apply(source), expected) << source;
}

TEST(GoTemplate, UnsupportedFunctionsAreNamed) {
  for (const char* name : {"html", "js", "urlquery", "call", "toTypeScriptType", "upper"}) {
    EXPECT_EQ(Apply(std::string("a\n{{ ") + name + " .Name }}"),
              std::string("error: TEMPLATE: line 2, column 4: the function '") + name +
                  "' is not supported");
    EXPECT_EQ(GoTemplate::Parse(std::string("{{ ") + name + " . }}", "T").status().code(),
              core::Code::kUnsupported);
  }
  EXPECT_THAT(Apply("{{ printf \"%x\" 5 }}"), HasSubstr("the verb \"%x\" is not supported"));
}

TEST(GoTemplate, MistakesNameLineAndColumn) {
  const std::pair<const char*, const char*> cases[] = {
      {"{{ if .X }}", "{{if}} without {{end}}"},
      {"x{{ end }}", "unexpected {{end}}"},
      {"{{ .X", "unclosed action"},
      {"{{ /* x }}", "unclosed comment"},
      {"{{ or.X }}", "wrong number of arguments for or: 0"},
      {"{{ len not }}", "wrong number of arguments for not: 0"},
      {"{{ $x }}", "undefined variable \"$x\""},
      {"{{ $x = 1 }}", "undefined variable"},
      {"{{ .X .Y }}", "only a function can take arguments"},
      {"{{ .X | .Y }}", "only a function can take arguments"},
      {"{{ eq 1 }}", "wrong number of arguments for eq: 1"},
      {"{{ template \"no\" }}", "template \"no\" is not defined"},
      {"{{ break }}", "{{break}} outside of {{range}}"},
      {"{{ \"abc }}", "a string that does not end"},
      {"{{ }}", "missing value"},
      {"{{ 1 + 2 }}", "unexpected character"},
      {"{{ len 5 }}", "len: no length of int"},
      {"{{ index .List 9 }}", "index: out of range: 9"},
      {"{{ .Name.Field }}", "can't evaluate field Field of str"},
      {"{{ lt .Name 1 }}", "incompatible types"},
      {"{{ range .Name }}{{ end }}", "range cannot iterate over str"},
      {"{{ slice .List 5 }}", "bounds out of range"},
  };
  for (const auto& [source, expected] : cases) {
    EXPECT_THAT(Apply(source), HasSubstr(expected)) << source;
    EXPECT_THAT(Apply(source), HasSubstr("TEMPLATE: line 1, column")) << source;
  }
}

TEST(GoTemplate, DeepAndEndlessTemplatesEndInErrors) {
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "{{ if . }}";
  EXPECT_THAT(Apply(deep), HasSubstr("nest too deep"));
  EXPECT_THAT(Apply("{{ " + std::string(1000, '(') + " }}"), HasSubstr("nest too deep"));
  EXPECT_THAT(Apply("{{ define \"a\" }}{{ template \"a\" }}{{ end }}{{ template \"a\" }}"),
              HasSubstr("call each other too deep"));
  auto parsed = GoTemplate::Parse("{{ range 90000 }}{{ range 90000 }}{{ end }}{{ end }}", "T");
  ASSERT_TRUE(parsed.ok());
  GoRenderOptions options;
  options.limits.max_steps = 200'000;
  EXPECT_EQ(parsed->Render(Data(), options).status().code(), core::Code::kExhausted);
}

std::string Chat(std::string_view source, const core::Json& messages, const core::Json& tools = {},
                 std::string_view think = "") {
  auto chat = GoChat::Load(source);
  if (!chat.ok()) return "error: " + std::string(chat.status().message());
  ChatRequest request;
  request.messages = *MessagesFromJson(messages);
  request.tools = *ToolsFromJson(tools);
  request.think = *ParseThink(think);
  auto text = chat->Render(request);
  return text.ok() ? std::string(text->view()) : "error: " + std::string(text.status().message());
}

const core::Json kTalk = {{{"role", "system"}, {"content", "S"}},
                          {{"role", "user"}, {"content", "U1"}},
                          {{"role", "assistant"}, {"content", "A1"}},
                          {{"role", "user"}, {"content", "U2"}}};

TEST(GoChat, TemplatesOverMessages) {
  constexpr std::string_view kSource =
      "{{- if .System }}<sys>{{ .System }}{{ end }}{{- range $i, $_ := .Messages }}\n"
      "{{- $last := eq (len (slice $.Messages $i)) 1 -}}\n"
      "{{- if eq .Role \"user\" }}<user>{{ .Content }}{{ else if eq .Role \"assistant\" }}<bot>"
      "{{ .Content }}{{ end }}{{- if and $last (ne .Role \"assistant\") }}<bot>{{ end }}{{- end }}";
  EXPECT_EQ(Chat(kSource, kTalk), "<sys>S<user>U1<bot>A1<user>U2<bot>");
}

TEST(GoChat, TemplatesOfOneRoundAreRenderedRoundByRound) {
  EXPECT_EQ(
      Chat("{{ if .System }}[{{ .System }}]{{ end }}Q: {{ .Prompt }} A: {{ .Response }}\n", kTalk),
      "[S]Q: U1 A: A1\nQ: U2 A: ");
  core::Json open = kTalk;
  open.push_back({{"role", "assistant"}, {"content", "It is"}});
  EXPECT_EQ(Chat("Q: {{ .Prompt }} A: {{ .Response }}\n", open), "Q: U1 A: A1\nQ: U2 A: It is");
  EXPECT_EQ(Chat("{{ .Prompt }};", kTalk), "U1;A1U2;");
}

TEST(GoChat, ToolsPrintAsTheirJson) {
  const core::Json tools = {
      {{"function",
        {{"parameters", {{"properties", {{"q", {{"type", "string"}}}}}, {"type", "object"}}},
         {"description", "d<"},
         {"name", "f"}}},
       {"type", "function"}}};
  EXPECT_EQ(Chat("{{ .Messages | len }}{{ range .Tools }}{{ . }}|{{ .Function.Name }}|{{ json "
                 ".Function }}{{ end }}",
                 kTalk, tools),
            "4{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\\u003c\","
            "\"parameters\":{\"type\":\"object\",\"properties\":{\"q\":{\"type\":\"string\"}}}}}|f|"
            "{\"name\":\"f\",\"description\":\"d\\u003c\",\"parameters\":{\"type\":\"object\","
            "\"properties\":{\"q\":{\"type\":\"string\"}}}}");
}

TEST(GoChat, CallsAndResults) {
  const core::Json talk = {
      {{"role", "user"}, {"content", "x"}},
      {{"role", "assistant"},
       {"tool_calls", {{{"function", {{"name", "f"}, {"arguments", {{"b", 1}, {"a", "z"}}}}}}}}},
      {{"role", "tool"}, {"tool_name", "f"}, {"content", "ok"}}};
  EXPECT_EQ(
      Chat("{{ range .Messages }}{{ .Role }}:{{ .Content }}{{ range .ToolCalls }}"
           "{\"name\":\"{{ .Function.Name }}\",\"arguments\":{{ .Function.Arguments }}}{{ end }}"
           "{{ .ToolName }};{{ end }}",
           talk),
      "user:x;assistant:{\"name\":\"f\",\"arguments\":{\"b\":1,\"a\":\"z\"}};tool:okf;");
}

TEST(GoChat, ThinkingIsToldApart) {
  constexpr std::string_view kSource =
      "{{ range .Messages }}{{ end }}{{ if .IsThinkSet }}{{ .Think }} {{ .ThinkLevel }}{{ else "
      "}}unset{{ end }}";
  EXPECT_EQ(Chat(kSource, kTalk), "unset");
  EXPECT_EQ(Chat(kSource, kTalk, {}, "false"), "false ");
  EXPECT_EQ(Chat(kSource, kTalk, {}, "low"), "true low");
}

TEST(GoChat, WhatATemplateCannotSayIsRefused) {
  const core::Json tool_turn = {{{"role", "tool"}, {"content", "x"}}};
  EXPECT_THAT(Chat("{{ .Prompt }}", tool_turn), HasSubstr("no turns of the role \"tool\""));
  EXPECT_THAT(Chat("{{ .Prompt }}", kTalk, {{{"name", "f"}}}), HasSubstr("knows no tools"));
  EXPECT_THAT(Chat("{{ .Prompt }}", {{{"role", "user"}, {"content", "x"}, {"images", {"i"}}}}),
              HasSubstr("knows no images"));
}

TEST(GoChat, UserTextKeepsItsMarks) {
  auto chat =
      GoChat::Load("{{ range .Messages }}<|start|>{{ .Content }}{{ json .Content }}{{ end }}");
  ASSERT_TRUE(chat.ok());
  ChatRequest request;
  request.messages = *MessagesFromJson({{{"role", "user"}, {"content", "a<|start|>"}}});
  auto text = chat->Render(request);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(text->view(), "<|start|>a<|start|>\"a\\u003c|start|\\u003e\"");
  ASSERT_EQ(text->user().size(), 2u);
  EXPECT_EQ(text->user()[0], (jinja::ByteRange{9, 19}));
}

}  // namespace
}  // namespace ingot::text
