#include "tests/registry/test_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "core/strings.h"

namespace ingot::testing {
namespace {

class PlainConnection : public ServerConnection {
 public:
  PlainConnection(int fd, const std::atomic<bool>& stopping) : fd_(fd), stopping_(stopping) {}

  bool Write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
  long Read(char* out, size_t size) override { return recv(fd_, out, size, 0); }
  void Hang() override {
    while (!stopping_.load()) {
      pollfd waits = {fd_, POLLIN | POLLRDHUP, 0};
      if (poll(&waits, 1, 50) > 0) return;
    }
  }

 private:
  const int fd_;
  const std::atomic<bool>& stopping_;
};

class TlsConnection : public PlainConnection {
 public:
  TlsConnection(int fd, const std::atomic<bool>& stopping, SSL_CTX* context)
      : PlainConnection(fd, stopping), ssl_(SSL_new(context), &SSL_free) {
    SSL_set_fd(ssl_.get(), fd);
    good_ = SSL_accept(ssl_.get()) == 1;
  }
  bool Write(std::string_view bytes) override {
    return bytes.empty() ||
           (good_ && SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) > 0);
  }
  long Read(char* out, size_t size) override {
    return good_ ? SSL_read(ssl_.get(), out, static_cast<int>(size)) : -1;
  }

 private:
  std::unique_ptr<SSL, void (*)(SSL*)> ssl_;
  bool good_ = false;
};

std::string_view Reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 206:
      return "Partial Content";
    case 307:
      return "Temporary Redirect";
    default:
      return "Status";
  }
}

ServerRequest ParseRequest(std::string_view text) {
  ServerRequest request;
  const std::vector<std::string_view> lines = core::Split(text, '\n');
  const std::vector<std::string_view> words = core::Split(core::Trim(lines[0]), ' ');
  if (words.size() == 3) {
    request.method = words[0];
    request.target = words[1];
  }
  for (size_t i = 1; i < lines.size(); ++i) {
    const size_t colon = lines[i].find(':');
    if (colon == std::string_view::npos) continue;
    request.headers[core::ToLower(lines[i].substr(0, colon))] =
        core::Trim(lines[i].substr(colon + 1));
  }
  return request;
}

std::string Pem(const std::function<void(BIO*)>& write) {
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new(BIO_s_mem()), &BIO_free);
  write(bio.get());
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<size_t>(size)};
}

std::shared_ptr<void> TlsContext(const TestServer::Certificate& certificate) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
  const auto read = [](const std::string& text) {
    return std::unique_ptr<BIO, int (*)(BIO*)>(
        BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free);
  };
  const auto certificate_bio = read(certificate.certificate);
  const auto key_bio = read(certificate.key);
  const std::unique_ptr<X509, void (*)(X509*)> x509(
      PEM_read_bio_X509(certificate_bio.get(), nullptr, nullptr, nullptr), &X509_free);
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(
      PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
  if (SSL_CTX_use_certificate(context.get(), x509.get()) != 1 ||
      SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1) {
    throw std::runtime_error("the test's certificate is not accepted");
  }
  return context;
}

}  // namespace

void ServerConnection::ExpectBody(const ServerRequest& request, std::string* buffer) {
  unread_ = core::ParseUint(request.Header("content-length")).value_or(0);
  waits_for_100_ = request.Header("expect") == "100-continue";
  buffer_ = buffer;
}

std::string ServerConnection::ReadBody(uint64_t most) {
  std::string body;
  most = std::min(most, unread_);
  if (most > 0 && waits_for_100_) Write("HTTP/1.1 100 Continue\r\n\r\n");
  waits_for_100_ = false;
  while (body.size() < most) {
    if (buffer_->empty()) {
      buffer_->resize(65536);
      const long got = Read(buffer_->data(), buffer_->size());
      buffer_->resize(got > 0 ? static_cast<size_t>(got) : 0);
      if (got <= 0) break;
    }
    const size_t take = std::min<uint64_t>(buffer_->size(), most - body.size());
    body.append(*buffer_, 0, take);
    buffer_->erase(0, take);
  }
  unread_ -= body.size();
  return body;
}

bool ServerConnection::Begin(int status, const Headers& headers, uint64_t content_length) {
  std::string head = core::StrCat("HTTP/1.1 ", status, " ", Reason(status),
                                  "\r\nContent-Length: ", content_length, "\r\n");
  for (const auto& [name, value] : headers) head += core::StrCat(name, ": ", value, "\r\n");
  return Write(head + "\r\n");
}

bool ServerConnection::Answer(int status, const Headers& headers, std::string_view body) {
  return Begin(status, headers, body.size()) && Write(body);
}

TestServer::TestServer(Handler handler, const Certificate* certificate)
    : handler_(std::move(handler)) {
  if (certificate != nullptr) tls_ = TlsContext(*certificate);
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(listener_, 64) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("the test server cannot listen");
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

TestServer::~TestServer() {
  stopping_.store(true);
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  close(listener_);
  {
    const std::lock_guard<std::mutex> hold(lock_);
    for (const int fd : open_) shutdown(fd, SHUT_RDWR);
  }
  for (std::thread& thread : threads_) thread.join();
}

void TestServer::Accept() {
  while (!stopping_.load()) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    const int yes = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    ++connections_;
    const std::lock_guard<std::mutex> hold(lock_);
    open_.push_back(fd);
    threads_.emplace_back([this, fd] { Serve(fd); });
  }
}

void TestServer::Serve(int fd) {
  {
    std::unique_ptr<PlainConnection> connection;
    if (tls_ == nullptr) {
      connection = std::make_unique<PlainConnection>(fd, stopping_);
    } else {
      connection =
          std::make_unique<TlsConnection>(fd, stopping_, static_cast<SSL_CTX*>(tls_.get()));
    }
    std::string buffer;
    while (!stopping_.load() && !connection->dropped()) {
      const size_t end = buffer.find("\r\n\r\n");
      if (end == std::string::npos) {
        char bytes[4096];
        const long got = connection->Read(bytes, sizeof bytes);
        if (got <= 0) break;
        buffer.append(bytes, static_cast<size_t>(got));
        continue;
      }
      const ServerRequest request = ParseRequest(std::string_view(buffer).substr(0, end));
      buffer.erase(0, end + 4);
      connection->ExpectBody(request, &buffer);
      handler_(request, *connection);
      if (!connection->BodyIsRead()) connection->Drop();
    }
  }
  const std::lock_guard<std::mutex> hold(lock_);
  open_.erase(std::find(open_.begin(), open_.end(), fd));
  close(fd);
}

TestServer::Certificate MakeCertificate() {
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
  const std::unique_ptr<X509, void (*)(X509*)> x509(X509_new(), &X509_free);
  X509_set_version(x509.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x509.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(x509.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(x509.get()), 3600);
  X509_set_pubkey(x509.get(), key.get());
  X509_NAME* name = X509_get_subject_name(x509.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("ingot test"), -1, -1, 0);
  X509_set_issuer_name(x509.get(), name);
  for (const auto& [nid, value] : {std::pair(NID_subject_alt_name, "IP:127.0.0.1"),
                                   std::pair(NID_basic_constraints, "critical,CA:TRUE")}) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
    X509_add_ext(x509.get(), extension, -1);
    X509_EXTENSION_free(extension);
  }
  X509_sign(x509.get(), key.get(), EVP_sha256());
  return {Pem([&](BIO* bio) { PEM_write_bio_X509(bio, x509.get()); }), Pem([&](BIO* bio) {
            PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
          })};
}

}  // namespace ingot::testing
