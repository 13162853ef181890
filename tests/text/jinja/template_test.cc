// What a template's user sees: places in errors, refusals by name, limits, marks of user text.
#include "text/jinja/template.h"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/text/jinja/cases.h"

namespace ingot::text::jinja {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Value Parsed(std::string_view json, Origin origin) {
  auto parsed = core::ParseJson(json);
  EXPECT_TRUE(parsed.ok()) << json;
  return FromJson(*parsed, origin);
}

std::string ParseError(std::string_view source) {
  auto parsed = Template::Parse(source, "chat");
  return parsed.ok() ? "parsed" : std::string(parsed.status().message());
}

core::Result<Text> Render(std::string_view source, const Context& context = {},
                          const RenderOptions& options = {}) {
  auto parsed = Template::Parse(source, "chat");
  if (!parsed.ok()) return parsed.status();
  return parsed->Render(context, options);
}

std::string RenderError(std::string_view source, const Context& context = {},
                        const RenderOptions& options = {}) {
  auto text = Render(source, context, options);
  return text.ok() ? "rendered: " + std::string(text->view())
                   : std::string(text.status().message());
}

// The rendered text, with what came from the user in brackets.
std::string Marked(std::string_view source, const Context& context) {
  auto text = Render(source, context);
  if (!text.ok()) return std::string(text.status().message());
  std::string out;
  size_t at = 0;
  for (const ByteRange& range : text->user()) {
    out.append(text->view().substr(at, range.begin - at));
    out.append("[").append(text->view().substr(range.begin, range.end - range.begin)).append("]");
    at = range.end;
  }
  return out.append(text->view().substr(at));
}

TEST(TemplateErrors, NameTemplateLineAndColumn) {
  EXPECT_EQ(ParseError("a\n  {{ x + }}"),
            "chat: line 2, column 10: expected an expression, got end of print statement");
  EXPECT_EQ(ParseError("{% if x %}\n{% for i in y %}"),
            "chat: line 2, column 17: unexpected end of template: the tag 'for' is not closed");
  EXPECT_EQ(ParseError("é{{ x ! }}"), "chat: line 1, column 7: unexpected character \"!\"");
  EXPECT_EQ(RenderError("ä\n{{ 'b' ~ missing.field }}"),
            "chat: line 2, column 17: 'missing' is undefined");
  EXPECT_EQ(RenderError("{% macro m() %}\n {{ 1 // 0 }}{% endmacro %}{{ m() }}"),
            "chat: line 2, column 5: integer division or modulo by zero");
  EXPECT_EQ(RenderError("{{ {}.field.deeper }}"),
            "chat: line 1, column 12: 'dict object' has no attribute 'field'");
}

TEST(TemplateErrors, RaisedMessagesArriveWhole) {
  EXPECT_EQ(RenderError("{{ raise_exception('roles must alternate') }}"),
            "chat: line 1, column 19: roles must alternate");
}

TEST(TemplateErrors, HostileNamesDoNotReachTheMessageRaw) {
  EXPECT_THAT(RenderError("{{ x['\\x1b[31m'].y }}", {{"x", Parsed("{}", Origin::kUser)}}),
              AllOf(HasSubstr("\\x1b"), ::testing::Not(HasSubstr("\x1b"))));
}

TEST(TemplateRefusals, TagsThatNeedOtherTemplatesAreNamed) {
  for (const char* tag : {"extends", "block", "include", "import", "from", "autoescape", "do"}) {
    const std::string source = std::string("{% ") + tag + " x %}";
    EXPECT_THAT(ParseError(source),
                HasSubstr(std::string("the tag '") + tag + "' is not supported"));
    EXPECT_EQ(Template::Parse(source, "chat").status().code(), core::Code::kUnsupported);
  }
}

TEST(TemplateRefusals, TheSandboxKeepsItsDoorsShut) {
  for (const char* source :
       {"{{ ''.__class__.__mro__ }}", "{{ [].append(1) }}", "{{ {}.update({}) }}",
        "{{ {'a': 1}.pop('a') }}", "{{ [1].sort() }}", "{{ cycler.__init__.__globals__ }}",
        "{{ '{0.__class__.__mro__}'.format(1) }}", "{{ ''|attr('__class__')|string ~ x.y }}",
        "{% set ns = namespace() %}{% set ns._x = 1 %}"}) {
    EXPECT_FALSE(Render(source).ok()) << source;
  }
}

TEST(TemplateRefusals, InvalidUtf8AndHugeSourcesAreErrors) {
  EXPECT_THAT(ParseError("a\xff"), HasSubstr("not valid UTF-8"));
  EXPECT_THAT(ParseError(std::string(3 << 20, 'a')), HasSubstr("longer than"));
}

TEST(TemplateLimits, LoopsEndAtTheStepLimit) {
  const std::string loops =
      "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}";
  auto text = Render(loops, {}, {.limits = {.max_steps = 100'000}});
  EXPECT_EQ(text.status().code(), core::Code::kExhausted);
  EXPECT_THAT(std::string(text.status().message()), HasSubstr("too many steps"));
}

TEST(TemplateLimits, OutputEndsAtItsLimit) {
  const RenderOptions options{.limits = {.max_output = 1000}};
  EXPECT_THAT(RenderError("{% for i in range(2000) %}x{% endfor %}", {}, options),
              HasSubstr("output grows beyond"));
  EXPECT_THAT(RenderError("{{ 'x' * 2000 }}", {}, options), HasSubstr("grows beyond"));
  EXPECT_THAT(RenderError("{{ '%2000d' % 1 }}", {}, options), HasSubstr("grows beyond"));
  EXPECT_THAT(RenderError("{{ '{:>2000}'.format(1) }}", {}, options), HasSubstr("grows beyond"));
  EXPECT_THAT(RenderError("{{ 'x'.center(2000) }}", {}, options), HasSubstr("grows beyond"));
}

TEST(TemplateLimits, DoublingEndsInAnErrorNotInMemory) {
  const RenderOptions options{.limits = {.max_output = 1 << 20, .max_memory = 4 << 20}};
  for (const char* step : {"ns.x + ns.x", "ns.x ~ ns.x", "[ns.x, ns.x]|string", "ns.x * 2",
                           "{'a': ns.x, 'b': ns.x}|tojson", "(ns.x|list) * 2"}) {
    const std::string source = std::string("{% set ns = namespace(x='ab') %}") +
                               "{% for i in range(100) %}{% set ns.x = " + step + " %}{% endfor %}";
    EXPECT_EQ(Render(source, {}, options).status().code(), core::Code::kExhausted) << step;
  }
}

TEST(TemplateLimits, SharedStructuresDoNotExplodeInTime) {
  // Each level holds the one before twice: printing or comparing it would visit 2^100 elements.
  const std::string build =
      "{% set ns = namespace(x=[1]) %}{% for i in range(100) %}{% set ns.x = [ns.x, ns.x] %}"
      "{% endfor %}";
  for (const char* use : {"{{ ns.x }}", "{{ ns.x|tojson }}", "{{ ns.x == [ns.x[0], ns.x[0]] }}",
                          "{{ {'k': ns.x} == {'k': [ns.x[0], ns.x[1]]} }}", "{{ '%r' % ns.x }}"}) {
    EXPECT_EQ(Render(build + use).status().code(), core::Code::kExhausted) << use;
  }
}

TEST(TemplateLimits, NestingEndsInAnError) {
  EXPECT_THAT(ParseError("{{ " + std::string(100'000, '(')), HasSubstr("nested"));
  EXPECT_THAT(ParseError("{{ " + std::string(5'000, '-') + "1 }}"), HasSubstr("nests too deep"));
  std::string sum = "{{ 1";
  for (int i = 0; i < 5'000; ++i) sum += "+1";
  EXPECT_THAT(ParseError(sum + " }}"), HasSubstr("nests too deep"));
  std::string ifs;
  for (int i = 0; i < 5'000; ++i) ifs += "{% if 1 %}";
  EXPECT_THAT(ParseError(ifs), HasSubstr("too deep"));
  EXPECT_THAT(RenderError("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"),
              HasSubstr("too deep"));
  EXPECT_THAT(RenderError("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}"),
              HasSubstr("too deep"));
  EXPECT_THAT(RenderError("{% set ns = namespace(x=[]) %}{% for i in range(10000) %}"
                          "{% set ns.x = [ns.x] %}{% endfor %}"),
              HasSubstr("nest deeper"));
}

TEST(TemplateLimits, CirclesThroughNamespacesAreFreed) {
  // The sanitizers' leak check is what fails here.
  for (const char* source :
       {"{% set a = namespace() %}{% set b = namespace(a=a) %}{% set a.b = b %}{{ a.b.a.b is "
        "defined }}",
        "{% macro m() %}{% macro n() %}{{ m }}{% endmacro %}{{ n is callable }}{% endmacro %}{{ "
        "m() }}",
        "{% set ns = namespace() %}{% for i in [1, 2] %}{% set ns.l = loop %}{{ loop.changed(ns, "
        "loop) }}"
        "{% endfor %}",
        "{% set ns = namespace(m=none) %}{% macro f(p) %}{% macro g() %}{{ p }}{% endmacro %}"
        "{% set ns.m = g %}{% endmacro %}{% for i in range(20000) %}{% set _ = f(ns.m) %}{% endfor "
        "%}"}) {
    EXPECT_TRUE(Render(source).ok()) << RenderError(source);
  }
  EXPECT_THAT(RenderError("{% set a = namespace() %}{% set a.a = a %}{{ a }}"),
              HasSubstr("nests too deep to print"));
}

TEST(UserMarks, FollowTextThroughEveryOperation) {
  const Context context = {
      {"u", Value::String("<Us>er", Origin::kUser)},
      {"m", Parsed(R"({"role":"user","content":"hi","n":5,"l":["a","b"]})", Origin::kUser)},
      {"t", Value::String("tpl")}};
  const std::pair<const char*, const char*> cases[] = {
      {"a{{ u }}b", "a[<Us>er]b"},
      {"{{ '<' + u + '>' }}", "<[<Us>er]>"},
      {"{{ 'a' ~ u ~ t ~ u }}", "a[<Us>er]tpl[<Us>er]"},
      {"{{ ('xx' ~ u)[1:4] }}", "x[<U]"},
      {"{{ ('x' ~ u)[::-1] }}", "[re>sU<]x"},
      {"{{ ('x' ~ u) | upper }}", "X[<US>ER]"},
      {"{{ ('x ' ~ u).title() }}", "X [<Us>Er]"},
      {"{{ 'Ax'.replace('x', u) }}", "A[<Us>er]"},
      {"{{ u.replace('e', 'T') }}", "[<Us>]T[r]"},
      {"{{ [t, u, t] | join(u[0]) }}", "tpl[<<Us>er<]tpl"},
      {"{{ (t ~ ' ' ~ u ~ ' ').split(' ')[1] }}{{ (' ' ~ u ~ ' ') | trim }}", "[<Us>er<Us>er]"},
      {"{{ m | tojson }}",
       "{\"[role]\": \"[user]\", \"[content]\": \"[hi]\", \"[n]\": 5, \"[l]\": [\"[a]\", "
       "\"[b]\"]}"},
      {"{{ m.l }}{{ {'k': u} }}", "['[a]', '[b]']{'k': '[<Us>er]'}"},
      {"{{ '%s|%6s' % (u[:2], u[:2]) }}", "[<U]|    [<U]"},
      {"{{ '{}-{:>4}'.format(u[:2], t) }}", "[<U]- tpl"},
      {"{{ u.format(1) }}{{ u % () }}", "[<Us>er<Us>er]"},
      {"{% set x %}a{{ u }}{% endset %}{{ x | indent(2, true) }}", "  a[<Us>er]"},
      {"{% macro f(a) %}<{{ a }}>{% endmacro %}{{ f(u) }}{{ f(t) }}", "<[<Us>er]><tpl>"},
      {"{% filter lower %}A{{ u }}{% endfilter %}", "a[<us>er]"},
      {"{% for c in u[:2] %}{{ loop.index }}{{ c }}{% endfor %}", "1[<]2[U]"},
      {"{{ u | e }}", "[&lt;Us&gt;er]"},
      {"{{ u.center(10, '*') }}{{ u.partition('>')[1] }}", "**[<Us>er]**[>]"},
      {"{{ (m.n + 1) ~ (m.l | length) }}{{ m.role == 'user' }}", "62True"},
      {"{% for k, v in m.items() if v is string %}{{ k }}={{ v }};{% endfor %}",
       "[role]=[user];[content]=[hi];"},
      {"{{ u | urlencode }}{{ [u] | string }}", "[%3CUs%3Eer]['[<Us>er]']"},
  };
  for (const auto& [source, expected] : cases)
    EXPECT_EQ(Marked(source, context), expected) << source;
}

TEST(Template, RendersOnManyThreadsAtOnce) {
  auto parsed = Template::Parse(
      "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + loop.index %}"
      "{{ m.content | upper | tojson }}{% endfor %}{{ ns.n }}",
      "chat");
  ASSERT_TRUE(parsed.ok());
  const Context context = {
      {"messages", Parsed(R"([{"content":"a"},{"content":"b"},{"content":"c"}])", Origin::kUser)}};
  std::vector<std::thread> threads;
  std::vector<int> wrong(4);
  for (size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) {
        auto text = parsed->Render(context);
        if (!text.ok() || text->view() != R"("A""B""C"6)") ++wrong[t];
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4));
}

TEST(Template, TheLastBindingOfANameWins) {
  auto text = Render("{{ x }}", {{"x", Value::Of(Int{1})}, {"x", Value::Of(Int{2})}});
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(text->view(), "2");
}

TEST(Template, ClockIsWhatTheCallerSays) {
  auto text = Render("{{ strftime_now('%Y') }}", {}, {.limits = {}, .wall_ns = 0});
  ASSERT_TRUE(text.ok());
  EXPECT_TRUE(text->view() == "1970" || text->view() == "1969") << text->view();
}

}  // namespace
}  // namespace ingot::text::jinja
