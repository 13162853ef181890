// Every endpoint of the Anthropic API on the demo model, its fields, the order of its events and
// its errors, in goldens/anthropic.txt.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/strings.h"
#include "tests/server/api_golden.h"

namespace ingot::server {
namespace {

using core::StrCat;
using testing::ApiCase;
using Cases = std::vector<ApiCase>;

constexpr Method kGet = Method::kGet;
constexpr Method kPost = Method::kPost;

constexpr const char* kMessages = "/v1/messages";
constexpr const char* kCount = "/v1/messages/count_tokens";
constexpr const char* kSum = R"([{"role":"user","content":"What is 2+2?"}])";
constexpr const char* kTime = R"([{"role":"user","content":"What time is it in Rome?"}])";
constexpr const char* kTools =
    R"(,"tools":[{"name":"get_time","description":"The time in a city.","input_schema":{)"
    R"("type":"object","properties":{"city":{"type":"string","enum":["Rome"]}},)"
    R"("required":["city"],"additionalProperties":false}}])";
constexpr const char* kQuiet = R"(,"thinking":{"type":"disabled"})";

std::string Ask(std::string_view more = kQuiet, std::string_view messages = kSum) {
  return StrCat(R"({"model":"demo","temperature":0,"max_tokens":60,"messages":)", messages, more,
                "}");
}
std::string Tokens(std::string_view more = "", std::string_view messages = kSum) {
  return StrCat(R"({"model":"demo","messages":)", messages, more, "}");
}
// A message of the user's, of one block.
std::string Block(std::string_view block, std::string_view role = "user") {
  return Ask(kQuiet, StrCat(R"([{"role":")", role, R"(","content":[)", block, "]}]"));
}

void AddMessages(Cases& cases) {
  const std::string quiet = kQuiet;
  const char* stream = R"(,"stream":true)";
  const std::string format =
      R"(,"output_config":{"format":{"type":"json_schema","schema":{"type":"string",)"
      R"("enum":["yes"]}}})";
  cases.insert(
      cases.end(),
      {
          {"a message, whole", kPost, kMessages, Ask()},
          {"a message, in pieces", kPost, kMessages, Ask(quiet + stream)},
          {"with all that sampling knows", kPost, kMessages,
           Ask(quiet + R"(,"top_p":1,"top_k":1,"metadata":{"user_id":"u"},"service_tier":"auto",)"
                       R"("cache_control":{"type":"ephemeral"})")},
          {"a system text and blocks", kPost, kMessages,
           Ask(quiet + R"(,"system":[{"type":"text","text":"Be","cache_control":{"type":)"
                       R"("ephemeral"}},{"type":"text","text":"brief."}])",
               R"([{"role":"user","content":[{"type":"text","text":"What is 2+2?"}]}])")},
          {"cut", kPost, kMessages,
           StrCat(R"({"model":"demo","temperature":0,"max_tokens":2,"messages":[{"role":"user",)",
                  R"("content":"Spell tiger."}])", quiet, "}")},
          {"stopped", kPost, kMessages, Ask(quiet + R"(,"stop_sequences":["x","4"])")},
          {"stopped, in pieces", kPost, kMessages,
           Ask(quiet + R"(,"stop_sequences":["4"],"stream":true)")},
          {"a call", kPost, kMessages, Ask(quiet + kTools, kTime)},
          {"a call, in pieces", kPost, kMessages, Ask(quiet + kTools + stream, kTime)},
          {"a call that is required", kPost, kMessages,
           Ask(quiet + kTools + R"(,"tool_choice":{"type":"any"})")},
          {"a call by name, in pieces", kPost, kMessages,
           Ask(quiet + kTools + stream + R"(,"tool_choice":{"type":"tool","name":"get_time"})")},
          {"a call that the model may make, alone", kPost, kMessages,
           Ask(quiet + kTools +
                   R"(,"tool_choice":{"type":"auto","disable_parallel_tool_use":true})",
               kTime)},
          {"what a call gave back", kPost, kMessages,
           Ask(quiet + kTools,
               R"([{"role":"user","content":"What time is it in Rome?"},{"role":"assistant",)"
               R"("content":[{"type":"thinking","thinking":"hm","signature":""},{"type":)"
               R"("tool_use","id":"t","name":"get_time","input":{"city":"Rome"}}]},)"
               R"({"role":"user","content":[{"type":"text","text":"So?"},{"type":"tool_result",)"
               R"("tool_use_id":"t","content":[{"type":"text","text":"15:00"}]}]}])")},
          {"a call that failed", kPost, kMessages,
           Ask(quiet + kTools + R"(,"tool_choice":{"type":"none"},"stop_sequences":[" "])",
               R"([{"role":"user","content":"What time is it in Rome?"},{"role":"assistant",)"
               R"("content":[{"type":"tool_use","id":"t","name":"get_time","input":{"city":)"
               R"("Rome"}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t",)"
               R"("content":"no clock","is_error":true}]}])")},
          {"by a schema", kPost, kMessages, Ask(quiet + format)},
          {"by a schema, in pieces", kPost, kMessages, Ask(quiet + format + stream)},
          {"thinking within a budget", kPost, kMessages,
           Ask(R"(,"thinking":{"type":"enabled","budget_tokens":1024})")},
          {"thinking as it likes", kPost, kMessages,
           Ask(R"(,"thinking":{"type":"adaptive"},"output_config":{"effort":"xhigh"})")},
          {"counted", kPost, kCount, Tokens()},
          {"counted with tools and a system text", kPost, kCount,
           Tokens(StrCat(kTools, R"(,"system":"Be brief.")"))},
      });
}

void AddErrors(Cases& cases) {
  cases.insert(
      cases.end(),
      {
          {"no body", kPost, kMessages, ""},
          {"no JSON", kPost, kMessages, "{"},
          {"no object", kPost, kMessages, "[]"},
          {"no model", kPost, kMessages, StrCat(R"({"max_tokens":1,"messages":)", kSum, "}")},
          {"a model that is not there", kPost, kMessages,
           StrCat(R"({"model":"none","max_tokens":1,"messages":)", kSum, "}")},
          {"no limit", kPost, kMessages, Tokens()},
          {"a limit of nothing", kPost, kMessages,
           StrCat(R"({"model":"demo","max_tokens":0,"messages":)", kSum, "}")},
          {"no messages", kPost, kMessages, R"({"model":"demo","max_tokens":1})"},
          {"none of them", kPost, kMessages, Ask("", "[]")},
          {"a message of a stranger", kPost, kMessages,
           Ask("", R"([{"role":"system","content":"x"}])")},
          {"a message without content", kPost, kMessages, Ask("", R"([{"role":"user"}])")},
          {"an unknown field", kPost, kMessages, Ask(R"(,"colour":"red")")},
          {"too hot", kPost, kMessages, Tokens(R"(,"max_tokens":1,"temperature":1.5)")},
          {"thinking without a budget", kPost, kMessages, Ask(R"(,"thinking":{"type":"enabled"})")},
          {"an effort that is none", kPost, kMessages,
           Ask(R"(,"output_config":{"effort":"huge"})")},
          {"a schema that nothing fits", kPost, kMessages,
           Ask(R"(,"output_format":{"type":"json_schema","schema":{"type":"integer","minimum":3,)"
               R"("maximum":2}})")},
          {"servers of tools", kPost, kMessages, Ask(R"(,"mcp_servers":[{"url":"x"}])")},
          {"a container", kPost, kMessages, Ask(R"(,"container":"c")")},
          {"managed context", kPost, kMessages, Ask(R"(,"context_management":{})")},
          {"a tier", kPost, kMessages, Ask(R"(,"service_tier":"priority")")},
          {"a tool of theirs", kPost, kMessages,
           Ask(R"(,"tools":[{"type":"web_search_20250305","name":"web_search"}])")},
          {"a tool without a schema", kPost, kMessages, Ask(R"(,"tools":[{"name":"f"}])")},
          {"a call of another tool", kPost, kMessages,
           Ask(StrCat(kTools, R"(,"tool_choice":{"type":"tool","name":"sing"})"))},
          {"a call without tools", kPost, kMessages, Ask(R"(,"tool_choice":{"type":"any"})")},
          {"a picture", kPost, kMessages,
           Block(R"({"type":"image","source":{"type":"base64","media_type":"image/png",)"
                 R"("data":"AAAA"}})")},
          {"a picture of the network's", kPost, kMessages,
           Block(R"({"type":"image","source":{"type":"url","url":"https://example.com/a.png"}})")},
          {"a picture of another kind", kPost, kMessages,
           Block(R"({"type":"image","source":{"type":"base64","media_type":"image/gif",)"
                 R"("data":"AAAA"}})")},
          {"a document", kPost, kMessages, Block(R"({"type":"document"})")},
          {"a block of no type", kPost, kMessages, Block("{}")},
          {"a call by the user", kPost, kMessages,
           Block(R"({"type":"tool_use","id":"t","name":"f","input":{}})")},
          {"a result by the model", kPost, kMessages,
           Block(R"({"type":"tool_result","tool_use_id":"t","content":"x"})", "assistant")},
          {"counted with a limit", kPost, kCount, Tokens(R"(,"max_tokens":1)")},
          {"counted of no model", kPost, kCount,
           StrCat(R"({"model":"none","messages":)", kSum, "}")},
          {"the wrong method", kGet, kMessages},
          {"nowhere", kGet, "/v1/messages/batches"},
      });
}

TEST(AnthropicGoldenTest, EveryEndpointAnswersAsItDid) {
  Cases cases;
  AddMessages(cases);
  AddErrors(cases);
  const testing::DemoServer server;
  testing::ExpectGoldenText("anthropic.txt", testing::TellAll(server, cases));
}

}  // namespace
}  // namespace ingot::server
