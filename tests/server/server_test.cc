// Who may ask a server what, and how it begins and ends.
#include "server/server.h"

#include <atomic>
#include <future>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/strings.h"
#include "tests/server/demo_server.h"
#include "tests/server/raw_socket.h"

namespace ingot::server {
namespace {

using core::Json;
using ::testing::ContainsRegex;
using testing::DemoServer;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RawSocket;
using ::testing::StartsWith;

constexpr const char* kInferKey = "0123456789abcdef";
constexpr const char* kOtherKey = "0123456789abcdeg";
constexpr const char* kManageKey = "fedcba9876543210";

ServerOptions WithKeys() {
  ServerOptions options;
  options.keys = *ApiKeys::Parse(core::StrCat("a infer ", kInferKey, "\nb infer ", kOtherKey,
                                              "\nm manage ", kManageKey, "\n"));
  return options;
}

Json Question() {
  return {{"model", "demo"},
          {"stream", false},
          {"think", false},
          {"messages", Json::array({{{"role", "user"}, {"content", "What is 2+2?"}}})},
          {"options", {{"temperature", 0}, {"num_predict", 8}}}};
}

TEST(ServerTest, RolesAreKept) {
  const DemoServer server(WithKeys());
  struct Case {
    Method method;
    const char* target;
    const char* body;
    int none, infer, manage;
  };
  const Case kCases[] = {
      {Method::kGet, "/", "", 200, 200, 200},
      {Method::kGet, "/health", "", 200, 200, 200},
      {Method::kGet, "/api/version", "", 200, 200, 200},
      {Method::kGet, "/api/tags", "", 401, 200, 200},
      {Method::kGet, "/metrics", "", 401, 200, 200},
      {Method::kPost, "/api/chat", R"({"model":"none"})", 401, 404, 404},
      {Method::kPost, "/api/copy", R"({"source":"none","destination":"x"})", 401, 403, 404},
      {Method::kDelete, "/api/delete", R"({"model":"none"})", 401, 403, 404},
      {Method::kPost, "/api/create", "{}", 401, 403, 400},
      {Method::kPost, "/api/pull", "{}", 401, 403, 400},
      {Method::kPost, "/api/push", "{}", 401, 403, 400},
      {Method::kPost, "/api/blobs/sha256:12", "x", 401, 403, 400},
      {Method::kPost, "/shutdown", "", 401, 403, 501},
      {Method::kGet, "/nowhere", "", 401, 404, 404},
  };
  for (const Case& one : kCases) {
    EXPECT_EQ(server.Call(one.method, one.target, one.body).status, one.none) << one.target;
    EXPECT_EQ(server.Call(one.method, one.target, one.body, "wrong").status, one.none)
        << one.target;
    EXPECT_EQ(server.Call(one.method, one.target, one.body, kInferKey).status, one.infer)
        << one.target;
    EXPECT_EQ(server.Call(one.method, one.target, one.body, kManageKey).status, one.manage)
        << one.target;
  }
}

TEST(ServerTest, PagesOfOthersAreKeptOut) {
  ServerOptions options;
  options.guard.origins = {"https://app.example.com"};
  const DemoServer server(std::move(options));
  const auto ask = [&](std::string_view headers, std::string_view method = "GET") {
    RawSocket socket(server.port());
    socket.Send(
        core::StrCat(method, " /api/tags HTTP/1.1\r\nConnection: close\r\n", headers, "\r\n"));
    return socket.ReadUntil();
  };
  EXPECT_THAT(ask("Host: evil.example\r\n"), StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(ask("Host: localhost\r\nOrigin: https://evil.example\r\n"),
              StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(ask("Host: localhost\r\nOrigin: https://evil.example\r\n", "OPTIONS"),
              StartsWith("HTTP/1.1 403"));
  const std::string own = ask("Host: localhost\r\n");
  EXPECT_THAT(own, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(own, Not(HasSubstr("Access-Control")));
  const std::string listed = ask("Host: localhost\r\nOrigin: https://app.example.com\r\n");
  EXPECT_THAT(listed, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(listed, HasSubstr("Access-Control-Allow-Origin: https://app.example.com\r\n"));
  EXPECT_THAT(ask("Host: localhost\r\nOrigin: https://app.example.com\r\n", "OPTIONS"),
              HasSubstr("Access-Control-Allow-Methods"));
}

TEST(ServerTest, ABindBeyondLoopbackNeedsKeys) {
  ServerOptions open;
  open.host = "0.0.0.0";
  open.port = 0;
  const auto refused = Server::Start(testing::DemoStore(), open);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().code(), core::Code::kPermission);
  open.no_auth = true;
  EXPECT_TRUE(Server::Start(testing::DemoStore(), open).ok());
  ServerOptions keyed = WithKeys();
  keyed.host = "0.0.0.0";
  keyed.port = 0;
  EXPECT_TRUE(Server::Start(testing::DemoStore(), std::move(keyed)).ok());
}

// An answer that does not end of itself: the tokens that would end it cannot be chosen.
std::string Endless() {
  const Json request = {{"model", "demo"},
                        {"stream", true},
                        {"max_tokens", 6000},
                        {"logit_bias", {{"0", -100}, {"2", -100}}},
                        {"messages", Json::array({{{"role", "user"}, {"content", "Hi"}}})}};
  const std::string body = request.dump();
  return core::StrCat("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: ",
                      body.size(), "\r\n\r\n", body);
}

TEST(ServerTest, AClientThatGoesCancelsItsAnswer) {
  const DemoServer server;
  {
    RawSocket socket(server.port());
    socket.Send(Endless());
    EXPECT_THAT(socket.ReadUntil("data: "), HasSubstr("200 OK"));
  }
  const auto metrics = [&] { return server.Call(Method::kGet, "/metrics").body; };
  const std::string cancelled = "ingot_answers_total{finish=\"cancelled\"} 1\n";
  const std::string idle = "ingot_running_requests{model=\"demo:latest\"} 0\n";
  const auto has = [](const std::string& all, const std::string& part) {
    return all.find(part) != std::string::npos;
  };
  std::string text = metrics();
  // The one is counted a moment before the other.
  for (int i = 0; i < 400 && !(has(text, cancelled) && has(text, idle)); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
    text = metrics();
  }
  EXPECT_THAT(text, HasSubstr(cancelled));
  EXPECT_THAT(text, HasSubstr(idle));
}

TEST(ServerTest, WhoFindsTheQueueFullHearsWhenToComeAgain) {
  ServerOptions options;
  options.pool.scheduler.max_waiting = 0;
  const DemoServer server(std::move(options));
  const Json messages = Question()["messages"];
  const Json other = {{"model", "demo"}, {"messages", messages}, {"max_tokens", 5}};
  for (const auto& [path, body] : {std::pair<const char*, Json>("/api/chat", Question()),
                                   {"/v1/chat/completions", other},
                                   {"/v1/messages", other},
                                   {"/v1/responses", {{"model", "demo"}, {"input", "Hi"}}}}) {
    const ClientReply reply = server.Post(path, body);
    EXPECT_TRUE(reply.status == 503 || reply.status == 529) << path << " " << reply.status;
    const auto seconds = core::ParseUint(reply.headers.Get("retry-after"));
    ASSERT_TRUE(seconds) << path;
    EXPECT_GE(*seconds, 1U);
    EXPECT_THAT(reply.body, HasSubstr("queue is full")) << path;
    EXPECT_THAT(reply.body, HasSubstr(core::StrCat("Try again in ", *seconds, " second"))) << path;
  }
}

TEST(ServerTest, ADrainingServerEndsWhatRunsAndTakesNothingNew) {
  DemoServer server;
  server.Post("/api/chat", Question());  // loaded
  RawSocket running(server.port());
  Json request = Question();
  request["stream"] = true;
  request["options"]["num_predict"] = 200;
  request["options"]["temperature"] = 2;
  request["options"]["top_k"] = 0;
  const std::string body = request.dump();
  running.Send(core::StrCat("POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: ",
                            body.size(), "\r\n\r\n", body));
  running.ReadUntil("\"done\":");
  // Has begun to ask, and is told when the server should be over.
  RawSocket late(server.port());
  late.Send("GET /health HTTP/1.1\r\nHost: localhost\r\n");
  // Once somebody who came later was answered, that has been read.
  EXPECT_EQ(server.Call(Method::kGet, "/health").status, 200);
  auto drained = std::async(std::launch::async,
                            [&] { return server.server().Drain(std::chrono::seconds(60)); });
  while (server.Client().Call(Method::kGet, "/health", "").ok()) std::this_thread::yield();
  late.Send("\r\n");
  const std::string refused = late.ReadUntil();
  EXPECT_THAT(refused, HasSubstr("HTTP/1.1 503"));
  EXPECT_THAT(refused, HasSubstr("the server is ending"));
  EXPECT_THAT(refused, ContainsRegex("\r\nRetry-After: (60|5[0-9])\r\n"));
  EXPECT_TRUE(drained.get());
  EXPECT_THAT(running.ReadUntil(), HasSubstr("\"done\":true"));
  EXPECT_FALSE(server.Client().Call(Method::kGet, "/health", "").ok());
}

TEST(ServerTest, APromptBeyondTheContextIsRefusedAndNotCut) {
  const DemoServer server;
  Json request = Question();
  std::string text;
  for (int i = 0; i < 9000; ++i) text += " x";
  request["messages"][0]["content"] = text;
  request["truncate"] = false;
  const ClientReply reply = server.Post("/api/chat", request);
  EXPECT_EQ(reply.status, 400) << reply.body;
  EXPECT_THAT(reply.body, HasSubstr("context"));
}

Json Turns(int first, int end) {
  Json messages = Json::array();
  for (int i = first; i < end; ++i) {
    messages.push_back({{"role", (end - i) % 2 == 1 ? "user" : "assistant"},
                        {"content", core::StrCat("turn ", i, ".")}});
  }
  return messages;
}

// As few as must, however many there are.
TEST(ServerTest, OldTurnsGiveWayUntilTheRestFits) {
  const DemoServer server;
  constexpr int kTurns = 3001;
  Json request = Question();
  request["options"]["num_ctx"] = 256;
  request["options"]["num_predict"] = 1;
  request["messages"] = Turns(0, kTurns);
  request["_debug_render_only"] = true;
  const ClientReply rendered = server.Post("/api/chat", request);
  ASSERT_EQ(rendered.status, 200) << rendered.body;
  const auto text =
      Json::parse(rendered.body)["_debug_info"]["rendered_template"].get<std::string>();
  EXPECT_THAT(text, HasSubstr(core::StrCat("turn ", kTurns - 1, ".")));
  const int first = std::stoi(text.substr(text.find("turn ") + 5));
  ASSERT_GT(first, 0);
  ASSERT_LT(first, kTurns - 2);
  request.erase("_debug_render_only");
  EXPECT_EQ(server.Post("/api/chat", request).status, 200);
  request["truncate"] = false;
  request["messages"] = Turns(first, kTurns);
  EXPECT_EQ(server.Post("/api/chat", request).status, 200);
  request["messages"] = Turns(first - 1, kTurns);
  EXPECT_EQ(server.Post("/api/chat", request).status, 400);
}

TEST(ServerTest, ThereAreOnlySoManyMessages) {
  const DemoServer server;
  Json request = Question();
  request["messages"] = Turns(0, 10'001);
  const ClientReply reply = server.Post("/api/chat", request);
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(reply.body, HasSubstr("messages: at most 10000 are taken, found 10001"));
}

TEST(ServerTest, MetricsCountWhatHappened) {
  const DemoServer server;
  server.Post("/api/chat", Question());
  server.Call(Method::kGet, "/made/up/by/a/client");
  const ClientReply reply = server.Call(Method::kGet, "/metrics");
  EXPECT_THAT(std::string(reply.headers.Get("content-type")),
              StartsWith("text/plain; version=0.0.4"));
  for (const char* line :
       {"ingot_http_requests_total{route=\"/api/chat\",status=\"200\"} 1",
        "ingot_http_requests_total{route=\"other\",status=\"404\"} 1",
        "ingot_answers_total{finish=", "ingot_generated_tokens_total ",
        "ingot_first_token_seconds_bucket{le=\"+Inf\"} 1",
        "ingot_model_bytes{model=\"demo:latest\"} ", "ingot_prefix_cache_prompts_total{miss=",
        "process_resident_memory_bytes ", "ingot_running_requests{model=\"demo:latest\"} 0"}) {
    EXPECT_THAT(reply.body, HasSubstr(line));
  }
  EXPECT_THAT(reply.body, Not(HasSubstr("made/up")));
}

TEST(ServerTest, ManyAtOnceGetWhatEachWouldAlone) {
  ServerOptions options;
  options.pool.type = ops::mx::float32;
  const DemoServer server(std::move(options));
  const auto answer = [&](int i) {
    Json request = Question();
    request["messages"][0]["content"] = core::StrCat("What is ", i, "+", 2 * i, "?");
    return Json::parse(server.Post("/api/chat", request).body).at("message").dump();
  };
  constexpr int kMany = 6;
  std::vector<std::string> alone;
  for (int i = 0; i < kMany; ++i) alone.push_back(answer(i));
  std::vector<std::string> together(kMany);
  std::vector<std::thread> threads;
  for (int i = 0; i < kMany; ++i) threads.emplace_back([&, i] { together[i] = answer(i); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(together, alone);
}

}  // namespace
}  // namespace ingot::server
