#include "tests/registry/docker_registry.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <thread>

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "core/env.h"
#include "core/json.h"
#include "core/strings.h"
#include "registry/base64.h"
#include "registry/http.h"
#include "registry/text_sink.h"

namespace ingot::testing {
namespace {

namespace fs = std::filesystem;
using core::StrCat;
using registry::EncodeBase64Url;

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
  if (!core::WriteFileAtomic(core::Env::Posix(), path, content).ok()) {
    throw std::runtime_error("cannot write " + path.native());
  }
}

// "repository:me/m:pull,push" as a token grants it.
core::Json AccessOf(std::string_view target) {
  core::Json access = core::Json::array();
  for (size_t at = target.find("scope="); at != std::string_view::npos;
       at = target.find("scope=", at + 1)) {
    std::string scope;
    for (size_t i = at + 6; i < target.size() && target[i] != '&'; ++i) {
      if (target[i] != '%') {
        scope += target[i];
        continue;
      }
      scope += static_cast<char>(std::stoi(std::string(target.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    }
    const auto parts = core::Split(scope, ':');
    if (parts.size() != 3) continue;
    core::Json actions = core::Json::array();
    for (const std::string_view action : core::Split(parts[2], ',')) actions.push_back(action);
    access.push_back({{"type", parts[0]}, {"name", parts[1]}, {"actions", actions}});
  }
  return access;
}

bool Answers(uint16_t port) {
  const auto url = registry::Url::Parse(StrCat("http://127.0.0.1:", port, "/v2/"));
  registry::HttpClient http({});
  for (int i = 0; i < 400; ++i) {
    registry::TextSink sink(10000);
    if (http.Send({*url, {}, false}, sink).response.status == 401) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
  }
  return false;
}

}  // namespace

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

DockerRegistry::DockerRegistry(const fs::path& folder)
    : folder_(folder),
      certificate_(MakeCertificate()),
      port_(FreePort()),
      auth_([this](const ServerRequest& request, ServerConnection& connection) {
        Authorize(request, connection);
      }) {
  WriteFile(folder_ / "root.pem", certificate_.certificate);
  WriteFile(netrc(), "machine 127.0.0.1 login me password secret");
  WriteFile(folder_ / "config.yml",
            StrCat("version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\n"
                   "storage:\n  filesystem:\n    rootdirectory: ",
                   (folder_ / "blobs").native(), "\nhttp:\n  addr: 127.0.0.1:", port_,
                   "\nauth:\n  token:\n    realm: http://", auth_.Host(),
                   "/token\n    service: reg\n    issuer: ingot-test\n    rootcertbundle: ",
                   (folder_ / "root.pem").native(), "\n"));
  // What it logs of every blob that it does not have is of no use on a test's output.
  process_ = std::make_unique<ChildProcess>(
      std::vector<std::string>{"/bin/sh", "-c", R"(exec "$0" serve "$1" 2>"$2")",
                               INGOT_DOCKER_REGISTRY, folder_ / "config.yml", folder_ / "log"});
  if (!Answers(port_)) throw std::runtime_error("docker-registry does not answer");
}

DockerRegistry::~DockerRegistry() = default;

void DockerRegistry::Authorize(const ServerRequest& request, ServerConnection& connection) {
  if (request.Header("authorization") != "Basic bWU6c2VjcmV0") {
    connection.Answer(401, {}, "");
    return;
  }
  const int number = ++tokens_;
  const int64_t now = core::Clock::System().WallNs() / 1'000'000'000;
  const core::Json claims = {
      {"iss", "ingot-test"},   {"sub", "me"},
      {"aud", "reg"},          {"exp", now + 60},
      {"nbf", now - 10},       {"iat", now},
      {"jti", StrCat(number)}, {"access", grants ? AccessOf(request.target) : core::Json::array()}};
  connection.Answer(200, {}, core::Json({{"token", SignToken(certificate_, claims)}}).dump());
}

void DockerRegistry::Lay(const store::Store& source, const store::StoredModel& model) {
  const fs::path v2 = folder_ / "blobs" / "docker" / "registry" / "v2";
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

}  // namespace ingot::testing
