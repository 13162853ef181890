#include "server/fields.h"

#include <array>
#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/address.h"
#include "server/ollama_request.h"
#include "server/route.h"

namespace ingot::server {
namespace {

using ::testing::HasSubstr;

TEST(FieldsTest, EveryNumberHasBounds) {
  const auto read = [](const char* number) {
    auto fields = Fields::Parse(std::string("{\"n\":") + number + "}");
    EXPECT_TRUE(fields.ok()) << number;
    return fields->Int("n", -5, 1'000'000);
  };
  EXPECT_EQ(**read("3"), 3);
  EXPECT_EQ(**read("3.0"), 3);
  EXPECT_EQ(**read("-5"), -5);
  EXPECT_FALSE((*read("null")).has_value());
  for (const char* number :
       {"-6", "1000001", "3.5", "1e300", "-1e300", "9223372036854775807", "-9223372036854775808",
        "18446744073709551615", "99999999999999999999999", "\"3\"", "true", "[3]", "{}"}) {
    EXPECT_FALSE(read(number).ok()) << number;
  }
}

TEST(FieldsTest, WhatNobodyTookIsRefusedByName) {
  auto fields = Fields::Parse(R"({"model":"a","strem":true})");
  ASSERT_TRUE(fields.ok());
  EXPECT_TRUE(fields->Text("model").ok());
  EXPECT_TRUE(fields->Bool("stream").ok());
  const core::Status status = fields->Done();
  EXPECT_THAT(std::string(status.message()), HasSubstr("strem"));
  EXPECT_THAT(std::string(status.hint()), HasSubstr("stream"));
}

TEST(FieldsTest, BodiesThatAreNoObjectsAreRefused) {
  for (const char* body : {"", " ", "[]", "3", "{", "{\"a\":1,\"a\":2}", "\xFF", "nan"}) {
    EXPECT_EQ(Fields::Parse(body).status().code(), core::Code::kInvalidArgument) << body;
  }
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "[";
  EXPECT_FALSE(Fields::Parse("{\"a\":" + deep).ok());
}

TEST(FieldsTest, DurationsAreReadAsGoWritesThem) {
  using std::chrono::nanoseconds;
  EXPECT_EQ(ParseGoDuration("1h30m"), nanoseconds(std::chrono::minutes(90)));
  EXPECT_EQ(ParseGoDuration("1.5s"), nanoseconds(1'500'000'000));
  EXPECT_EQ(ParseGoDuration("-5m"), nanoseconds(-std::chrono::minutes(5)));
  EXPECT_EQ(ParseGoDuration("300ms"), nanoseconds(300'000'000));
  EXPECT_EQ(ParseGoDuration("0"), nanoseconds(0));
  for (const char* text : {"", "5", "m", "5x", "1h-3m", "1e9s", "inf", "nan", "- 5s", ".s"}) {
    EXPECT_EQ(ParseGoDuration(text), std::nullopt) << text;
  }
  // Beyond any use, and without wrapping.
  EXPECT_GT(*ParseGoDuration("99999999999999999999h"), nanoseconds(std::chrono::hours(800'000)));
}

TEST(FieldsTest, KeepAliveIsSecondsOrADuration) {
  const auto read = [](const char* text) {
    return Fields::Parse(std::string("{\"k\":") + text + "}")->Duration("k");
  };
  EXPECT_EQ((*read("5"))->count(), 5);
  EXPECT_EQ((*read("\"5m\""))->count(), 300);
  EXPECT_EQ((*read("\"300\""))->count(), 300);
  EXPECT_LT((*read("-1"))->count(), 0);
  EXPECT_GT((*read("1e300"))->count(), 0);
  EXPECT_EQ((*read("0.2"))->count(), 1);
  EXPECT_FALSE(read("\"soon\"").ok());
  EXPECT_FALSE(read("[]").ok());
}

TEST(OllamaRequestTest, EveryNumericOptionIsCheckedAtItsExtremes) {
  constexpr std::array kNumbers = {
      "-9223372036854775808", "9223372036854775807", "18446744073709551615", "1e308", "-1e308",
      "2147483648",           "-2147483649"};
  for (const engine::OptionInfo& info : engine::RequestOptionTable()) {
    if (info.kind != engine::OptionKind::kInteger) continue;
    for (const char* number : kNumbers) {
      const std::string body = std::string(R"({"model":"a","prompt":"b","options":{")") +
                               std::string(info.name) + "\":" + number + "}}";
      EXPECT_FALSE(ReadGenerate(body).ok()) << body;
    }
  }
  EXPECT_FALSE(ReadGenerate(R"({"model":"a","context":[-1]})").ok());
  EXPECT_FALSE(ReadGenerate(R"({"model":"a","context":[4294967296]})").ok());
  EXPECT_FALSE(ReadGenerate(R"({"model":"a","top_logprobs":-1,"logprobs":true})").ok());
}

TEST(OllamaRequestTest, HintsOnMemoryArePassedOverAndWrongNamesAreNot) {
  EXPECT_TRUE(
      ReadChat(R"({"model":"a","messages":[],"options":{"num_gpu":99,"num_thread":8}})").ok());
  const auto wrong = ReadChat(R"({"model":"a","messages":[],"options":{"mirostat":1}})");
  EXPECT_THAT(std::string(wrong.status().message()), HasSubstr("mirostat"));
}

TEST(AddressTest, IsReadAsTheOriginalReadsIt) {
  struct Case {
    const char* text;
    const char* host;
    int port;
  };
  constexpr std::array<Case, 10> kCases = {{{"", "127.0.0.1", 11434},
                                            {"0.0.0.0", "0.0.0.0", 11434},
                                            {":5678", "127.0.0.1", 5678},
                                            {"example.com:80", "example.com", 80},
                                            {"http://example.com", "example.com", 80},
                                            {"https://example.com", "example.com", 443},
                                            {"http://example.com:9/path", "example.com", 9},
                                            {"[::1]", "::1", 11434},
                                            {"[::1]:7", "::1", 7},
                                            {"::1", "::1", 11434}}};
  for (const Case& one : kCases) {
    const auto address = ParseAddress(one.text);
    ASSERT_TRUE(address.ok()) << one.text;
    EXPECT_EQ(address->host, one.host) << one.text;
    EXPECT_EQ(address->port, one.port) << one.text;
  }
  for (const char* text :
       {"host:65536", "host:-1", "host:x", "ftp://host", "[::1", "a b", "a\tb:1"}) {
    EXPECT_FALSE(ParseAddress(text).ok()) << text;
  }
}

TEST(RouterTest, FindsRoutesByMethodAndPath) {
  static constexpr std::array kRoutes = {
      Route{Method::kGet, "/", Role::kNone, 0, nullptr},
      Route{Method::kGet, "/models/:name*", Role::kInfer, 0, nullptr},
      Route{Method::kPost, "/blobs/:digest", Role::kManage, 0, nullptr},
      Route{Method::kHead, "/blobs/:digest", Role::kInfer, 0, nullptr},
  };
  const Router router({kRoutes});
  EXPECT_EQ(router.Find(Method::kGet, "/").route, &kRoutes[0]);
  EXPECT_EQ(router.Find(Method::kHead, "/").route, &kRoutes[0]);
  EXPECT_THAT(router.Find(Method::kGet, "/models/a/b:c").parts, ::testing::ElementsAre("a/b:c"));
  EXPECT_THAT(router.Find(Method::kPost, "/blobs/x").parts, ::testing::ElementsAre("x"));
  EXPECT_EQ(router.Find(Method::kHead, "/blobs/x").route, &kRoutes[3]);
  EXPECT_EQ(router.Find(Method::kGet, "/blobs/x").allowed, "POST, HEAD");
  for (const char* path : {"/blobs", "/blobs/", "/blobs/x/y", "/models/", "", "//", "/x"}) {
    EXPECT_EQ(router.Find(Method::kPost, path).route, nullptr) << path;
  }
}

}  // namespace
}  // namespace ingot::server
