// The parts of the registry client that need no network.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/strings.h"
#include "registry/address.h"
#include "registry/base64.h"
#include "registry/challenge.h"
#include "registry/credentials.h"
#include "registry/extents.h"
#include "registry/piece_sum.h"
#include "registry/plan.h"
#include "registry/proxy.h"
#include "registry/retry.h"
#include "registry/signing_key.h"
#include "registry/url.h"
#include "tests/registry/ssh_key.h"
#include "tests/testing/temp_dir.h"

namespace ingot::registry {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Url UrlOf(std::string_view text) {
  auto url = Url::Parse(text);
  EXPECT_TRUE(url.ok()) << url.status().message();
  return *std::move(url);
}

TEST(UrlTest, IsTakenApart) {
  const Url url = UrlOf("HTTPS://Registry.Example.COM:8443/v2/?a=b#frag");
  EXPECT_EQ(url.host(), "registry.example.com");
  EXPECT_EQ(url.port(), 8443);
  EXPECT_TRUE(url.secure());
  EXPECT_EQ(url.text().find('#'), std::string::npos);
  EXPECT_EQ(UrlOf("http://[::1]/").host(), "::1");
  EXPECT_EQ(UrlOf("http://[::1]/").Origin(), "http://[::1]:80");
  EXPECT_TRUE(SameOrigin(UrlOf("https://a.example/x"), UrlOf("https://A.example:443/y")));
  EXPECT_FALSE(SameOrigin(UrlOf("https://a.example/"), UrlOf("http://a.example:443/")));
}

TEST(UrlTest, OddAddressesAreRefused) {
  for (const char* text :
       {"", "example.com", "ftp://example.com/", "file:///etc/passwd", "https://",
        "https://user@example.com/", "https://a:b@example.com/", "https://example.com:0/",
        "https://example.com:99999/", "https://exa mple.com/", "https://example.com/\r\nX: y",
        "https://example.com\\@evil.example/", "https://example.com/\x7f"}) {
    EXPECT_FALSE(Url::Parse(text).ok()) << text;
  }
  EXPECT_FALSE(Url::Parse("https://example.com/" + std::string(20000, 'a')).ok());
}

TEST(UrlTest, ResolvesWhatALocationHeaderMeans) {
  const Url url = UrlOf("https://example.com/v2/a/blobs/x?y=z");
  EXPECT_EQ(url.Resolve("/other?q=1")->text(), "https://example.com/other?q=1");
  EXPECT_EQ(url.Resolve("https://cdn.example.net/b")->host(), "cdn.example.net");
  EXPECT_EQ(url.Resolve("//cdn.example.net/b")->host(), "cdn.example.net");
  EXPECT_FALSE(url.Resolve("ftp://cdn.example.net/b").ok());
  EXPECT_FALSE(url.Resolve("https://me@cdn.example.net/b").ok());
}

TEST(UrlTest, NamesOfOneOwnerShareARegistrableDomain) {
  EXPECT_TRUE(SameOwner("registry.example.co.uk", "auth.example.co.uk"));
  EXPECT_TRUE(SameOwner("registry-1.docker.io", "auth.docker.io"));
  EXPECT_TRUE(SameOwner("127.0.0.1", "127.0.0.1"));
  EXPECT_TRUE(SameOwner("Example.com", "example.COM"));
  EXPECT_FALSE(SameOwner("a.co.uk", "b.co.uk"));
  EXPECT_FALSE(SameOwner("alice.github.io", "bob.github.io"));
  EXPECT_FALSE(SameOwner("example.com", "example.com.evil.net"));
  EXPECT_FALSE(SameOwner("127.0.0.1", "127.0.0.2"));
  EXPECT_FALSE(SameOwner("1.2.3.4", "9.2.3.4"));
  EXPECT_FALSE(SameOwner("localhost", "example.com"));
}

TEST(AddressTest, TellsPrivateFromPublic) {
  for (const char* host : {"127.0.0.1",
                           "10.1.2.3",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.168.1.1",
                           "169.254.169.254",
                           "100.64.0.1",
                           "0.0.0.0",
                           "224.0.0.1",
                           "255.255.255.255",
                           "192.0.2.1",
                           "198.18.0.1",
                           "::1",
                           "::",
                           "fe80::1",
                           "fd00::1",
                           "fc00::1",
                           "ff02::1",
                           "::ffff:127.0.0.1",
                           "::ffff:10.0.0.1",
                           "64:ff9b::a00:1",
                           "2002:7f00:1::",
                           "2001:db8::1",
                           "fe80::1%eth0",
                           "localhost",
                           "a.localhost",
                           "printer.local",
                           "metadata.internal",
                           "intranet"}) {
    EXPECT_TRUE(IsPrivateHost(host)) << host;
  }
  for (const char* host : {"8.8.8.8", "172.32.0.1", "172.15.0.1", "100.128.0.1", "11.0.0.1",
                           "192.167.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "example.com"}) {
    EXPECT_FALSE(IsPrivateHost(host)) << host;
  }
}

TEST(ProxyTest, FollowsTheEnvironment) {
  const auto settings = ProxySettings::From([](const char* name) -> std::optional<std::string> {
    if (std::string_view(name) == "HTTPS_PROXY") return "http://proxy:1";
    if (std::string_view(name) == "HTTP_PROXY") return "http://not-this:1";
    if (std::string_view(name) == "NO_PROXY") return "a.example, .b.example";
    return std::nullopt;
  });
  EXPECT_EQ(settings.For(UrlOf("https://x.example/")), "http://proxy:1");
  EXPECT_EQ(settings.For(UrlOf("http://x.example/")), "");
  EXPECT_EQ(settings.For(UrlOf("https://a.example/")), "");
  EXPECT_EQ(settings.For(UrlOf("https://c.b.example/")), "");
  EXPECT_EQ(settings.For(UrlOf("https://xa.example/")), "http://proxy:1");
}

TEST(ChallengeTest, ReadsBearerAndBasic) {
  const auto bearer = ParseChallenge(
      R"(Bearer realm="https://auth.example/t",service="reg",scope="repository:a/b:pull,push x")");
  ASSERT_TRUE(bearer.ok());
  EXPECT_EQ(bearer->realm, "https://auth.example/t");
  EXPECT_EQ(bearer->service, "reg");
  EXPECT_EQ(bearer->scope, "repository:a/b:pull,push x");
  const auto second = ParseChallenge(R"(Negotiate, bearer realm = "a\"b" , error=x)");
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->realm, "a\"b");
  EXPECT_EQ(ParseChallenge("Basic realm=\"x\"")->scheme, Challenge::Scheme::kBasic);
  for (const char* text : {"", "Bearer", "Bearer service=x", "Digest realm=x", "Bearer realm=\"x",
                           "=", "Bearer realm=", "\"\"", "Bearer realm=\"\\"}) {
    EXPECT_FALSE(ParseChallenge(text).ok()) << text;
  }
  EXPECT_FALSE(ParseChallenge("Bearer realm=" + std::string(10000, 'a')).ok());
}

TEST(ExtentTest, ASetKnowsWhatIsMissing) {
  ExtentSet set;
  set.Add({10, 20});
  set.Add({30, 40});
  EXPECT_EQ(set.total(), 20u);
  EXPECT_THAT(set.Missing(50), ElementsAre(Extent{0, 10}, Extent{20, 30}, Extent{40, 50}));
  set.Add({20, 30});
  EXPECT_THAT(set.Missing(50), ElementsAre(Extent{0, 10}, Extent{40, 50}));
  set.Add({5, 45});
  set.Add({7, 9});
  EXPECT_EQ(set.total(), 40u);
  EXPECT_EQ(set.EndFrom(0), 0u);
  EXPECT_EQ(set.EndFrom(5), 45u);
  set.Add({0, 5});
  set.Add({45, 50});
  set.Add({3, 3});
  EXPECT_THAT(set.Missing(50), IsEmpty());
  EXPECT_EQ(set.EndFrom(0), 50u);
  EXPECT_THAT(CutRanges({{0, 25}, {30, 40}}, 10),
              ElementsAre(Extent{0, 10}, Extent{10, 20}, Extent{20, 25}, Extent{30, 40}));
}

TEST(ExtentTest, ReadsContentRanges) {
  const auto range = ParseContentRange("bytes 5-9/100");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->extent, (Extent{5, 10}));
  EXPECT_EQ(range->size, 100u);
  EXPECT_FALSE(ParseContentRange("bytes 0-0/*")->size);
  for (const char* text : {"", "bytes", "bytes */100", "bytes 9-5/100", "bytes 5-100/100",
                           "bytes 5-9", "items 5-9/100", "bytes -5-9/100", "bytes 5-9/x",
                           "bytes 0-18446744073709551615/*", "bytes 5-/100"}) {
    EXPECT_FALSE(ParseContentRange(text)) << text;
  }
}

TEST(PieceSumTest, DependsOnEveryByteAndOnNoCut) {
  std::string data(1000, '\0');
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 7);
  const auto sum = [](std::string_view text, size_t step) {
    PieceSum piece;
    for (size_t i = 0; i < text.size(); i += step) {
      piece.Update(core::AsBytes(text.substr(i, step)));
    }
    return piece.Value();
  };
  const uint64_t whole = sum(data, data.size());
  for (const size_t step : {1, 3, 31, 32, 33, 999}) EXPECT_EQ(sum(data, step), whole);
  for (size_t i = 0; i < data.size(); ++i) {
    std::string other = data;
    other[i] ^= 1;
    EXPECT_NE(sum(other, 1000), whole);
  }
  EXPECT_NE(sum(data + '\0', 2000), whole);
  EXPECT_NE(sum(std::string(64, '\0'), 64), sum(std::string(96, '\0'), 96));
}

