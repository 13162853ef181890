// Who gets to see a token, where redirects may lead, and what TLS asks for.
#include <array>

#include "core/strings.h"
#include "registry/base64.h"
#include "registry/text_sink.h"
#include "tests/registry/registry_fixture.h"
#include "tests/registry/ssh_key.h"

namespace ingot::registry {
namespace {

using core::Code;
using core::StrCat;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::ServerConnection;
using testing::ServerRequest;
using testing::TestServer;

using BlobRequest = FakeRegistry::BlobRequest;

class PullAuthTest : public PullTest {
 protected:
  // A token server at another port of the same address, and a registry that wants its tokens. Each
  // token is good for so many requests.
  void WantTokens(int uses) {
    auth_ = std::make_unique<TestServer>(
        [this](const ServerRequest& request, ServerConnection& connection) {
          const std::lock_guard<std::mutex> hold(lock_);
          asked_.push_back(request);
          if (!gives_tokens_) {
            connection.Answer(401, {}, "");
            return;
          }
          connection.Answer(200, {}, StrCat(R"({"token":"t)", asked_.size(), R"("})"));
        });
    registry_.before = [this, uses](const ServerRequest& request, ServerConnection& connection) {
      const std::lock_guard<std::mutex> hold(lock_);
      const std::string token = request.Header("authorization");
      if (token == StrCat("Bearer t", asked_.size()) && uses_[token]++ < uses) return false;
      ++refused_;
      connection.Answer(401, {{"WWW-Authenticate", Challenge()}}, "");
      return true;
    };
  }
  std::string Challenge() const {
    return StrCat("Bearer realm=\"http://", auth_->Host(),
                  "/token\",service=\"reg\",scope=\"repository:me/m:pull\"");
  }

