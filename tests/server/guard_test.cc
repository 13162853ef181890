#include "server/guard.h"

#include <string>

#include <gtest/gtest.h>

namespace ingot::server {
namespace {

Request From(const char* host, const char* origin = nullptr) {
  Request request;
  if (host != nullptr) request.headers.Add("Host", host);
  if (origin != nullptr) request.headers.Add("Origin", origin);
  return request;
}

TEST(GuardTest, AHostIsANumberOrSurelyOurs) {
  const Guard guard({.hosts = {"Box.Example.com"}, .origins = {}, .own_host = "Workbench"});
  for (const char* host : {"127.0.0.1:11434", "127.0.0.1", "[::1]:80", "[::1]", "10.1.2.3",
                           "localhost", "LOCALHOST:1", "localhost.", "a.localhost", "nas.local",
                           "host.docker.internal", "workbench:80", "box.example.com"}) {
    EXPECT_TRUE(guard.CheckHost(From(host).headers).ok()) << host;
  }
  for (const char* host :
       {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "evil.example:11434",
        "", "[::1", "[::1]x", "::1:80:80", "local", "2130706433.evil"}) {
    const core::Status status = guard.CheckHost(From(host).headers);
    EXPECT_EQ(status.code(), core::Code::kPermission) << host;
  }
  EXPECT_TRUE(guard.CheckHost(From(nullptr).headers).ok());
  Request twice = From("localhost");
  twice.headers.Add("host", "localhost");
  EXPECT_FALSE(guard.CheckHost(twice.headers).ok());
  EXPECT_TRUE(Guard({.hosts = {"*"}, .origins = {}, .own_host = ""})
                  .CheckHost(From("evil.example").headers)
                  .ok());
}

TEST(GuardTest, APageOfAnotherOriginMustBeListed) {
  const Guard guard(
      {.hosts = {}, .origins = {"https://app.example.com", "app://*"}, .own_host = ""});
  EXPECT_EQ(*guard.CheckOrigin(From("localhost:1")), "");
  EXPECT_EQ(*guard.CheckOrigin(From("localhost:1", "http://localhost:1")), "");
  EXPECT_EQ(*guard.CheckOrigin(From("localhost:1", "https://app.example.com")),
            "https://app.example.com");
  EXPECT_EQ(*guard.CheckOrigin(From("localhost:1", "app://obsidian")), "app://obsidian");
  for (const char* origin :
       {"null", "http://localhost:2", "https://localhost:1", "https://app.example.com.evil.example",
        "http://app.example.com", "app://", ""}) {
    EXPECT_FALSE(guard.CheckOrigin(From("localhost:1", origin)).ok()) << origin;
  }
  Request tls = From("localhost:1", "https://localhost:1");
  tls.tls = true;
  EXPECT_EQ(*guard.CheckOrigin(tls), "");
}

TEST(GuardTest, OnlyAListedOriginGetsHeaders) {
  Headers none;
  AddCorsHeaders("", none);
  EXPECT_EQ(none.begin(), none.end());
  Request request = From("localhost", "https://a.example");
  request.headers.Add("Access-Control-Request-Headers", "content-type, x-api-key");
  const Reply reply = PreflightReply("https://a.example", request);
  EXPECT_EQ(reply.status, 204);
  EXPECT_EQ(reply.headers.Get("access-control-allow-origin"), "https://a.example");
  EXPECT_EQ(reply.headers.Get("access-control-allow-headers"), "content-type, x-api-key");
  EXPECT_EQ(PreflightReply("", request).headers.Find("access-control-allow-origin"), nullptr);
  Request bad;
  bad.headers.Add("Access-Control-Request-Headers", "x\r\nSet-Cookie: a");
  EXPECT_EQ(PreflightReply("https://a.example", bad).headers.Find("access-control-allow-headers"),
            nullptr);
}

}  // namespace
}  // namespace ingot::server
