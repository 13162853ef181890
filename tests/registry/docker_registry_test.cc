// Pulling from a real registry: Debian's docker-registry on loopback, which wants tokens that an
// authorization server of the test signs.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "core/json.h"
#include "core/sha256.h"
#include "core/strings.h"
#include "registry/base64.h"
#include "registry/text_sink.h"
#include "tests/registry/registry_fixture.h"
#include "tests/testing/child_process.h"

namespace ingot::registry {
namespace {

namespace fs = std::filesystem;
using core::StrCat;
using testing::ServerConnection;
using testing::ServerRequest;
using testing::TestServer;

uint16_t FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  bind(fd, reinterpret_cast<sockaddr*>(&address), size);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  close(fd);
  return ntohs(address.sin_port);
}

// A JSON web token (ES256) whose certificate comes with it.
std::string SignToken(const TestServer::Certificate& certificate, const core::Json& claims) {
  std::string der;
  for (const std::string_view line : core::Split(certificate.certificate, '\n')) {
    if (!line.starts_with("-")) der += line;
  }
  const core::Json header = {{"typ", "JWT"}, {"alg", "ES256"}, {"x5c", core::Json::array({der})}};
  const std::string body = EncodeBase64Url(header.dump()) + "." + EncodeBase64Url(claims.dump());
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(
      BIO_new_mem_buf(certificate.key.data(), static_cast<int>(certificate.key.size())), &BIO_free);
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                   &EVP_MD_CTX_free);
  unsigned char signature[128];
  size_t size = sizeof signature;
  EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get());
  EVP_DigestSign(context.get(), signature, &size,
                 reinterpret_cast<const unsigned char*>(body.data()), body.size());
  // The two numbers one after the other, 32 bytes each.
  const unsigned char* at = signature;
  const std::unique_ptr<ECDSA_SIG, void (*)(ECDSA_SIG*)> pair(
      d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)), &ECDSA_SIG_free);
  unsigned char raw[64];
  BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), raw, 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), raw + 32, 32);
  return body + "." + EncodeBase64Url({reinterpret_cast<const char*>(raw), sizeof raw});
}

void WriteFile(const fs::path& path, std::string_view content) {
  fs::create_directories(path.parent_path());
  ASSERT_TRUE(core::WriteFileAtomic(core::Env::Posix(), path, content).ok());
}

// Lays a model down as the registry's file system driver keeps it.
void Lay(const fs::path& root, const store::Store& source, const store::StoredModel& model) {
  const fs::path v2 = root / "docker" / "registry" / "v2";
  const fs::path repository = v2 / "repositories" / "me" / "m";
  const auto blob = [&](const store::Digest& digest, std::string_view content) {
    WriteFile(v2 / "blobs" / "sha256" / digest.Hex().substr(0, 2) / digest.Hex() / "data", content);
  };
  model.manifest().ForEachBlob([&](const store::Layer& layer) {
    blob(layer.digest, *source.ReadBlob(layer, UINT64_MAX));
    WriteFile(repository / "_layers" / "sha256" / layer.digest.Hex() / "link",
              layer.digest.ToString());
  });
  blob(model.raw.id, model.raw.bytes);
  const std::string id = model.raw.id.Hex();
  for (const fs::path& place :
       {fs::path("revisions") / "sha256" / id, fs::path("tags") / "latest" / "current",
        fs::path("tags") / "latest" / "index" / "sha256" / id}) {
    WriteFile(repository / "_manifests" / place / "link", model.raw.id.ToString());
  }
}

TEST_F(PullTest, FromARealRegistryWithTokens) {
  Offer({3 * (size_t{1} << 20), 70000, 900});
  Lay(dir_ / "registry", source_, *offered_);
  const TestServer::Certificate certificate = testing::MakeCertificate();
  WriteFile(dir_ / "root.pem", certificate.certificate);
  std::atomic<int> tokens = 0;
  std::atomic<bool> grants = true;
  TestServer auth([&](const ServerRequest& request, ServerConnection& connection) {
    EXPECT_THAT(request.target, ::testing::HasSubstr("scope=repository%3Ame%2Fm%3Apull"));
    if (request.Header("authorization") != "Basic bWU6c2VjcmV0") {
      connection.Answer(401, {}, "");
      return;
    }
    ++tokens;
    const int64_t now = core::Clock::System().WallNs() / 1'000'000'000;
    core::Json access = core::Json::array();
    if (grants) access.push_back({{"type", "repository"}, {"name", "me/m"}, {"actions", {"pull"}}});
    const core::Json claims = {{"iss", "ingot-test"}, {"sub", "me"},     {"aud", "reg"},
                               {"exp", now + 60},     {"nbf", now - 10}, {"iat", now},
                               {"jti", StrCat(now)},  {"access", access}};
    connection.Answer(200, {}, core::Json({{"token", SignToken(certificate, claims)}}).dump());
  });
  const uint16_t port = FreePort();
  WriteFile(dir_ / "config.yml",
            StrCat("version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\n"
                   "storage:\n  filesystem:\n    rootdirectory: ",
                   (dir_ / "registry").native(), "\nhttp:\n  addr: 127.0.0.1:", port,
                   "\nauth:\n  token:\n    realm: http://", auth.Host(),
                   "/token\n    service: reg\n    issuer: ingot-test\n    rootcertbundle: ",
                   (dir_ / "root.pem").native(), "\n"));
  testing::ChildProcess registry({INGOT_DOCKER_REGISTRY, "serve", dir_ / "config.yml"});
  const auto url = Url::Parse(StrCat("http://127.0.0.1:", port, "/v2/"));
  HttpClient http({});
  bool up = false;
  for (int i = 0; i < 200 && !up; ++i) {
    TextSink sink(10000);
    up = http.Get({*url, {}, false}, sink).response.status == 401;
    if (!up) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  ASSERT_TRUE(up) << "docker-registry does not answer";

  const std::string name = StrCat("127.0.0.1:", port, "/me/m");
  const auto stranger = PullIt(name);
  EXPECT_EQ(stranger.status().code(), core::Code::kPermission);
  environment_["NETRC"] = dir_ / "netrc";
  WriteFile(dir_ / "netrc", "machine 127.0.0.1 login me password secret");
  grants = false;
  EXPECT_EQ(PullIt(name).status().code(), core::Code::kPermission);
  grants = true;
  options_.range_bytes = size_t{1} << 20;
  const auto report = PullIt(name);
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(report->model.raw.id, offered_->raw.id);
  EXPECT_EQ(report->model.raw.bytes, offered_->raw.bytes);
  EXPECT_EQ(report->bytes_fetched, registry_.total_size());
  EXPECT_EQ(Damage(), "");
  EXPECT_EQ(tokens.load(), 2);
  EXPECT_EQ(PullIt(StrCat("127.0.0.1:", port, "/me/m:other")).status().code(),
            core::Code::kNotFound);
  registry.Kill();
  registry.Wait();
}

}  // namespace
}  // namespace ingot::registry
