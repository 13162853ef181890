// What the prefix cache gives whom, seen from outside: by API keys, by every interface's counts,
// and across restarts of the server.
#include <filesystem>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/strings.h"
#include "store/session.h"
#include "tests/server/demo_server.h"
#include "tests/testing/temp_dir.h"

namespace ingot::server {
namespace {

using core::Json;
using core::StrCat;
using testing::DemoServer;
using ::testing::HasSubstr;

constexpr const char* kAnn = "ann-has-a-long-key";
constexpr const char* kBen = "ben-has-a-long-key";

// Long enough for several marks along it.
std::string LongText() {
  std::string text = "Remember these numbers:";
  for (int i = 0; i < 60; ++i) text += StrCat(" ", i * 37 % 101);
  return text;
}

Json Question(std::string_view text = LongText()) {
  return {{"model", "demo"},
          {"stream", false},
          {"think", false},
          {"messages", Json::array({{{"role", "user"}, {"content", text}}})},
          {"options", {{"temperature", 0}, {"num_predict", 4}}}};
}

struct Counts {
  int prompt = 0;
  int cached = 0;
  std::string miss;
  std::string answer;
};

Counts Ask(const DemoServer& server, const Json& question, const std::string& key = "") {
  const ClientReply reply = server.Call(Method::kPost, "/api/chat", question.dump(), key);
  EXPECT_EQ(reply.status, 200) << reply.body;
  const Json json = Json::parse(reply.body);
  return {.prompt = json.value("prompt_eval_count", 0),
          .cached = json.value("prompt_eval_cached_count", 0),
          .miss = json.value("prompt_eval_miss", ""),
          .answer = json.at("message").at("content")};
}

ServerOptions WithKeys() {
  ServerOptions options;
  options.pool.type = ops::mx::float32;
  options.keys = *ApiKeys::Parse(StrCat("ann infer ", kAnn, "\nben infer ", kBen, "\n"));
  return options;
}

TEST(PrefixServerTest, WhatOneKeyAskedIsNewToEveryOther) {
  const DemoServer server(WithKeys());
  const Counts first = Ask(server, Question(), kAnn);
  EXPECT_EQ(first.cached, 0);
  EXPECT_EQ(first.miss, "empty");
  const Counts again = Ask(server, Question(), kAnn);
  EXPECT_EQ(again.cached, again.prompt - 1);
  EXPECT_EQ(again.miss, "");
  EXPECT_EQ(again.answer, first.answer);
  // The same prompt: neither the count nor the reason tells that somebody had asked it.
  const Counts other = Ask(server, Question(), kBen);
  EXPECT_EQ(other.cached, 0);
  EXPECT_EQ(other.miss, "empty");
  EXPECT_EQ(other.answer, first.answer);
}

TEST(PrefixServerTest, KeysShareWhereTheServerWasToldTo) {
  ServerOptions options = WithKeys();
  options.share_prefixes = true;
  const DemoServer server(std::move(options));
  const Counts first = Ask(server, Question(), kAnn);
  EXPECT_EQ(first.cached, 0);
  const Counts other = Ask(server, Question(), kBen);
  EXPECT_EQ(other.cached, other.prompt - 1);
  EXPECT_EQ(other.answer, first.answer);
}

TEST(PrefixServerTest, EveryInterfaceSaysHowMuchWasKnown) {
  const DemoServer server;
  const Json messages = Question()["messages"];
  const auto post = [&](const char* path, const Json& body) {
    const ClientReply reply = server.Post(path, body);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return Json::parse(reply.body);
  };
  const Json chat = {
      {"model", "demo"}, {"messages", messages}, {"max_tokens", 2}, {"temperature", 0}};
  const Json responses = {
      {"model", "demo"}, {"input", messages}, {"max_output_tokens", 2}, {"temperature", 0}};
  // Each asks twice, for what is rendered differs between them.
  struct Found {
    int64_t prompt, cached;
  };
  const auto openai = [&](const char* path, const Json& body, const char* all,
                          const char* details) {
    post(path, body);
    const Json usage = post(path, body)["usage"];
    return Found{usage[all], usage[details]["cached_tokens"]};
  };
  for (const Found& found :
       {openai("/v1/chat/completions", chat, "prompt_tokens", "prompt_tokens_details"),
        openai("/v1/responses", responses, "input_tokens", "input_tokens_details")}) {
    EXPECT_EQ(found.cached, found.prompt - 1);
  }
  post("/v1/messages", chat);
  const Json usage = post("/v1/messages", chat)["usage"];
  EXPECT_EQ(usage["input_tokens"], 1);
  EXPECT_GT(usage["cache_read_input_tokens"], 60);
  // And what all of them were missed for is counted.
  const std::string metrics = server.Call(Method::kGet, "/metrics").body;
  EXPECT_THAT(metrics, HasSubstr("ingot_prefix_cache_prompts_total{miss=\"empty\"} 1\n"));
  EXPECT_THAT(metrics, HasSubstr("ingot_prefix_cache_prompts_total{miss=\"none\"}"));
  EXPECT_THAT(metrics, HasSubstr("ingot_prompt_tokens_cached_total "));
}

TEST(PrefixServerTest, AConversationReadsItsNewTurnOnly) {
  ServerOptions options;
  options.pool.type = ops::mx::float32;
  const DemoServer server(std::move(options));
  Json talk = Question();
  int before = 0;
  for (const char* text : {"What is 2+2?", "What is 3+3?", "What is 4+4?"}) {
    const Counts counts = Ask(server, talk);
    // All up to the end of the user's turn before. What begins an answer, twelve tokens, is written
    // otherwise once it is of the past: without its thoughts.
    EXPECT_GE(counts.cached, before);
    before = counts.prompt - 12;
    talk["messages"].push_back({{"role", "assistant"}, {"content", counts.answer}});
    talk["messages"].push_back({{"role", "user"}, {"content", text}});
  }
}

TEST(PrefixServerTest, ARestartedServerKnowsWhatItsModelReadAndNothingOfAnother) {
  const testing::TempDir dir(testing::TempPlace::kMemory);
  const auto options = [&] {
    ServerOptions made;
    made.pool.type = ops::mx::float32;
    made.pool.scheduler.prefix_disk.folder = dir / "cache";
    return made;
  };
  Counts first;
  {
    const DemoServer server(options());
    first = Ask(server, Question());
    EXPECT_EQ(first.cached, 0);
  }
  {
    const DemoServer server(options());
    const Counts again = Ask(server, Question());
    EXPECT_EQ(again.cached, again.prompt - 1);
    EXPECT_EQ(again.answer, first.answer);
    // Another model, if only by its parameters, has another digest.
    const Json made = {{"model", "other"}, {"from", "demo"}, {"parameters", {{"seed", 1}}}};
    EXPECT_EQ(server.Post("/api/create", made).status, 200);
    Json question = Question();
    question["model"] = "other";
    EXPECT_EQ(Ask(server, question).cached, 0);
    server.Call(Method::kDelete, "/api/delete", R"({"model":"other"})");
  }
  namespace fs = std::filesystem;
  const fs::perms others = fs::perms::group_all | fs::perms::others_all;
  EXPECT_EQ(fs::status(dir / "cache").permissions() & others, fs::perms::none);
}

// No model of this server sees. What holds a picture is refused wherever it stands, by every
// interface, and by the model's own turns: never answered as though it were not there.
TEST(PicturesTest, AreRefusedByNameWhereverTheyStand) {
  const DemoServer server;
  const char* data = "data:image/png;base64,aGk=";
  const Json part = {{"type", "image_url"}, {"image_url", {{"url", data}}}};
  const Json source = {{"type", "base64"}, {"media_type", "image/png"}, {"data", "aGk="}};
  const Json image = {{"type", "image"}, {"source", source}};
  const auto user = [](Json content) {
    return Json::array({{{"role", "user"}, {"content", std::move(content)}}});
  };
  const Json call = {{"type", "tool_use"}, {"id", "t"}, {"name", "f"}, {"input", Json::object()}};
  const Json result = {
      {"type", "tool_result"}, {"tool_use_id", "t"}, {"content", Json::array({image})}};
  const Json results = Json::array({{{"role", "user"}, {"content", "x"}},
                                    {{"role", "assistant"}, {"content", Json::array({call})}},
                                    {{"role", "user"}, {"content", Json::array({result})}}});
  const Json tools = Json::array({{{"name", "f"}, {"input_schema", {{"type", "object"}}}}});
  struct Case {
    const char* path;
    Json body;
  };
  const Case cases[] = {
      {"/api/generate", {{"prompt", "x"}, {"images", {"aGk="}}}},
      {"/api/generate", {{"prompt", "x"}, {"raw", true}, {"images", {"aGk="}}}},
      {"/api/generate", {{"prompt", ""}, {"images", {"aGk="}}}},
      {"/api/generate", {{"prompt", "x"}, {"_debug_render_only", true}, {"images", {"aGk="}}}},
      {"/api/chat",
       {{"messages", Json::array({{{"role", "user"}, {"content", "x"}, {"images", {"aGk="}}}})}}},
      {"/v1/chat/completions", {{"messages", user(Json::array({part}))}}},
      {"/v1/responses",
       {{"input", user(Json::array({{{"type", "input_image"}, {"image_url", data}}}))}}},
      {"/v1/messages", {{"messages", user(Json::array({image}))}, {"max_tokens", 5}}},
      {"/v1/messages", {{"messages", results}, {"max_tokens", 5}, {"tools", tools}}},
      {"/v1/messages/count_tokens", {{"messages", user(Json::array({image}))}}},
  };
  for (Case one : cases) {
    one.body["model"] = "demo";
    const ClientReply reply = server.Post(one.path, one.body);
    EXPECT_EQ(reply.status, 400) << one.path << " " << one.body.dump() << " " << reply.body;
    EXPECT_THAT(reply.body, HasSubstr("does not support images")) << one.path;
    EXPECT_THAT(reply.body, HasSubstr("demo")) << one.path;
  }
  const Json own = Json::array({{{"role", "user"}, {"content", "x"}, {"images", {"aGk="}}}});
  const ClientReply made = server.Post(
      "/api/create", {{"model", "seer"}, {"from", "demo"}, {"messages", own}, {"stream", false}});
  EXPECT_EQ(made.status, 400) << made.body;
  EXPECT_THAT(made.body, HasSubstr("cannot have images"));
}

// A model that was pulled may have been made elsewhere, with a picture in the turns that it brings.
TEST(PicturesTest, InTheTurnsThatAPulledModelBringsAreRefusedToo) {
  const store::Store& store = testing::DemoStore();
  const auto demo = store.Read(*store::ModelName::Parse("demo"));
  ASSERT_TRUE(demo.ok());
  auto session = store::WriteSession::Begin(store);
  ASSERT_TRUE(session.ok());
  const auto bring = [&](const char* name, const Json& turns) {
    const auto blob = (*session)->PutBlob(turns.dump());
    ASSERT_TRUE(blob.ok());
    store::Manifest manifest = demo->manifest();
    manifest.layers.push_back({.media_type = std::string(store::kMessagesMediaType),
                               .digest = blob->digest,
                               .size = blob->size,
                               .from = {},
                               .name = {}});
    ASSERT_TRUE((*session)->Commit(*store::ModelName::Parse(name), manifest).ok());
  };
  const Json answer = {{"role", "assistant"}, {"content", "5"}};
  const Json plain = {{"role", "user"}, {"content", "What is 2+3?"}};
  Json picture = plain;
  picture["images"] = {"aGk="};
  bring("seer", Json::array({picture, answer}));
  bring("reader", Json::array({plain, answer}));
  const DemoServer server;
  const Json messages = Question("What is 2+2?")["messages"];
  for (const auto& [path, body] : {std::pair<const char*, Json>("/api/chat", {{"stream", false}}),
                                   {"/api/chat", {{"stream", true}}},
                                   {"/v1/chat/completions", Json::object()},
                                   {"/v1/messages", {{"max_tokens", 5}}}}) {
    Json asked = body;
    asked["messages"] = messages;
    asked["model"] = "seer";
    const ClientReply refused = server.Post(path, asked);
    EXPECT_EQ(refused.status, 400) << path << " " << refused.body;
    EXPECT_THAT(refused.body, HasSubstr("does not support images")) << path;
    asked["model"] = "reader";
    EXPECT_EQ(server.Post(path, asked).status, 200) << path;
  }
  const Json generate = {{"model", "seer"}, {"prompt", "What is 2+2?"}, {"stream", false}};
  EXPECT_EQ(server.Post("/api/generate", generate).status, 400);
  for (const char* name : {"seer", "reader"}) {
    server.Call(Method::kDelete, "/api/delete", Json({{"model", name}}).dump());
  }
}

}  // namespace
}  // namespace ingot::server
