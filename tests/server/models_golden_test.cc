// What the Ollama API does with models: copies, creates, uploads and deletes them, each of it in
// goldens/models.txt.
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/sha256.h"
#include "core/strings.h"
#include "tests/server/api_golden.h"

namespace ingot::server {
namespace {

using core::StrCat;
using testing::ApiCase;

std::string DigestOf(std::string_view bytes) {
  return "sha256:" +
         core::HexLower(core::Sha256::Of(std::as_bytes(std::span(bytes.data(), bytes.size()))));
}

std::string FileOfDemo(const std::string& name) {
  std::ifstream file(INGOT_SOURCE_DIR "/demo/model/" + name, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  EXPECT_FALSE(bytes.empty()) << name;
  return bytes;
}

constexpr Method kGet = Method::kGet;
constexpr Method kHead = Method::kHead;
constexpr Method kPost = Method::kPost;
constexpr Method kDelete = Method::kDelete;

void AddUploads(std::vector<ApiCase>& cases) {
  const std::string nothing = "/api/blobs/sha256:" + std::string(64, '0');
  const std::string hello = "/api/blobs/" + DigestOf("hello");
  cases.insert(cases.end(),
               {
                   {"a blob that is not there", kHead, nothing},
                   {"a blob that has no name", kHead, "/api/blobs/sha256:12"},
                   {"a blob by a path", kHead, "/api/blobs/..%2f..%2fetc%2fpasswd"},
                   {"a blob that is not what it says", kPost, nothing, "x"},
                   {"a blob that is empty and should not be", kPost, hello, ""},
                   {"a blob that is cut short", kPost, hello, "hell"},
                   {"a blob that has no name", kPost, "/api/blobs/sha256:12", "x"},
                   {"a blob of another kind", kPost, "/api/blobs/md5:" + std::string(64, '0'), "x"},
                   {"a blob", kPost, hello, "hello"},
                   {"a blob that is there", kHead, hello},
                   {"a blob twice", kPost, hello, "hello"},
               });
}

void AddCreateFromFiles(std::vector<ApiCase>& cases) {
  std::string files;
  for (const char* name : {"chat_template.jinja", "config.json", "generation_config.json",
                           "model.safetensors", "tokenizer.json", "tokenizer_config.json"}) {
    const std::string bytes = FileOfDemo(name);
    cases.push_back({StrCat("upload of ", name), kPost, "/api/blobs/" + DigestOf(bytes), bytes, "",
                     StrCat("(demo/model/", name, ")")});
    files += StrCat(files.empty() ? "" : ",", "\"", name, "\":\"", DigestOf(bytes), "\"");
  }
  const auto create = [&](std::string_view more) {
    return StrCat(R"({"model":"mine","files":{)", files, "}", more, "}");
  };
  const std::string config = FileOfDemo("config.json");
  cases.insert(
      cases.end(),
      {
          {"create of files", kPost, "/api/create", create("")},
          {"show it", kPost, "/api/show", R"({"model":"mine"})"},
          {"create of files, whole, quantized", kPost, "/api/create",
           create(R"(,"stream":false,"quantize":"int8")")},
          {"show it quantized", kPost, "/api/show", R"({"model":"mine"})"},
          {"ask it", kPost, "/api/chat",
           R"({"model":"mine","messages":[{"role":"user","content":"What is 2+2?"}],)"
           R"("stream":false,"think":false,"options":{"temperature":0,"num_predict":8}})"},
          {"create of files, quantized to nothing known", kPost, "/api/create",
           create(R"(,"quantize":"int99")")},
          {"create of files and from a model", kPost, "/api/create", create(R"(,"from":"demo")")},
          {"create of a config alone", kPost, "/api/create",
           StrCat(R"({"model":"bare","files":{"config.json":")", DigestOf(config), R"("}})")},
          {"create of a file with no digest", kPost, "/api/create",
           R"({"model":"x","files":{"config.json":"sha256:12"}})"},
          {"create of a file with a number", kPost, "/api/create",
           R"({"model":"x","files":{"config.json":7}})"},
          {"create of files in a list", kPost, "/api/create", R"({"model":"x","files":["a"]})"},
          {"create of files that are not there", kPost, "/api/create",
           StrCat(R"({"model":"x","stream":false,"files":{"config.json":"sha256:)",
                  std::string(64, '1'), R"("}})")},
          {"create of a file with a path", kPost, "/api/create",
           StrCat(R"({"model":"x","files":{"../config.json":"sha256:)", std::string(64, '1'),
                  R"("}})")},
          {"delete it", kDelete, "/api/delete", R"({"name":"mine"})"},
      });
}

