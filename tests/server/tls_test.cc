// HTTP over TLS, with a certificate made here: as clients speak it, and as they should not.
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "core/strings.h"
#include "server/net/http_server.h"
#include "tests/server/raw_socket.h"
#include "tests/testing/temp_dir.h"

namespace ingot::server {
namespace {

using core::StrCat;
using ::testing::HasSubstr;
using testing::RawSocket;
using ::testing::StartsWith;

template <auto kFree>
struct Free {
  template <typename T>
  void operator()(T* value) const {
    kFree(value);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using File = std::unique_ptr<std::FILE, Free<std::fclose>>;
using SslContext = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;
using Ssl = std::unique_ptr<SSL, Free<SSL_free>>;

// A key, and a certificate that it signs itself.
TlsOptions MakeTls(const testing::TempDir& dir) {
  TlsOptions options{(dir / "server.pem").string(), (dir / "server.key").string()};
  const Key key(EVP_EC_gen("P-256"));
  const Certificate certificate(X509_new());
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  EXPECT_GT(X509_sign(certificate.get(), key.get(), EVP_sha256()), 0);
  const File pem(std::fopen(options.certificate.c_str(), "w"));
  const File secret(std::fopen(options.key.c_str(), "w"));
  EXPECT_EQ(PEM_write_X509(pem.get(), certificate.get()), 1);
  EXPECT_EQ(chmod(options.key.c_str(), 0600), 0);
  EXPECT_EQ(PEM_write_PrivateKey(secret.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr),
            1);
  return options;
}

// Says back what it is sent, in pieces where the path is /stream.
class Echo final : public Dispatcher {
 public:
  Admission Admit(Request&, int64_t) override {
    Admission admission;
    admission.body_limit = 1 << 20;
    return admission;
  }
  void Handle(const Admission&, const ExchangePtr& exchange) override {
    const std::string& body = exchange->request().body;
    if (exchange->request().path != "/stream") return exchange->Send(TextReply(200, body));
    const auto stream = exchange->Stream("text/plain");
    for (size_t at = 0; at < body.size(); at += 1000) {
      if (!stream->Write(std::string_view(body).substr(at, 1000)) || !stream->Drain()) return;
    }
    stream->Close();
  }
  core::Result<std::unique_ptr<BodySink>> MakeSink(const Admission&, const Request&,
                                                   int64_t) override {
    return core::Internal("nothing here takes bodies in pieces");
  }
  void Finished(const Request&, const Caller&, int, uint64_t, double) override {}
};

class TlsTest : public ::testing::Test {
 protected:
  TlsTest() {
    HttpServer::Options options;
    options.tls = MakeTls(dir_);
    auto started = HttpServer::Start(options, echo_, pool_);
    EXPECT_TRUE(started.ok()) << started.status().message();
    if (started.ok()) server_ = *std::move(started);
  }
  void TearDown() override {
    if (server_ != nullptr) server_->Stop();
  }
  // All that comes back until the other side ends the connection.
  std::string Ask(std::string_view bytes) {
    RawSocket socket(server_->port());
    const Ssl ssl(SSL_new(context_.get()));
    SSL_set_fd(ssl.get(), socket.descriptor());
    if (SSL_connect(ssl.get()) != 1) return "no TLS";
    while (!bytes.empty()) {
      const int sent = SSL_write(ssl.get(), bytes.data(), static_cast<int>(bytes.size()));
      if (sent <= 0) return "cut";
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    std::string all;
    char piece[4096];
    for (int got = 0; (got = SSL_read(ssl.get(), piece, sizeof piece)) > 0;) {
      all.append(piece, static_cast<size_t>(got));
    }
    ERR_clear_error();
    return all;
  }
  static std::string Post(std::string_view path, std::string_view body) {
    return StrCat("POST ", path,
                  " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ", body.size(),
                  "\r\n\r\n", body);
  }

  const testing::TempDir dir_{testing::TempPlace::kMemory};
  Echo echo_;
  const SslContext context_{SSL_CTX_new(TLS_client_method())};
  std::unique_ptr<HttpServer> server_;
  WorkerPool pool_;  // ends before the server is gone
};

TEST_F(TlsTest, BodiesOfAnySizeComeBack) {
  for (const size_t size : {0, 1, 100, 16'384, 500'000}) {
    const std::string body(size, 'y');
    const std::string whole = Ask(Post("/", body));
    EXPECT_THAT(whole, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_EQ(whole.substr(whole.find("\r\n\r\n") + 4), body) << size;
    const std::string pieces = Ask(Post("/stream", body));
    EXPECT_THAT(pieces, ::testing::EndsWith("0\r\n\r\n"));
    const auto begin = pieces.begin() + static_cast<ptrdiff_t>(pieces.find("\r\n\r\n"));
    EXPECT_EQ(static_cast<size_t>(std::count(begin, pieces.end(), 'y')), size);
  }
}

TEST_F(TlsTest, SeveralRequestsFitIntoOneRecord) {
  const std::string first = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\none";
  const std::string all = Ask(first + Post("/", "two"));
  EXPECT_THAT(all, HasSubstr("\r\n\r\noneHTTP/1.1 200"));
  EXPECT_THAT(all, ::testing::EndsWith("two"));
}

TEST_F(TlsTest, WhatIsMalformedIsRefusedWithinTls) {
  EXPECT_THAT(Ask("nonsense\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Ask(StrCat("GET /", std::string(20'000, 'a'), " HTTP/1.1\r\nHost: x\r\n\r\n")),
              StartsWith("HTTP/1.1 414 "));
}

TEST_F(TlsTest, NoiseAndPlainHttpEndTheirConnectionAndNothingElse) {
  for (const std::string_view noise :
       {std::string_view("\x00", 1), std::string_view("\x16\x03\x01\xff\xff\xff\xff\xff\xff"),
        std::string_view("ssh-2.0-x\r\n"), std::string_view("\x16\x03\x01\x00\x00")}) {
    RawSocket socket(server_->port());
    socket.Send(noise);
    socket.EndSending();
    EXPECT_THAT(socket.ReadUntil(), ::testing::Not(HasSubstr("HTTP")));
    EXPECT_TRUE(socket.closed());
  }
  RawSocket plain(server_->port());
  plain.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(plain.ReadUntil(), StartsWith("HTTP/1.1 400 "));
  // One that says nothing, and one that goes in the midst of the handshake, and of an answer.
  { const RawSocket silent(server_->port()); }
  {
    RawSocket socket(server_->port());
    const Ssl ssl(SSL_new(context_.get()));
    SSL_set_fd(ssl.get(), socket.descriptor());
    ASSERT_EQ(SSL_connect(ssl.get()), 1);
    const std::string request = Post("/stream", std::string(500'000, 'z'));
    SSL_write(ssl.get(), request.data(), 1000);
  }
  EXPECT_THAT(Ask(Post("/", "still there")), ::testing::EndsWith("still there"));
}

}  // namespace
}  // namespace ingot::server