  std::mutex lock_;
  std::vector<ServerRequest> asked_;  // for tokens
  std::map<std::string, int> uses_;
  int refused_ = 0;
  std::atomic<bool> gives_tokens_{true};
  std::unique_ptr<TestServer> auth_;
};

TEST_F(PullAuthTest, ATokenIsGotWhenItIsAskedFor) {
  Offer({90000, 200});
  WantTokens(1000);
  MustPull();
  EXPECT_EQ(refused_, 1);
  ASSERT_EQ(asked_.size(), 1u);
  EXPECT_EQ(asked_[0].target, "/token?scope=repository%3Ame%2Fm%3Apull&service=reg");
  EXPECT_EQ(asked_[0].Header("authorization"), "");
}

TEST_F(PullAuthTest, TokensThatExpireAreRenewed) {
  Offer({90000, 200, 300, 400, 70000, 80000, 500});
  WantTokens(3);
  options_.streams = 1;
  const PullReport report = MustPull();
  EXPECT_EQ(asked_.size(), 4u);  // ten requests, three a token
  EXPECT_EQ(report.bytes_fetched, registry_.total_size());
}

TEST_F(PullAuthTest, RefusalsAtOnceMakeOneRenewal) {
  Offer({90000, 200, 300, 400, 70000, 80000, 500});
  WantTokens(6);
  options_.streams = 8;
  MustPull();
  EXPECT_LE(asked_.size(), 8u);
}

TEST_F(PullAuthTest, ARegistryThatRefusesEveryTokenIsLeft) {
  Offer({90000});
  WantTokens(0);
  const core::Status status = MustFail();
  EXPECT_EQ(status.code(), Code::kPermission);
  EXPECT_EQ(asked_.size(), 1u);
  EXPECT_EQ(refused_, 2);
  EXPECT_THAT(std::string(status.hint()), HasSubstr("INGOT_REGISTRY_TOKEN"));
  gives_tokens_ = false;
  EXPECT_EQ(MustFail().code(), Code::kPermission);
  EXPECT_THAT(waiter_.waits(), IsEmpty());
}

TEST_F(PullAuthTest, ALoginGoesToTheRealmAndTheTokenToTheRegistry) {
  Offer({90000});
  WantTokens(1000);
  environment_["NETRC"] = dir_ / "netrc";
  ASSERT_TRUE(
      core::WriteFileAtomic(env_, dir_ / "netrc", "machine 127.0.0.1 login me password secret")
          .ok());
  MustPull();
  EXPECT_EQ(asked_[0].Header("authorization"), "Basic bWU6c2VjcmV0");
}

TEST_F(PullAuthTest, TheSigningKeySignsTheAddressOfTheToken) {
  Offer({90000});
  WantTokens(1000);
  environment_["INGOT_REGISTRY_KEY"] = dir_ / "key";
  ASSERT_TRUE(core::WriteFileAtomic(env_, dir_ / "key", OpenSshKeyFile()).ok());
  MustPull();
  ASSERT_EQ(asked_.size(), 1u);
  const std::string header = asked_[0].Header("authorization");
  const size_t colon = header.find(':');
  ASSERT_NE(colon, std::string::npos);
  const std::string url = StrCat("http://", auth_->Host(), asked_[0].target);
  EXPECT_THAT(url,
              ::testing::ContainsRegex("/token\\?nonce=[A-Za-z0-9_-]+&scope=.*&service=reg&ts="));
  // The SHA-256 of nothing, in hexadecimal, in Base64.
  const std::string empty =
      "ZTNiMGM0NDI5OGZjMWMxNDlhZmJmNGM4OTk2ZmI5MjQyN2FlNDFlNDY0OWI5MzRjYTQ5NTk5MWI3ODUyYjg1NQ==";
  EXPECT_TRUE(SignatureIsRight(*DecodeBase64(header.substr(0, colon)),
                               *DecodeBase64(header.substr(colon + 1)),
                               StrCat("GET,", url, ",", empty)));
}

TEST_F(PullAuthTest, ATokenFromTheEnvironmentIsShownAndNotRenewed) {
  Offer({900});
  environment_["INGOT_REGISTRY_TOKEN"] = "mine";
  std::string seen;
  registry_.before = [&](const ServerRequest& request, ServerConnection& connection) {
    seen = request.Header("authorization");
    if (seen == "Bearer mine") return false;
    connection.Answer(401, {{"WWW-Authenticate", "Bearer realm=\"http://127.0.0.1:1/\""}}, "");
    return true;
  };
  MustPull();
  EXPECT_EQ(seen, "Bearer mine");
  environment_["INGOT_REGISTRY_TOKEN"] = "another";
  std::filesystem::remove_all(store_.layout().root());
  EXPECT_THAT(std::string(MustFail().message()), HasSubstr("does not accept the token"));
}

TEST_F(PullAuthTest, NothingIsSentToARealmOfSomebodyElse) {
  Offer({900});
  WantTokens(1000);
  environment_["INGOT_REGISTRY_KEY"] = dir_ / "key";
  ASSERT_TRUE(core::WriteFileAtomic(env_, dir_ / "key", OpenSshKeyFile()).ok());
  for (const std::string& realm :
       {StrCat("http://localhost:", auth_->port(), "/token"), std::string("https://evil.example/t"),
        StrCat("http://127.0.0.1@localhost:", auth_->port(), "/"),
        std::string("file:///etc/passwd"), StrCat("http://127.0.0.2:", auth_->port(), "/token")}) {
    registry_.before = [&](const ServerRequest&, ServerConnection& connection) {
      connection.Answer(401, {{"WWW-Authenticate", StrCat("Bearer realm=\"", realm, "\"")}}, "");
      return true;
    };
    EXPECT_FALSE(MustFail().ok());
  }
  EXPECT_EQ(auth_->connections(), 0);
}

TEST_F(PullAuthTest, ARedirectIsFollowedWithoutTheToken) {
  Offer({90000, 300});
  WantTokens(1000);
  std::atomic<int> shown = 0, served = 0;
  TestServer store([&](const ServerRequest& request, ServerConnection& connection) {
    shown += request.Header("authorization").empty() ? 0 : 1;
    ++served;
    const auto blob = source_.ReadBlob(offered_->manifest().layers[0], 1 << 20);
    connection.Answer(200, {}, *blob);
  });
  registry_.on_blob = [&](const BlobRequest& blob, ServerConnection& connection) {
    if (blob.content.size() != 90000) return false;
    // Relative first, then elsewhere.
    if (blob.request.Header("authorization").empty()) ADD_FAILURE() << "no token for the registry";
    connection.Answer(307, {{"Location", StrCat("http://", store.Host(), "/b?signature=x")}}, "");
    return true;
  };
  MustPull();
  EXPECT_EQ(served.load(), 1);
  EXPECT_EQ(shown.load(), 0);
}

TEST_F(PullAuthTest, RedirectsThatLeadNowhereAreCounted) {
  Offer({90000});
  std::atomic<int> hops = 0;
  registry_.before = [&](const ServerRequest& request, ServerConnection& connection) {
    if (request.target.find("/manifests/") != std::string::npos) return false;
    ++hops;
    connection.Answer(302, {{"Location", StrCat("/loop", hops.load())}}, "");
    return true;
  };
  options_.streams = 1;
  EXPECT_THAT(std::string(MustFail().message()), HasSubstr("more than 10 times"));
  EXPECT_EQ(hops.load(), 11);
  registry_.before = [](const ServerRequest& request, ServerConnection& connection) {
    if (request.target.find("/manifests/") != std::string::npos) return false;
    connection.Answer(302, {{"Location", "gopher://x/"}}, "");
    return true;
  };
  EXPECT_EQ(MustFail().code(), Code::kInvalidArgument);
}

TEST(HttpClientTest, APrivateAddressIsRefusedAfterItIsResolved) {
  TestServer server([](const ServerRequest&, ServerConnection& connection) {
    connection.Answer(200, {}, "inside");
  });
  HttpClient http({});
  TextSink sink(100);
  for (const std::string& host : {std::string("127.0.0.1"), std::string("localhost")}) {
    const auto url = Url::Parse(StrCat("http://", host, ":", server.port(), "/"));
    const Transfer refused = http.Send({*url, {}, /*refuse_private=*/true}, sink);
    EXPECT_EQ(refused.status.code(), Code::kPermission);
    EXPECT_FALSE(refused.transient);
    EXPECT_EQ(server.connections(), 0);
  }
  // A connection that was made before it mattered is not used either.
  const auto url = Url::Parse(StrCat("http://", server.Host(), "/"));
  EXPECT_TRUE(http.Send({*url, {}, false}, sink).status.ok());
  EXPECT_EQ(sink.text(), "inside");
  TextSink again(100);
  EXPECT_EQ(http.Send({*url, {}, true}, again).status.code(), Code::kPermission);
  EXPECT_EQ(again.text(), "");
}

// A registry of the public internet, played by a proxy that answers in its place.
TEST_F(PullAuthTest, APublicRegistryCannotSendUsIntoThePrivateNetwork) {
  Offer({90000});
  std::atomic<int> visits = 0;
  TestServer inside([&](const ServerRequest&, ServerConnection& connection) {
    ++visits;
    connection.Answer(200, {}, "secret");
  });
  std::string location;
  TestServer proxy([&](const ServerRequest& request, ServerConnection& connection) {
    if (request.target.find("/manifests/") != std::string::npos) {
      EXPECT_TRUE(request.target.starts_with("http://registry.example.com/v2/"));
      connection.Answer(200, {}, offered_->raw.bytes);
    } else if (request.target.starts_with("http://registry.example.com/")) {
      connection.Answer(307, {{"Location", location}}, "");
    } else {
      ++visits;
      connection.Answer(200, {}, "secret");
    }
  });
  for (const char* none : {"", "127.0.0.1,localhost"}) {
    options_.http.proxies = {StrCat("http://", proxy.Host()), "", none};
    for (const std::string& host : {inside.Host(), StrCat("localhost:", inside.port())}) {
      location = StrCat("http://", host, "/latest/meta-data");
      const auto report = PullIt("registry.example.com/me/m");
      EXPECT_EQ(report.status().code(), Code::kPermission) << location;
      EXPECT_THAT(std::string(report.status().message()), HasSubstr("private network"));
    }
  }
  EXPECT_EQ(visits.load(), 0);
  EXPECT_EQ(inside.connections(), 0);
}

TEST(PullTlsTest, OnlyACertificateThatIsTrustedIsSpokenTo) {
  const testing::TempDir dir(testing::TempPlace::kMemory);
  testing::FaultEnv env(core::Env::Posix());
  env.SkipRealSyncs();
  const store::Store source(env, core::Clock::System(), dir / "source");
  const store::Store target(env, core::Clock::System(), dir / "models");
  const store::StoredModel model = PutModel(source, "me/m", {300000, 20}, 1);
  const TestServer::Certificate certificate = testing::MakeCertificate();
  FakeRegistry registry(&certificate);
  registry.Serve(source, model.name);
  FakeWaiter waiter;
  PullOptions options;
  options.waiter = &waiter;
  options.environment = [](const char*) { return std::nullopt; };
  const auto sink = core::MakeNullSink();
  const auto name = *store::ModelName::Parse(registry.Name());

  const auto strange = Pull(target, name, options, *sink);
  EXPECT_FALSE(strange.ok());
  EXPECT_THAT(std::string(strange.status().message()), HasSubstr("certificate"));
  EXPECT_THAT(waiter.waits(), IsEmpty());
  EXPECT_EQ(registry.manifest_requests(), 0);

  ASSERT_TRUE(core::WriteFileAtomic(env, dir / "ca.pem", certificate.certificate).ok());
  options.http.ca_file = dir / "ca.pem";
  const auto report = Pull(target, name, options, *sink);
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(report->model.raw.bytes, model.raw.bytes);

  // From there to plain HTTP is a step down that nobody asked for.
  TestServer plain(
      [](const ServerRequest&, ServerConnection& connection) { connection.Answer(200, {}, "x"); });
  registry.before = [&](const ServerRequest&, ServerConnection& connection) {
    connection.Answer(307, {{"Location", StrCat("http://", plain.Host(), "/")}}, "");
    return true;
  };
  EXPECT_THAT(std::string(Pull(target, name, options, *sink).status().message()),
              HasSubstr("unencrypted"));
  registry.before = [&](const ServerRequest&, ServerConnection& connection) {
    connection.Answer(
        401, {{"WWW-Authenticate", StrCat("Bearer realm=\"http://", plain.Host(), "/\"")}}, "");
    return true;
  };
  EXPECT_THAT(std::string(Pull(target, name, options, *sink).status().message()),
              HasSubstr("not encrypted"));
  EXPECT_EQ(plain.connections(), 0);
}

}  // namespace
}  // namespace ingot::registry
