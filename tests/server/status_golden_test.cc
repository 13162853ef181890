// What a server says of itself, and whom it turns away: /health, /props and /metrics, errors of
// keys, roles, methods and sizes in the shape of each API, in goldens/status.txt; and what streams
// say while a long prompt is being read.
#include <map>
#include <regex>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/strings.h"
#include "tests/server/api_golden.h"

namespace ingot::server {
namespace {

using core::Json;
using core::StrCat;
using testing::ApiCase;
using testing::DemoServer;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr Method kGet = Method::kGet;
constexpr Method kPost = Method::kPost;
constexpr Method kDelete = Method::kDelete;

constexpr const char* kInferKey = "0123456789abcdef";
constexpr const char* kManageKey = "fedcba9876543210";

constexpr const char* kMessage = R"("messages":[{"role":"user","content":"What is 2+2?"}])";

// Metrics as their names, kinds and labels: what they count differs from run to run.
std::string NamesOnly(const std::string& metrics) {
  std::string out;
  for (const std::string_view line : core::Split(metrics, '\n')) {
    const bool comment = line.starts_with("#");
    out += StrCat(comment ? line : line.substr(0, line.rfind(' ')), "\n");
  }
  return out;
}

std::vector<ApiCase> Refusals() {
  const std::string chat = StrCat(R"({"model":"demo","stream":false,)", kMessage, "}");
  const std::string long_body = StrCat(R"({"model":")", std::string(2 << 20, 'a'), R"("})");
  std::vector<ApiCase> cases = {
      {"health needs no key", kGet, "/health"},
      {"the version needs none", kGet, "/api/version"},
      {"the properties do", kGet, "/props"},
      {"to whom they are shown", kGet, "/props", "", kInferKey},
      {"metrics do, too", kGet, "/metrics"},
      {"pulling is managing", kPost, "/api/pull", R"({"model":"x"})", kInferKey},
      {"deleting is managing", kDelete, "/api/delete", R"({"model":"x"})", kInferKey},
      {"managing", kDelete, "/api/delete", R"({"model":"none"})", kManageKey},
      {"a body that is too long", kPost, "/api/show", long_body, kInferKey, "(2 MiB)"},
  };
  for (const char* target : {"/api/chat", "/v1/chat/completions", "/v1/messages"}) {
    cases.push_back({"no key", kPost, target, chat});
    cases.push_back({"a wrong key", kPost, target, chat, "wrong"});
    cases.push_back({"a wrong method", kDelete, target, "", kInferKey});
    cases.push_back({"nowhere", kGet, StrCat(target, "/nowhere"), "", kInferKey});
    cases.push_back({"nowhere without a key", kGet, StrCat(target, "/nowhere")});
  }
  return cases;
}

TEST(StatusGoldenTest, AServerTellsOfItselfAndTurnsAway) {
  ServerOptions options;
  options.keys = *ApiKeys::Parse(StrCat("a infer ", kInferKey, "\nm manage ", kManageKey, "\n"));
  DemoServer server(std::move(options));
  std::string told = testing::TellAll(server, Refusals());
  const Json question = Json::parse(
      StrCat(R"({"model":"demo","stream":false,"think":false,"options":{"temperature":0},)",
             kMessage, "}"));
  EXPECT_EQ(server.Call(kPost, "/api/chat", question.dump(), kInferKey).status, 200);
  told += testing::TellAll(server, {{"a model is loaded", kGet, "/props", "", kInferKey}});
  told += "# metrics\n" + NamesOnly(server.Call(kGet, "/metrics", "", kInferKey).body);
  EXPECT_TRUE(server.server().Drain(std::chrono::milliseconds(10'000)));
  testing::ExpectGoldenText("status.txt", told);
}

TEST(StatusTest, HistogramsAddUp) {
  const DemoServer server;
  const std::string body =
      StrCat(R"({"model":"demo","stream":false,"think":false,"options":{"temperature":0},)",
             kMessage, "}");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(server.Call(kPost, "/api/chat", body).status, 200);
  const std::string metrics = server.Call(kGet, "/metrics").body;
  for (const std::string_view name :
       {"ingot_queue_seconds", "ingot_first_token_seconds", "ingot_http_request_seconds"}) {
    double last = 0;
    double sum = -1;
    double count = -1;
    for (const std::string_view line : core::Split(metrics, '\n')) {
      if (!line.starts_with(name)) continue;
      const double value = std::stod(std::string(line.substr(line.rfind(' ') + 1)));
      const std::string_view rest = line.substr(name.size());
      if (rest.starts_with("_bucket")) {
        EXPECT_GE(value, last) << line;
        last = value;
      }
      if (rest.starts_with("_sum")) sum = value;
      if (rest.starts_with("_count")) count = value;
    }
    EXPECT_EQ(count, 3) << name;
    EXPECT_EQ(last, count) << name;  // what is in every bucket is in the last
    EXPECT_GE(sum, 0) << name;
  }
  EXPECT_THAT(metrics, HasSubstr("ingot_answers_total{finish=\"stop\"} 3"));
}

// The last of the prompt is what the model answers.
std::string LongPrompt() {
  std::string text;
  for (int i = 0; i < 120; ++i) text += StrCat("What is ", i % 100, "+2? ");
  return text;
}

TEST(PingTest, StreamsSayThatTheirPromptIsBeingRead) {
  ServerOptions options;
  options.ping_time = std::chrono::milliseconds(8);
  const DemoServer server(std::move(options));
  const std::string prompt = LongPrompt();
  const std::string messages =
      StrCat(R"("messages":[{"role":"user","content":")", prompt, R"("}])");
  struct Case {
    const char* target;
    std::string body;
    const char* first;  // of the events
  };
  const std::string model = R"({"model":"demo","stream":true,"temperature":0,)";
  // Each says something else at first, so that no prompt is in the cache already.
  const Case cases[] = {
      {"/v1/chat/completions", StrCat(model, R"("max_tokens":2,)", messages, "}"), ": "},
      {"/v1/completions", StrCat(model, R"("max_tokens":2,"prompt":"One. )", prompt, R"("})"),
       ": "},
      {"/v1/responses",
       StrCat(model, R"("max_output_tokens":2,"instructions":"Two.","input":")", prompt, R"("})"),
       "event: response.created\n"},
      {"/v1/messages", StrCat(model, R"("max_tokens":2,"system":"Three.",)", messages, "}"),
       "event: message_start\n"},
  };
  for (const Case& one : cases) {
    const ClientReply reply = server.Call(kPost, one.target, one.body);
    EXPECT_EQ(reply.status, 200) << one.target << reply.body;
    EXPECT_THAT(reply.body, StartsWith(one.first)) << one.target;
    const bool anthropic = std::string_view(one.target) == "/v1/messages";
    const std::string ping =
        anthropic ? "event: ping\ndata: {\"type\":\"ping\"}\n\n" : ": the prompt is being read\n\n";
    const size_t at = reply.body.find(ping);
    ASSERT_NE(at, std::string::npos) << one.target << "\n" << reply.body;
    // Before the answer, and never within it.
    const size_t answer = reply.body.find(anthropic ? "content_block_start" : "\"delta\"");
    EXPECT_LT(reply.body.rfind(ping), answer) << one.target;
  }
}

TEST(QueueTest, AFullQueueSaysWhenToTryAgain) {
  ServerOptions options;
  options.pool.scheduler.max_waiting = 0;
  const DemoServer server(std::move(options));
  struct Case {
    const char* target;
    const char* more;
    const char* body;  // of the refusal
  };
  for (const Case& one : {Case{"/api/chat", R"("stream":true,)", R"({"error":")"},
                          Case{"/v1/chat/completions", "", R"("type":"api_error")"},
                          Case{"/v1/messages", R"("max_tokens":5,)", "overloaded_error"}}) {
    const ClientReply reply =
        server.Call(kPost, one.target, StrCat(R"({"model":"demo",)", one.more, kMessage, "}"));
    EXPECT_EQ(reply.status, 503) << reply.body;
    EXPECT_EQ(reply.headers.Get("retry-after"), "1");
    EXPECT_THAT(reply.body, HasSubstr(one.body));
  }
}

}  // namespace
}  // namespace ingot::server