TEST(RetryTest, WaitsGrowAreJitteredAndEnd) {
  RetryOptions options;
  options.attempts = 12;
  Backoff a(options, 12, 1);
  Backoff b(options, 12, 2);
  bool differ = false;
  for (int i = 1; i < 12; ++i) {
    const auto first = a.Next(std::nullopt);
    const auto second = b.Next(std::nullopt);
    ASSERT_TRUE(first && second);
    differ |= *first != *second;
    EXPECT_LE(*first, options.longest_ns);
  }
  EXPECT_TRUE(differ);
  EXPECT_FALSE(a.Next(std::nullopt));
  a.Reset();
  EXPECT_EQ(*a.Next(int64_t{300} * 1'000'000'000), int64_t{300} * 1'000'000'000);
  EXPECT_FALSE(a.Next(int64_t{3600} * 1'000'000'000));
}

TEST(RetryTest, ReadsRetryAfter) {
  constexpr int64_t kSecond = 1'000'000'000;
  EXPECT_EQ(ParseRetryAfter("120", 0), 120 * kSecond);
  // Sunday, 06 Nov 1994 08:49:37 UTC is second 784111777.
  EXPECT_EQ(ParseRetryAfter("Sun, 06 Nov 1994 08:49:37 GMT", 784111770 * kSecond), 7 * kSecond);
  EXPECT_EQ(ParseRetryAfter("Sun, 06 Nov 1994 08:49:37 GMT", 784111999 * kSecond), 0);
  EXPECT_FALSE(ParseRetryAfter("soon", 0));
  EXPECT_FALSE(ParseRetryAfter("", 0));
}

TEST(Base64Test, GoesThereAndBack) {
  const std::pair<const char*, const char*> pairs[] = {
      {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : pairs) {
    EXPECT_EQ(EncodeBase64(plain), coded);
    EXPECT_EQ(DecodeBase64(coded), plain);
  }
  EXPECT_EQ(EncodeBase64Url("\xfb\xff"), "-_8");
  for (const char* text : {"Z", "Zg==Zg", "Z g", "Zm9v!"}) EXPECT_FALSE(DecodeBase64(text)) << text;
}

TEST(CredentialsTest, DockersConfigNamesLoginsByHost) {
  const std::string config = R"({"auths":{
      "https://a.example/v1/":{"auth":"bWU6c2VjcmV0"},
      "b.example:5000":{"identitytoken":"refresh-me"},
      "c.example":{"auth":"nonsense"}},
      "credsStore":"some-program","credHelpers":{"a.example":"other"}})";
  const auto a = FromDockerConfig(config, UrlOf("https://a.example/"));
  ASSERT_TRUE(a.ok() && a->login);
  EXPECT_EQ(a->login->user, "me");
  EXPECT_EQ(a->login->password, "secret");
  EXPECT_EQ(FromDockerConfig(config, UrlOf("https://b.example:5000/"))->refresh, "refresh-me");
  EXPECT_EQ(FromDockerConfig(config, UrlOf("https://b.example/"))->refresh, "");
  EXPECT_FALSE(FromDockerConfig(config, UrlOf("https://a.example:444/"))->login);
  EXPECT_FALSE(FromDockerConfig(config, UrlOf("https://sub.a.example/"))->login);
  EXPECT_FALSE(FromDockerConfig(config, UrlOf("https://c.example/")).ok());
  EXPECT_FALSE(FromDockerConfig("{", UrlOf("https://a.example/")).ok());
}

TEST(CredentialsTest, NetrcNamesLoginsByHost) {
  const std::string text =
      "# mine\nmachine a.example login me password secret\n"
      "machine b.example\n  login you\n  password other\ndefault login any password one\n";
  EXPECT_EQ(FromNetrc(text, "a.example")->password, "secret");
  EXPECT_EQ(FromNetrc(text, "B.example")->user, "you");
  EXPECT_EQ(FromNetrc(text, "c.example")->user, "any");
  EXPECT_FALSE(FromNetrc("machine a.example login x password y", "b.example"));
  EXPECT_FALSE(FromNetrc("", "a"));
  EXPECT_FALSE(FromNetrc("machine", "a"));
}

TEST(CredentialsTest, AreLookedForInOrder) {
  const testing::TempDir home;
  std::map<std::string, std::string> variables = {{"HOME", home.path().native()}};
  const Environment environment = [&](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
  const auto find = [&] {
    auto found = FindCredentials(core::Env::Posix(), environment, UrlOf("https://a.example/"));
    EXPECT_TRUE(found.ok()) << found.status().message();
    return *std::move(found);
  };
  EXPECT_FALSE(find().login);
  core::Env& env = core::Env::Posix();
  ASSERT_TRUE(
      core::WriteFileAtomic(env, home / ".netrc", "machine a.example login n password p").ok());
  EXPECT_EQ(find().login->user, "n");
  ASSERT_TRUE(env.CreateDirs(home / ".docker").ok());
  ASSERT_TRUE(core::WriteFileAtomic(env, home.path() / ".docker" / "config.json",
                                    R"({"auths":{"a.example":{"auth":"bWU6c2VjcmV0"}}})")
                  .ok());
  EXPECT_EQ(find().login->user, "me");
  variables["INGOT_REGISTRY_TOKEN"] = "abc";
  EXPECT_EQ(find().token, "abc");
  EXPECT_FALSE(find().login);
  variables["INGOT_REGISTRY_TOKEN"] = "abc\r\nX-Evil: 1";
  EXPECT_FALSE(FindCredentials(env, environment, UrlOf("https://a.example/")).ok());
}

TEST(SigningKeyTest, SignsWhatItsPublicHalfAccepts) {
  const auto key = SigningKey::Parse(OpenSshKeyFile());
  ASSERT_TRUE(key.ok()) << key.status().message();
  const std::string signed_text = *key->Sign("GET,https://a.example/token,ZTNi");
  const size_t colon = signed_text.find(':');
  EXPECT_EQ(signed_text.substr(0, colon), EncodeBase64(key->public_blob()));
  const std::string signature = *DecodeBase64(signed_text.substr(colon + 1));
  const auto accepts = [&](std::string_view text) {
    return SignatureIsRight(key->public_blob(), signature, text);
  };
  EXPECT_TRUE(accepts("GET,https://a.example/token,ZTNi"));
  EXPECT_FALSE(accepts("GET,https://b.example/token,ZTNi"));
}

TEST(SigningKeyTest, OtherFilesAreRefused) {
  EXPECT_FALSE(SigningKey::Parse("").ok());
  EXPECT_FALSE(SigningKey::Parse("-----BEGIN PRIVATE KEY-----\nAAAA\n").ok());
  const std::string whole = OpenSshKeyFile();
  for (size_t size = 0; size + 45 < whole.size(); size += 7) {
    const std::string cut = whole.substr(0, size) + "\n-----END OPENSSH PRIVATE KEY-----\n";
    EXPECT_FALSE(SigningKey::Parse(cut).ok()) << size;
  }
}

TEST(PlanTest, EachBlobOnceSmallThingsFirst) {
  const auto layer = [](std::string_view type, std::string_view content, uint64_t size) {
    return store::Layer{std::string(type), store::Digest::Of(content), size, "", ""};
  };
  store::Manifest manifest{
      .config = layer(store::kConfigMediaType, "c", 300),
      .layers = {layer(store::kTensorMediaType, "big", 1000),
                 layer(store::kTensorMediaType, "s", 1), layer(store::kJsonMediaType, "j", 5000),
                 layer(store::kTensorMediaType, "s", 1)}};
  const auto blobs = BlobsOf(manifest);
  ASSERT_TRUE(blobs.ok());
  std::vector<uint64_t> sizes;
  for (const store::Layer& blob : *blobs) sizes.push_back(blob.size);
  EXPECT_THAT(sizes, ElementsAre(300, 5000, 1, 1000));
  const PullPlan plan = PlanPull(*blobs, {store::Digest::Of("j")});
  EXPECT_EQ(plan.fetch.size(), 3u);
  EXPECT_EQ(plan.fetch_bytes, 1301u);
  EXPECT_EQ(plan.present_bytes, 5000u);
  manifest.layers.push_back(layer(store::kTensorMediaType, "s", 2));
  EXPECT_THAT(std::string(BlobsOf(manifest).status().message()), HasSubstr("and 2"));
}

}  // namespace
}  // namespace ingot::registry
