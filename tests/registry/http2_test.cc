// HTTP/2 where a server offers it: nghttpx speaks it over TLS in front of a registry of the test's.
#include <chrono>
#include <thread>

#include "core/strings.h"
#include "registry/push.h"
#include "registry/text_sink.h"
#include "tests/registry/docker_registry.h"
#include "tests/registry/push_fixture.h"

namespace ingot::registry {
namespace {

using core::StrCat;
using testing::ServerConnection;
using testing::ServerRequest;

class Http2Proxy {
 public:
  Http2Proxy(const testing::TempDir& dir, uint16_t port, const std::string& backend)
      : host_(StrCat("127.0.0.1:", port)), ca_(dir / "h2.pem") {
    const testing::TestServer::Certificate certificate = testing::MakeCertificate();
    core::Env& env = core::Env::Posix();
    EXPECT_TRUE(core::WriteFileAtomic(env, ca_, certificate.certificate).ok());
    EXPECT_TRUE(core::WriteFileAtomic(env, dir / "h2.key", certificate.key).ok());
    const size_t colon = backend.find(':');
    process_ = std::make_unique<testing::ChildProcess>(std::vector<std::string>{
        "/bin/sh", "-c", R"(exec /usr/sbin/nghttpx "$@" 2>/dev/null)", "sh", "--conf=/dev/null",
        "--workers=1", StrCat("--frontend=127.0.0.1,", port),
        StrCat("--backend=", backend.substr(0, colon), ",", backend.substr(colon + 1)),
        (dir / "h2.key").native(), ca_.native()});
    const auto url = Url::Parse(StrCat("https://", host_, "/up"));
    HttpOptions options;
    options.ca_file = ca_;
    HttpClient http(options);
    for (int i = 0; i < 400 && !up_; ++i) {
      TextSink sink(10000);
      up_ = http.Send({*url, {}, false}, sink).response.status != 0;
      if (!up_) std::this_thread::sleep_for(std::chrono::milliseconds(25));
    }
  }
  bool up() const { return up_; }
  const std::string& host() const { return host_; }
  const core::Path& ca() const { return ca_; }

 private:
  const std::string host_;
  const core::Path ca_;
  bool up_ = false;
  std::unique_ptr<testing::ChildProcess> process_;
};

TEST_F(PullTest, SpeaksHttp2WhereItIsOffered) {
  Offer({3 * (size_t{1} << 20), 90000, 500});
  std::atomic<int> second = 0, other = 0;
  registry_.before = [&](const ServerRequest& request, ServerConnection& connection) {
    if (request.target == "/up") {
      connection.Answer(200, {}, "");
      return true;
    }
    // What the proxy says of how a request came to it.
    ++(request.Header("via").starts_with("2") ? second : other);
    return false;
  };
  const Http2Proxy proxy(dir_, testing::FreePort(), registry_.Host());
  ASSERT_TRUE(proxy.up()) << "is nghttpx installed?";
  options_.insecure = false;
  options_.http.ca_file = proxy.ca();
  options_.range_bytes = size_t{1} << 20;
  const auto report = PullIt(proxy.host() + "/me/m");
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(report->model.raw.bytes, offered_->raw.bytes);
  EXPECT_EQ(Damage(), "");
  EXPECT_GE(second.load(), 8);
  EXPECT_EQ(other.load(), 0);
}

TEST_F(PushTest, SpeaksHttp2WhereItIsOffered) {
  std::atomic<int> second = 0, other = 0;
  registry_.before = [&](const ServerRequest& request, ServerConnection& connection) {
    if (request.target == "/up") {
      connection.Answer(200, {}, "");
      return true;
    }
    ++(request.Header("via").starts_with("2") ? second : other);
    return false;
  };
  const Http2Proxy proxy(dir_, testing::FreePort(), registry_.Host());
  ASSERT_TRUE(proxy.up()) << "is nghttpx installed?";
  model_ = PutModel(store_, proxy.host() + "/me/m", {2 * (size_t{1} << 20), 90000, 500}, 3);
  options_.insecure = false;
  options_.http.ca_file = proxy.ca();
  options_.part_bytes = size_t{1} << 20;
  MustPush();
  EXPECT_GE(second.load(), 10);
  EXPECT_EQ(other.load(), 0);
}

}  // namespace
}  // namespace ingot::registry
