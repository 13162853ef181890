// Every endpoint of the Ollama API, its fields, the order of its streams and its errors, against
// tests/server/goldens/ollama.txt.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/strings.h"
#include "tests/server/api_golden.h"
#include "tests/server/demo_server.h"

namespace ingot::server {
namespace {

using core::StrCat;
using testing::DemoServer;

using Case = testing::ApiCase;

// Greedy, so that the answer is the same every time.
constexpr const char* kGreedy = R"("options":{"temperature":0,"num_predict":12})";

std::string Chat(std::string_view more, std::string_view content = "What is 2+2?") {
  return StrCat(R"({"model":"demo","messages":[{"role":"user","content":")", content, R"("}],)",
                kGreedy, more, "}");
}
std::string Generate(std::string_view more) {
  return StrCat(R"({"model":"demo","prompt":"What is 2+2?",)", kGreedy, more, "}");
}

constexpr const char* kTool =
    R"(,"tools":[{"type":"function","function":{"name":"add","description":"Adds.","parameters":)"
    R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"}}}}}])";

constexpr const char* kTimeTool =
    R"(,"tools":[{"type":"function","function":{"name":"get_time","description":"The time in a )"
    R"(city.","parameters":{"type":"object","properties":{"city":{"type":"string"}},)"
    R"("required":["city"]}}}])";

std::string Formed(std::string_view format, bool stream) {
  return StrCat(R"({"model":"demo","messages":[{"role":"user","content":"Is 2 even?"}],)"
                R"("options":{"temperature":0,"num_predict":60},"think":false,"stream":)",
                stream ? "true" : "false", R"(,"format":)", format, "}");
}

std::string Repeated(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

std::vector<Case> Cases() {
  constexpr Method kGet = Method::kGet;
  constexpr Method kPost = Method::kPost;
  constexpr Method kHead = Method::kHead;
  return {
      {"root", kGet, "/", ""},
      {"health", kGet, "/health", ""},
      {"root, its head", kHead, "/", ""},
      {"version", kGet, "/api/version", ""},
      {"version, its head", kHead, "/api/version", ""},
      {"status", kGet, "/api/status", ""},
      {"tags", kGet, "/api/tags", ""},
      {"tags, their head", kHead, "/api/tags", ""},
      {"nothing is loaded", kGet, "/api/ps", ""},
      {"show", kPost, "/api/show", R"({"model":"demo"})"},
      {"show, all of it", kPost, "/api/show", R"({"name":"demo:latest","verbose":true})"},
      {"show in other letters", kPost, "/api/show", R"({"model":"DEMO"})"},
      {"show with another template", kPost, "/api/show", R"({"model":"demo","template":"x"})"},
      {"show nothing", kPost, "/api/show", R"({"model":"none"})"},
      {"show without a model", kPost, "/api/show", "{}"},
      {"show with an unknown field", kPost, "/api/show", R"({"model":"demo","verbos":true})"},
      {"chat, in pieces", kPost, "/api/chat", Chat("")},
      {"chat, whole", kPost, "/api/chat", Chat(R"(,"stream":false)")},
      {"chat without thinking", kPost, "/api/chat", Chat(R"(,"stream":false,"think":false)")},
      {"chat with thinking", kPost, "/api/chat", Chat(R"(,"stream":false,"think":true)")},
      {"chat with logprobs", kPost, "/api/chat",
       R"({"model":"demo","messages":[{"role":"user","content":"Hi"}],"stream":false,)"
       R"("logprobs":true,"top_logprobs":2,"think":false,)"
       R"("options":{"temperature":0,"num_predict":1}})"},
      {"chat with a tool", kPost, "/api/chat",
       Chat(StrCat(kTool, R"(,"think":false,"stream":false)"), "Add 3 and 4.")},
      {"chat that calls a tool", kPost, "/api/chat",
       Chat(StrCat(kTimeTool, R"(,"think":false,"stream":false)"), "What time is it in Rome?")},
      {"chat that calls a tool, in pieces", kPost, "/api/chat",
       Chat(StrCat(kTimeTool, R"(,"think":false)"), "What time is it in Rome?")},
      {"chat that reads what a tool gave", kPost, "/api/chat",
       StrCat(R"({"model":"demo","think":false,"stream":false,"messages":[)"
              R"({"role":"user","content":"What time is it in Rome?"},)"
              R"({"role":"assistant","tool_calls":[{"function":{"name":"get_time",)"
              R"("arguments":{"city":"Rome"}}}]},)"
              R"({"role":"tool","tool_name":"get_time","content":"15:00"}],)",
              kGreedy, kTimeTool, "}")},
      {"chat by a schema that nothing fits", kPost, "/api/chat",
       Formed(R"({"type":"integer","minimum":3,"maximum":2})", false)},
      {"chat by a schema of another's", kPost, "/api/chat",
       Formed(R"({"$ref":"https://example.com/schema.json"})", false)},
      {"chat with every option", kPost, "/api/chat",
       R"({"model":"demo","messages":[{"role":"user","content":"What is 2+2?"}],"stream":false,)"
       R"("think":false,"truncate":true,"shift":false,"keep_alive":"10m","options":{)"
       R"("temperature":0.0,"top_k":40,"top_p":0.9,"min_p":0.0,"typical_p":1.0,)"
       R"("repeat_last_n":64,"repeat_penalty":1.0,"presence_penalty":0.0,)"
       R"("frequency_penalty":0.0,"logit_bias":{"5":-100},"dry_multiplier":0.0,)"
       R"("dry_base":1.75,"dry_allowed_length":2,"dry_penalty_last_n":-1,)"
       R"("dry_sequence_breakers":["\n"],"xtc_probability":0.0,"xtc_threshold":0.1,)"
       R"("seed":42.0,"num_predict":8,"num_ctx":512,"stop":["~"],"num_keep":4,)"
       R"("num_batch":512,"num_gpu":1,"main_gpu":0,"use_mmap":true,"num_thread":2}})"},
      {"what is loaded", kGet, "/api/ps", ""},
      {"chat, rendered only", kPost, "/api/chat",
       Chat(StrCat(kTool, R"(,"_debug_render_only":true)"))},
      {"chat that only loads", kPost, "/api/chat", R"({"model":"demo"})"},
      {"chat that unloads", kPost, "/api/chat", R"({"model":"demo","keep_alive":0})"},
      {"chat with a stop", kPost, "/api/chat",
       R"({"model":"demo","messages":[{"role":"user","content":"What is 2+2?"}],"stream":false,)"
       R"("think":false,"options":{"temperature":0,"stop":["4"]}})"},
      {"generate, in pieces", kPost, "/api/generate", Generate("")},
      {"generate, whole", kPost, "/api/generate", Generate(R"(,"stream":false,"think":false)")},
      {"generate, raw", kPost, "/api/generate", Generate(R"(,"stream":false,"raw":true)")},
      {"generate that goes on", kPost, "/api/generate",
       Generate(R"(,"stream":false,"context":[5,6],"think":false)")},
      {"generate with logprobs", kPost, "/api/generate",
       R"({"model":"demo","prompt":"Hi","stream":false,"logprobs":true,"think":false,)"
       R"("options":{"temperature":0,"num_predict":1}})"},
      {"generate with a system text", kPost, "/api/generate",
       Generate(R"(,"system":"Be brief.","_debug_render_only":true)")},
      {"generate with a template", kPost, "/api/generate",
       Generate(R"(,"template":"[{{ .Prompt }}]","_debug_render_only":true)")},
      {"generate that only loads", kPost, "/api/generate", R"({"model":"demo"})"},
      {"generate that unloads", kPost, "/api/generate", R"({"model":"demo","keep_alive":"0s"})"},
      {"generate with a suffix", kPost, "/api/generate", Generate(R"(,"suffix":"x")")},
      {"context that is none", kPost, "/api/generate", Generate(R"(,"context":"x")")},
      {"context of no tokens", kPost, "/api/generate", Generate(R"(,"context":[1000000])")},
      {"raw with a system text", kPost, "/api/generate", Generate(R"(,"raw":true,"system":"x")")},
      {"pictures", kPost, "/api/generate", Generate(R"(,"images":["aGk="])")},
      {"pictures in a message", kPost, "/api/chat",
       R"({"model":"demo","messages":[{"role":"user","content":"x","images":["aGk="]}]})"},
      {"keep it for good", kPost, "/api/generate", R"({"model":"demo","keep_alive":-1})"},
      {"unload it", kPost, "/api/generate", R"({"model":"demo","keep_alive":"0"})"},
      {"unload what is not there", kPost, "/api/generate", R"({"model":"none","keep_alive":0})"},
      {"no such model", kPost, "/api/chat", R"({"model":"none","messages":[]})"},
      {"no model", kPost, "/api/chat", R"({"messages":[]})"},
      {"no name", kPost, "/api/chat", R"({"model":"../etc/passwd","messages":[]})"},
      {"no JSON", kPost, "/api/chat", "{"},
      {"no body", kPost, "/api/chat", ""},
      {"no object", kPost, "/api/chat", "[]"},
      {"an unknown field", kPost, "/api/chat", Chat(R"(,"formatt":"json")")},
      {"an unknown option", kPost, "/api/chat",
       R"({"model":"demo","messages":[],"options":{"temprature":1}})"},
      {"an option out of range", kPost, "/api/chat",
       R"({"model":"demo","messages":[{"role":"user","content":"x"}],"options":{"top_p":7}})"},
      {"an option of the wrong kind", kPost, "/api/chat",
       R"({"model":"demo","messages":[],"options":{"top_k":"many"}})"},
      {"shift", kPost, "/api/chat", Chat(R"(,"shift":true)")},
      {"a format that is none", kPost, "/api/chat", Chat(R"(,"format":"xml")")},
      {"think that is none", kPost, "/api/chat", Chat(R"(,"think":"very")")},
      {"too many alternatives", kPost, "/api/chat", Chat(R"(,"logprobs":true,"top_logprobs":21)")},
      {"alternatives of nothing", kPost, "/api/chat", Chat(R"(,"top_logprobs":2)")},
      {"a keep_alive that is none", kPost, "/api/chat", Chat(R"(,"keep_alive":"soon")")},
      {"a message without a role", kPost, "/api/chat",
       R"({"model":"demo","messages":[{"content":"x"}]})"},
      {"embed", kPost, "/api/embed", R"({"model":"demo","input":["a","b"],"dimensions":2})"},
      {"embed one", kPost, "/api/embed",
       R"({"model":"demo","input":"a","truncate":false,"keep_alive":"1m"})"},
      {"embed what is too long", kPost, "/api/embed",
       StrCat(R"({"model":"demo","truncate":false,"input":")", Repeated("word ", 9000), R"("})"),
       "", R"({"model":"demo","truncate":false,"input":"word word ... 9000 times"})"},
      {"embed into more than there are", kPost, "/api/embed",
       R"({"model":"demo","input":"a","dimensions":100000})"},
      {"embed with an option", kPost, "/api/embed",
       R"({"model":"demo","input":"a","options":{"temperature":1}})"},
      {"embeddings of a prompt", kPost, "/api/embeddings", R"({"model":"demo","prompt":"a"})"},
      {"embeddings of nothing", kPost, "/api/embeddings", R"({"model":"demo"})"},
      {"embed nothing", kPost, "/api/embed", R"({"model":"demo"})"},
      {"embed with a list of numbers", kPost, "/api/embed", R"({"model":"demo","input":[1]})"},
      {"embeddings", kPost, "/api/embeddings", R"({"model":"none","prompt":"a"})"},
      {"pull nothing", kPost, "/api/pull", "{}"},
      {"push what is not there", kPost, "/api/push", R"({"model":"none"})"},
      {"nowhere", kGet, "/api/nowhere", ""},
      {"the wrong method", kGet, "/api/chat", ""},
  };
}

TEST(OllamaGoldenTest, EveryEndpointAnswersAsItDid) {
  const DemoServer server;
  testing::ExpectGoldenText("ollama.txt", testing::TellAll(server, Cases()));
}

}  // namespace
}  // namespace ingot::server