std::vector<ApiCase> Cases() {
  std::vector<ApiCase> cases = {
      {"copy", kPost, "/api/copy", R"({"source":"demo","destination":"twin"})"},
      {"copy to itself", kPost, "/api/copy", R"({"source":"demo","destination":"demo"})"},
      {"copy nothing", kPost, "/api/copy", R"({"source":"none","destination":"twin"})"},
      {"copy to no name", kPost, "/api/copy", R"({"source":"demo","destination":"../x"})"},
      {"copy to nowhere", kPost, "/api/copy", R"({"source":"demo"})"},
      {"both are there", kGet, "/api/tags"},
      {"create", kPost, "/api/create",
       R"({"model":"brief","from":"demo","system":"Be brief.","license":["One.","Two."],)"
       R"("template":"{{ .System }}|{{ .Prompt }}","parameters":{"temperature":0.5,)"
       R"("stop":["a","b"]},"messages":[{"role":"user","content":"Hi"},)"
       R"({"role":"assistant","content":"Hello"}]})"},
      {"show what was created", kPost, "/api/show", R"({"model":"brief"})"},
      {"what was created has its own turns", kPost, "/api/chat",
       R"({"model":"brief","messages":[{"role":"user","content":"x"}],)"
       R"("_debug_render_only":true})"},
      {"create again, from itself, whole", kPost, "/api/create",
       R"({"name":"brief","from":"brief","stream":false,"parameters":{"top_k":5}})"},
      {"show it again", kPost, "/api/show", R"({"model":"brief"})"},
      {"create without a place for thinking and tools", kPost, "/api/create",
       R"({"model":"plain","from":"demo","stream":false,"template":"Q: {{ .Prompt }} A:"})"},
      {"it does not think", kPost, "/api/chat",
       R"({"model":"plain","messages":[{"role":"user","content":"x"}],"think":true})"},
      {"nor call", kPost, "/api/chat",
       R"({"model":"plain","messages":[{"role":"user","content":"x"}],"tools":[{"type":)"
       R"("function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}]})"},
      {"an agent that asks it to think is answered", kPost, "/v1/messages",
       R"({"model":"plain","messages":[{"role":"user","content":"x"}],"max_tokens":20,)"
       R"("temperature":0,"thinking":{"type":"enabled","budget_tokens":1024},"output_config":)"
       R"({"format":{"type":"json_schema","schema":{"type":"string","enum":["yes"]}}}})"},
      {"delete that", kDelete, "/api/delete", R"({"model":"plain"})"},
      {"create from a path", kPost, "/api/create", R"({"model":"x","from":"/etc"})"},
      {"create from nothing there", kPost, "/api/create",
       R"({"model":"x","from":"none","stream":false})"},
      {"create from a Modelfile's text", kPost, "/api/create",
       R"({"model":"x","modelfile":"FROM /etc"})"},
      {"create from a path of old", kPost, "/api/create", R"({"model":"x","path":"/etc"})"},
      {"create with adapters", kPost, "/api/create",
       R"({"model":"x","from":"demo","adapters":{"a":"b"}})"},
      {"create from nothing", kPost, "/api/create", R"({"model":"x"})"},
      {"create with no name", kPost, "/api/create", R"({"from":"demo"})"},
      {"create with an unknown field", kPost, "/api/create",
       R"({"model":"x","from":"demo","sistem":"x"})"},
      {"create with an unknown parameter", kPost, "/api/create",
       R"({"model":"x","from":"demo","parameters":{"temprature":1}})"},
      {"create with a parameter of the wrong kind", kPost, "/api/create",
       R"({"model":"x","from":"demo","parameters":{"top_k":"many"}})"},
      {"create with parameters that are none", kPost, "/api/create",
       R"({"model":"x","from":"demo","parameters":[1]})"},
      {"create with a message of nobody", kPost, "/api/create",
       R"({"model":"x","from":"demo","messages":[{"content":"x"}]})"},
      {"create with an unknown renderer", kPost, "/api/create",
       R"({"model":"x","from":"demo","renderer":"crystal"})"},
      {"create with a template that is none", kPost, "/api/create",
       R"({"model":"x","from":"demo","template":"{{ if }"})"},
  };
  AddUploads(cases);
  AddCreateFromFiles(cases);
  cases.insert(cases.end(),
               {
                   {"delete", kDelete, "/api/delete", R"({"model":"twin"})"},
                   {"delete twice", kDelete, "/api/delete", R"({"model":"twin"})"},
                   {"delete nothing", kDelete, "/api/delete", "{}"},
                   {"delete what was created", kDelete, "/api/delete", R"({"model":"brief"})"},
                   {"one is left", kGet, "/api/tags"},
               });
  return cases;
}

TEST(ModelsGoldenTest, ModelsAreCopiedCreatedUploadedAndDeleted) {
  const testing::DemoServer server;
  testing::ExpectGoldenText("models.txt", testing::TellAll(server, Cases()));
}

}  // namespace
}  // namespace ingot::server
