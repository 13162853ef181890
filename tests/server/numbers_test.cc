// Every number that a request may hold, at its extremes, over every endpoint: each is answered, or
// refused by name; none is an error of the server's, ends it or keeps it for long.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/strings.h"
#include "tests/server/demo_server.h"

namespace ingot::server {
namespace {

using core::Json;
using core::StrCat;
using testing::DemoServer;

// As they stand in JSON, and some that do not.
constexpr std::array<std::string_view, 26> kValues = {
    "0",
    "-0.0",
    "-1",
    "1",
    "3.0",
    "0.5",
    "1e-308",
    "1e308",
    "-1e308",
    "1e400",
    "2147483647",
    "2147483648",
    "-2147483648",
    "-2147483649",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999999999999999999999",
    "NaN",
    "Infinity",
    R"("1")",
    R"("NaN")",
    "true",
    "[1]",
};

// A request, and where in it the numbers are put. A refusal says one of the names.
struct Place {
  std::string target;
  std::string base;
  std::vector<std::string> pointers;
  std::vector<std::string> also = {};
};

constexpr const char* kMessage = R"("messages":[{"role":"user","content":"Hi"}])";

std::vector<std::string> Each(std::string_view prefix, std::initializer_list<const char*> names) {
  std::vector<std::string> pointers;
  for (const char* name : names) pointers.push_back(StrCat(prefix, name));
  return pointers;
}

std::vector<Place> OllamaPlaces() {
  const std::string chat = StrCat(R"({"model":"demo","stream":false,"think":false,"logprobs":true,)"
                                  R"("options":{"num_predict":1},)",
                                  kMessage, "}");
  const std::string create = R"({"model":"numbers","from":"demo","stream":false,"parameters":{}})";
  return {
      {"/api/chat", chat, {"/keep_alive", "/top_logprobs", "/stream", "/think", "/format"}},
      {"/api/chat", chat,
       Each("/options/",
            {"temperature",        "top_k",           "top_p",          "min_p",
             "typical_p",          "repeat_last_n",   "repeat_penalty", "presence_penalty",
             "frequency_penalty",  "dry_multiplier",  "dry_base",       "dry_allowed_length",
             "dry_penalty_last_n", "xtc_probability", "xtc_threshold",  "seed",
             "num_predict",        "num_keep",        "num_batch",      "num_gpu",
             "main_gpu",           "num_thread",      "stop",           "logit_bias"})},
      // Too short for the prompt is too short for the context.
      {"/api/chat", chat, {"/options/num_ctx"}, {"context"}},
      {"/api/chat", chat, {"/options/logit_bias/5"}, {"logit_bias"}},
      {"/api/chat", chat, {"/messages/0/content", "/messages"}, {"messages", "message"}},
      {"/api/generate",
       R"({"model":"demo","prompt":"Hi","stream":false,"options":{"num_predict":1}})",
       {"/keep_alive", "/prompt", "/raw", "/options/num_predict"}},
      {"/api/generate",
       R"({"model":"demo","prompt":"Hi","stream":false,"think":false,"context":[0],)"
       R"("options":{"num_predict":1}})",
       {"/context/0"},
       {"context", "token"}},
      {"/api/embed",
       R"({"model":"demo","input":"a"})",
       {"/dimensions", "/keep_alive", "/truncate", "/options/num_ctx", "/input"}},
      {"/api/embeddings", R"({"model":"demo","prompt":"a"})", {"/keep_alive", "/prompt"}},
      {"/api/show", R"({"model":"demo"})", {"/verbose"}},
      {"/api/create", create, Each("/parameters/", {"temperature", "top_k", "seed", "num_ctx"})},
  };
}

std::vector<Place> OpenAiPlaces() {
  const std::string chat =
      StrCat(R"({"model":"demo","reasoning_effort":"none","max_tokens":1,"logprobs":true,)",
             kMessage, "}");
  const std::string text = R"({"model":"demo","prompt":"Hi","max_tokens":1})";
  const std::string response =
      R"({"model":"demo","input":"Hi","max_output_tokens":1,"reasoning":{"effort":"none"},)"
      R"("include":["message.output_text.logprobs"],"store":false})";
  return {
      {"/v1/chat/completions", chat,
       Each("/", {"max_tokens", "max_completion_tokens", "n", "seed", "temperature", "top_p",
                  "top_k", "min_p", "presence_penalty", "frequency_penalty", "repetition_penalty",
                  "top_logprobs", "stop", "stream"})},
      {"/v1/chat/completions", chat, {"/reasoning/max_tokens"}},
      {"/v1/chat/completions", chat, {"/logit_bias/5"}, {"logit_bias"}},
      {"/v1/completions", text,
       Each("/", {"max_tokens", "n", "logprobs", "best_of", "seed", "temperature", "top_p", "top_k",
                  "echo"})},
      {"/v1/completions",
       R"({"model":"demo","prompt":[5],"max_tokens":1})",
       {"/prompt/0"},
       {"prompt", "token"}},
      {"/v1/embeddings", R"({"model":"demo","input":"a"})", {"/dimensions"}},
      {"/v1/embeddings", R"({"model":"demo","input":[5]})", {"/input/0"}, {"input"}},
      {"/v1/responses", response,
       Each("/", {"max_output_tokens", "temperature", "top_p", "top_logprobs", "store",
                  "reasoning/max_tokens"})},
  };
}

std::vector<Place> AnthropicPlaces() {
  const std::string message =
      StrCat(R"({"model":"demo","max_tokens":1,"thinking":{"type":"disabled"},)", kMessage, "}");
  const std::string thinking =
      StrCat(R"({"model":"demo","max_tokens":1,"thinking":{"type":"enabled","budget_tokens":1},)",
             kMessage, "}");
  const std::string count =
      StrCat(R"({"model":"demo","thinking":{"type":"enabled","budget_tokens":1},)", kMessage, "}");
  return {
      {"/v1/messages", message,
       Each("/", {"max_tokens", "temperature", "top_p", "top_k", "stream", "stop_sequences"})},
      {"/v1/messages", thinking, {"/thinking/budget_tokens"}},
      {"/v1/messages/count_tokens", count, {"/thinking/budget_tokens"}},
  };
}

// Numbers within schemas and patterns, which decide how large a grammar gets.
std::vector<Place> GrammarPlaces() {
  const auto chat = [](std::string_view schema) {
    return StrCat(R"({"model":"demo","stream":false,"think":false,"options":{"num_predict":1},)",
                  R"("format":)", schema, ",", kMessage, "}");
  };
  const std::vector<std::string> also = {"format"};
  const std::string calls = StrCat(
      R"({"model":"demo","max_tokens":1,"reasoning_effort":"none","tool_choice":"required",)",
      R"("tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object",)",
      R"("properties":{"a":{"type":"string"}},"required":["a"]}}}],)", kMessage, "}");
  return {
      {"/api/chat", chat(R"({"type":"string"})"), Each("/format/", {"minLength", "maxLength"}),
       also},
      {"/api/chat", chat(R"({"type":"array","items":{"type":"integer"}})"),
       Each("/format/", {"minItems", "maxItems"}), also},
      {"/api/chat", chat(R"({"type":"integer"})"),
       Each("/format/", {"minimum", "maximum", "exclusiveMinimum", "multipleOf", "const"}), also},
      {"/api/chat", chat(R"({"type":"number"})"), Each("/format/", {"minimum", "maximum"}), also},
      {"/api/chat", chat(R"({"type":"object"})"),
       Each("/format/", {"minProperties", "maxProperties"}), also},
      {"/v1/chat/completions",
       calls,
       Each("/tools/0/function/parameters/properties/a/", {"minLength", "maxLength"}),
       {"tools"}},
  };
}

std::string WithValue(const std::string& base, const std::string& pointer, std::string_view value) {
  Json json = Json::parse(base);
  json[Json::json_pointer(pointer)] = "@@";
  std::string text = json.dump();
  const size_t at = text.find(R"("@@")");
  return text.replace(at, 4, value);
}

std::string MessageOf(const ClientReply& reply) {
  const Json json = Json::parse(reply.body, nullptr, false);
  if (!json.is_object() || !json.contains("error")) return "";
  const Json& error = json["error"];
  if (error.is_string()) return error.get<std::string>();
  return error.value("message", "");
}

// What is wrong with the answer; "" where nothing is.
std::string Complaint(const ClientReply& reply, const Place& place, const std::string& pointer) {
  if (reply.status == 200) {
    // Whole, in lines or in events: never an error that came too late to have a status.
    return reply.body.find("\"error\":{") == std::string::npos &&
                   reply.body.find("{\"error\"") == std::string::npos
               ? ""
               : "an error within an answer";
  }
  if (reply.status != 400) return StrCat("the status ", reply.status);
  const std::string message = MessageOf(reply);
  if (message.empty()) return "no message";
  // What is no JSON has no fields.
  if (message.find("JSON") != std::string::npos) return "";
  std::vector<std::string> names = place.also;
  names.push_back(pointer.substr(pointer.rfind('/') + 1));
  const bool named = std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return message.find(name) != std::string::npos;
  });
  return named ? "" : "nothing is named";
}

void CheckAll(const DemoServer& server, const std::vector<Place>& places) {
  for (const Place& place : places) {
    for (const std::string& pointer : place.pointers) {
      for (const std::string_view value : kValues) {
        const std::string body = WithValue(place.base, pointer, value);
        const ClientReply reply = server.Call(Method::kPost, place.target, body);
        const std::string complaint = Complaint(reply, place, pointer);
        EXPECT_EQ(complaint, "") << place.target << " " << body << "\n" << reply.body;
      }
    }
  }
  EXPECT_EQ(server.Call(Method::kGet, "/health").status, 200);
}

TEST(NumbersTest, OfTheOllamaApi) {
  const DemoServer server;
  CheckAll(server, OllamaPlaces());
  server.Call(Method::kDelete, "/api/delete", R"({"model":"numbers"})");
}

TEST(NumbersTest, OfTheOpenAiApi) { CheckAll(DemoServer(), OpenAiPlaces()); }

TEST(NumbersTest, OfTheAnthropicApi) { CheckAll(DemoServer(), AnthropicPlaces()); }

TEST(NumbersTest, OfGrammars) { CheckAll(DemoServer(), GrammarPlaces()); }

}  // namespace
}  // namespace ingot::server
