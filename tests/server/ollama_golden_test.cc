// Every endpoint of the Ollama API, its fields, the order of its streams and its errors, against
// tests/server/goldens/ollama.txt. Times, durations and digests are replaced by what they are.
// INGOT_UPDATE_GOLDENS=1 writes the file anew.
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/strings.h"
#include "tests/server/demo_server.h"

namespace ingot::server {
namespace {

using core::Json;
using core::StrCat;
using testing::DemoServer;

constexpr const char* kGoldens = INGOT_SOURCE_DIR "/tests/server/goldens/ollama.txt";

struct Case {
  const char* title;
  Method method;
  const char* target;
  std::string body;
};

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

std::vector<Case> Cases() {
  constexpr Method kGet = Method::kGet;
  constexpr Method kPost = Method::kPost;
  constexpr Method kDelete = Method::kDelete;
  const std::string blob = "/api/blobs/sha256:" + std::string(64, '0');
  static const std::string kept = blob;
  return {
      {"root", kGet, "/", ""},
      {"health", kGet, "/health", ""},
      {"version", kGet, "/api/version", ""},
      {"tags", kGet, "/api/tags", ""},
      {"nothing is loaded", kGet, "/api/ps", ""},
      {"show", kPost, "/api/show", R"({"model":"demo"})"},
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
      {"generate with a system text", kPost, "/api/generate",
       Generate(R"(,"system":"Be brief.","_debug_render_only":true)")},
      {"generate with a template", kPost, "/api/generate",
       Generate(R"(,"template":"[{{ .Prompt }}]","_debug_render_only":true)")},
      {"generate that only loads", kPost, "/api/generate", R"({"model":"demo"})"},
      {"generate that unloads", kPost, "/api/generate", R"({"model":"demo","keep_alive":"0s"})"},
      {"generate with a suffix", kPost, "/api/generate", Generate(R"(,"suffix":"x")")},
      {"raw with a system text", kPost, "/api/generate", Generate(R"(,"raw":true,"system":"x")")},
      {"pictures", kPost, "/api/generate", Generate(R"(,"images":["aGk="])")},
      {"pictures in a message", kPost, "/api/chat",
       R"({"model":"demo","messages":[{"role":"user","content":"x","images":["aGk="]}]})"},
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
      {"embed nothing", kPost, "/api/embed", R"({"model":"demo"})"},
      {"embed with a list of numbers", kPost, "/api/embed", R"({"model":"demo","input":[1]})"},
      {"embeddings", kPost, "/api/embeddings", R"({"model":"none","prompt":"a"})"},
      {"copy", kPost, "/api/copy", R"({"source":"demo","destination":"twin"})"},
      {"copy nothing", kPost, "/api/copy", R"({"source":"none","destination":"twin"})"},
      {"create", kPost, "/api/create",
       R"({"model":"brief","from":"demo","system":"Be brief.","parameters":{"temperature":0.5},)"
       R"("messages":[{"role":"user","content":"Hi"}]})"},
      {"show what was created", kPost, "/api/show", R"({"model":"brief"})"},
      {"create from a path", kPost, "/api/create", R"({"model":"x","from":"/etc"})"},
      {"create from a Modelfile's text", kPost, "/api/create",
       R"({"model":"x","modelfile":"FROM /etc"})"},
      {"create from nothing", kPost, "/api/create", R"({"model":"x"})"},
      {"create of files that are not there", kPost, "/api/create",
       StrCat(R"({"model":"x","stream":false,"files":{"config.json":"sha256:)",
              std::string(64, '1'), R"("}})")},
      {"create of a file with a path", kPost, "/api/create",
       StrCat(R"({"model":"x","files":{"../config.json":"sha256:)", std::string(64, '1'),
              R"("}})")},
      {"delete", kDelete, "/api/delete", R"({"model":"twin"})"},
      {"delete twice", kDelete, "/api/delete", R"({"model":"twin"})"},
      {"a blob that is not what it says", kPost, kept.c_str(), "x"},
      {"a blob that has no name", kPost, "/api/blobs/sha256:12", "x"},
      {"pull from nowhere", kPost, "/api/pull",
       R"({"model":"http://127.0.0.1:1/a/b:c","insecure":true,"stream":false})"},
      {"pull nothing", kPost, "/api/pull", "{}"},
      {"push what is not there", kPost, "/api/push", R"({"model":"none"})"},
      {"nowhere", kGet, "/api/nowhere", ""},
      {"the wrong method", kGet, "/api/chat", ""},
  };
}

// What differs from run to run, replaced by its kind.
void Normalise(Json& json) {
  if (json.is_array()) {
    for (Json& one : json) Normalise(one);
  }
  if (!json.is_object()) return;
  // How much was known of a prompt depends on what was asked before, and when.
  json.erase("prompt_eval_cached_count");
  for (auto& [key, value] : json.items()) {
    const bool time = key.ends_with("_at") && value.is_string();
    if (time && value.get<std::string>().size() == 30) value = "TIME";
    if (key.ends_with("_duration") && value.is_number_unsigned()) value = "NANOSECONDS";
    if (key == "digest" && value.is_string()) value = "DIGEST";
    if (key == "size" && value.is_number_unsigned()) value = "BYTES";
    if (key == "id" && value.is_string() && value.get<std::string>().starts_with("call_")) {
      value = "CALL";
    }
    if (key == "logprob") value = "LOGPROB";
    if (key == "embeddings" || key == "embedding") {
      for (Json& vector : value) {
        if (vector.is_array()) vector = StrCat(vector.size(), " NUMBERS");
      }
      continue;
    }
    Normalise(value);
  }
}

std::string Told(const ClientReply& reply) {
  std::string out = StrCat(reply.status, " ", reply.headers.Get("content-type"), "\n");
  if (reply.headers.Get("content-type").find("json") == std::string_view::npos) {
    return StrCat(out, reply.body, "\n");
  }
  for (Json line : testing::JsonLines(reply.body)) {
    Normalise(line);
    out += line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  }
  return out;
}

TEST(OllamaGoldenTest, EveryEndpointAnswersAsItDid) {
  DemoServer server;
  std::string told;
  for (const Case& one : Cases()) {
    told += StrCat("# ", one.title, "\n", MethodName(one.method), " ", one.target, " ", one.body,
                   "\n", Told(server.Call(one.method, one.target, one.body)), "\n");
  }
  if (std::getenv("INGOT_UPDATE_GOLDENS") != nullptr) {
    std::ofstream(kGoldens) << told;
    return;
  }
  std::ifstream file(kGoldens);
  const std::string golden((std::istreambuf_iterator<char>(file)), {});
  const auto lines = core::Split(told, '\n');
  const auto expected = core::Split(golden, '\n');
  for (size_t i = 0; i < std::max(lines.size(), expected.size()); ++i) {
    ASSERT_EQ(i < lines.size() ? lines[i] : "(nothing)",
              i < expected.size() ? expected[i] : "(nothing)")
        << kGoldens << ":" << i + 1;
  }
}

}  // namespace
}  // namespace ingot::server
