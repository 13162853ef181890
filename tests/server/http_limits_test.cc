// What the HTTP server takes from clients and what it does not, over raw sockets.
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/strings.h"
#include "server/errors.h"
#include "server/net/http_server.h"
#include "tests/server/raw_socket.h"

namespace ingot::server {
namespace {

using core::StrCat;
using std::chrono::milliseconds;
using ::testing::HasSubstr;
using testing::RawSocket;
using ::testing::StartsWith;

constexpr uint64_t kBodyLimit = 1000;

class CountingSink final : public BodySink {
 public:
  core::Status Take(std::string_view bytes) override {
    bytes_ += bytes.size();
    return bytes.find('!') == std::string_view::npos ? core::Status::Ok()
                                                     : core::InvalidArgument("an exclamation");
  }
  void Finish(const ExchangePtr& exchange) override {
    exchange->Send(TextReply(201, StrCat(bytes_)));
  }

 private:
  size_t bytes_ = 0;
};

// Answers by the path: /echo, /stream, /flood, /hang, /forget, /sink.
class Paths final : public Dispatcher {
 public:
  Admission Admit(Request& head, int64_t) override {
    Admission admission;
    {
      const std::lock_guard<std::mutex> hold(lock);
      host = head.headers.Get("host");
    }
    if (head.path == "/no") admission.refusal = ErrorReply(ApiStyle::kOllama, 403, "no", head.id);
    if (head.path == "/now") admission.reply = TextReply(200, "at once");
    admission.body_limit = kBodyLimit;
    admission.streams_body = head.path == "/sink";
    return admission;
  }
  void Handle(const Admission&, const ExchangePtr& exchange) override {
    const std::string& path = exchange->request().path;
    if (path == "/echo") return exchange->Send(TextReply(200, exchange->request().body));
    if (path == "/stream") {
      const auto stream = exchange->Stream("text/plain");
      stream->Write("one ");
      stream->Write("two");
      return stream->Close();
    }
    if (path == "/cut") {
      exchange->Stream("text/plain")->Write("half");
      return;
    }
    if (path == "/flood") {
      const auto stream = exchange->Stream("text/plain");
      while (stream->Write(std::string(100'000, 'x'))) ++written;
      flood_ended = true;
      return;
    }
    if (path == "/hang") {
      exchange->OnGone([this] { Set(gone); });
      const std::lock_guard<std::mutex> hold(lock);
      held = exchange;
      Set(arrived);
    }
  }
  core::Result<std::unique_ptr<BodySink>> MakeSink(const Admission&, const Request&,
                                                   int64_t) override {
    return std::unique_ptr<BodySink>(std::make_unique<CountingSink>());
  }
  void Finished(const Request&, const Caller&, int status, uint64_t, double) override {
    last_status = status;
  }

  static void Set(std::atomic<bool>& flag) {
    flag = true;
    flag.notify_all();
  }

  std::mutex lock;
  std::string host;  // of the last request
  ExchangePtr held;
  std::atomic<bool> arrived{false};
  std::atomic<bool> gone{false};
  std::atomic<bool> flood_ended{false};
  std::atomic<int> written{0};
  std::atomic<int> last_status{0};
};

class HttpLimitsTest : public ::testing::Test {
 protected:
  void Start(HttpLimits limits = {}) {
    HttpServer::Options options;
    options.limits = limits;
    auto started = HttpServer::Start(options, paths_, pool_);
    ASSERT_TRUE(started.ok()) << started.status().message();
    server_ = *std::move(started);
  }
  // The whole answer to one request on a connection of its own.
  std::string Ask(std::string_view bytes) {
    RawSocket socket(server_->port());
    socket.Send(bytes);
    return socket.ReadUntil();
  }

  Paths paths_;
  std::unique_ptr<HttpServer> server_;
  WorkerPool pool_;  // ends before the server is gone

  void TearDown() override {
    if (server_ != nullptr) server_->Stop();
    const std::lock_guard<std::mutex> hold(paths_.lock);
    paths_.held.reset();
  }
};

std::string Get(std::string_view path, std::string_view more = "Connection: close\r\n") {
  return StrCat("GET ", path, " HTTP/1.1\r\nHost: x\r\n", more, "\r\n");
}

TEST_F(HttpLimitsTest, AnswersWholeAndInPieces) {
  Start();
  EXPECT_THAT(Ask(Get("/now")), StartsWith("HTTP/1.1 200 OK\r\nServer: Ingot/"));
  EXPECT_THAT(Ask("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"
                  "hello"),
              HasSubstr("\r\n\r\nhello"));
  EXPECT_THAT(Ask(Get("/stream")), HasSubstr("\r\n\r\n4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n"));
  // HTTP/1.0 knows no chunks.
  EXPECT_THAT(Ask("GET /stream HTTP/1.0\r\n\r\n"), HasSubstr("\r\n\r\none two"));
  // An answer that was let go of is not whole, and says so.
  EXPECT_THAT(Ask(Get("/cut")), ::testing::EndsWith("4\r\nhalf\r\n"));
  EXPECT_THAT(Ask(Get("/forget")), StartsWith("HTTP/1.1 500"));
}

TEST_F(HttpLimitsTest, HeadHasNoBody) {
  Start();
  RawSocket socket(server_->port());
  socket.Send("HEAD /echo HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(socket.ReadUntil("\r\n\r\n"), ::testing::EndsWith("Content-Length: 0\r\n\r\n"));
}

TEST_F(HttpLimitsTest, KeepsConnectionsAndTakesRequestsThatCameTooSoon) {
  Start();
  RawSocket socket(server_->port());
  socket.Send(Get("/now", "") + Get("/stream", "") + Get("/echo", "Connection: close\r\n"));
  const std::string all = socket.ReadUntil();
  EXPECT_THAT(all, HasSubstr("at once"));
  EXPECT_THAT(all, HasSubstr("two\r\n0\r\n\r\nHTTP/1.1 200"));
  EXPECT_TRUE(socket.closed());
}

TEST_F(HttpLimitsTest, RefusesWhatIsMalformed) {
  Start();
  struct Case {
    const char* bytes;
    int status;
  };
  const Case kCases[] = {
      {"nonsense\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},  // no Host
      {"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400},
      {"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET /%ff HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET /% HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET nowhere HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET ?now HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET ftp://x/now HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET http://me@x/now HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET http:///now HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 501},
      {"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 501},
      {"GET / HTTP/3.0\r\nHost: x\r\n\r\n", 400},
      {"GET / HTTP/0.9\r\nHost: x\r\n\r\n", 400},
      {"GET /\r\n\r\n", 400},
      {"GET  /now HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET /now HTTP/1.1\r\nHost : x\r\n\r\n", 400},
      {"GET /now HTTP/1.1\r\nHost: x\r\nX\r\n\r\n", 400},
      {"GET /now HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n", 400},
      {"GET /now HTTP/1.1\r\nHost: x\r\nX: a\x01z\r\n\r\n", 400},
      {"GET /now HTTP/1.1\nHost: x\n\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\na", 400},
      {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0x1\r\n\r\na", 400},
      {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1 1\r\n\r\na", 400},
      {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: \r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nabcd", 400},
      {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4, 4\r\n\r\nabcd", 400},
      {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
       400},
      {"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n",
       400},
      {"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
      {"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", 501},
      {"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n", 501},
      {"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
       "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       400},
      {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
       415},
      {"POST /echo HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\nContent-Length: 3\r\n\r\nabc", 400},
  };
  for (const Case& one : kCases) {
    EXPECT_THAT(Ask(one.bytes), StartsWith(StrCat("HTTP/1.1 ", one.status))) << one.bytes;
  }
  // And goes on serving.
  EXPECT_THAT(Ask(Get("/now")), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpLimitsTest, ChunksAreReadToTheLetter) {
  Start();
  const auto ask = [&](std::string_view chunks) {
    return Ask(StrCat("POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n",
                      "Transfer-Encoding: chunked\r\n\r\n", chunks));
  };
  EXPECT_THAT(ask("5\r\nhello\r\n0\r\n\r\n"), HasSubstr("\r\n\r\nhello"));
  EXPECT_THAT(ask("3\r\nhel\r\n2;more=\"x\"\r\nlo\r\n000\r\nTrailer: y\r\n\r\n"),
              HasSubstr("\r\n\r\nhello"));
  EXPECT_THAT(ask("A\r\n0123456789\r\n0\r\n\r\n"), HasSubstr("\r\n\r\n0123456789"));
  for (const char* wrong :
       {"zz\r\n", "-1\r\na\r\n", "+1\r\na\r\n0\r\n\r\n", "0x1\r\na\r\n0\r\n\r\n", "\r\nhello\r\n",
        "5 5\r\nhello\r\n0\r\n\r\n", "5\nhello\r\n", "5\r\nhello!\r\n0\r\n\r\n",
        "5\r\nhelloX0\r\n\r\n", "ffffffffffffffffff\r\na\r\n", "10000000000000000\r\na\r\n"}) {
    EXPECT_THAT(ask(wrong), StartsWith("HTTP/1.1 400")) << wrong;
  }
  // A chunk that is longer than any body may be is not waited for.
  EXPECT_THAT(ask(StrCat("7fffffffffffffff\r\n", std::string(400'000, 'a'))),
              StartsWith("HTTP/1.1 413"));
  // Nor is an extension, or a trailer, without an end.
  EXPECT_THAT(ask(StrCat("1;", std::string(400'000, 'e'))), StartsWith("HTTP/1.1 4"));
  EXPECT_THAT(ask(StrCat("1\r\na\r\n0\r\nX: ", std::string(400'000, 't'))),
              StartsWith("HTTP/1.1 4"));
  EXPECT_THAT(Ask(Get("/now")), StartsWith("HTTP/1.1 200"));
}

// Whatever two readers could take for different requests is one request here, or none.
TEST_F(HttpLimitsTest, NothingIsSmuggledInABody) {
  Start();
  const std::string inner = "GET /now HTTP/1.1\r\nHost: x\r\n\r\n";
  for (const std::string_view head :
       {"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "Transfer-Encoding: xchunked\r\nContent-Length: 4\r\n", "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding:\013chunked\r\n", "Content-Length: 4\r\nContent-Length: 0\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"}) {
    const std::string told =
        Ask(StrCat("POST /echo HTTP/1.1\r\nHost: x\r\n", head, "\r\n0\r\n\r\n", inner));
    EXPECT_THAT(told, ::testing::Not(HasSubstr("at once"))) << head;
    EXPECT_THAT(told, ::testing::Not(StartsWith("HTTP/1.1 200"))) << head;
  }
  // A line that goes on is part of the one before it, and no header.
  EXPECT_THAT(Ask(StrCat("POST /echo HTTP/1.1\r\nHost: x\r\nX: y\r\n Content-Length: 4\r\n\r\n",
                         inner.substr(0, 4), Get("/no"))),
              ::testing::Not(HasSubstr("403")));
  // The body of one is not the head of the next.
  RawSocket socket(server_->port());
  socket.Send(StrCat("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: ", inner.size(), "\r\n\r\n",
                     inner, Get("/no")));
  const std::string told = socket.ReadUntil();
  EXPECT_THAT(told, HasSubstr("\r\n\r\n" + inner + "HTTP/1.1 403"));
  EXPECT_THAT(told, ::testing::Not(HasSubstr("at once")));
}

TEST_F(HttpLimitsTest, AddressesAreReadInAllTheirForms) {
  Start();
  EXPECT_THAT(Ask(Get("http://x/now")), HasSubstr("at once"));
  EXPECT_THAT(Ask(Get("HTTP://x:80/now?a=b")), HasSubstr("at once"));
  EXPECT_THAT(Ask(Get("/n%6Fw")), HasSubstr("at once"));
  EXPECT_THAT(Ask(Get("/now?%zz")), HasSubstr("at once"));
  for (const char* path : {"/../now", "/a/../now", "/%2e%2e/now", "/now/.", "//now", "/now/"}) {
    // Nothing is made of dots: there is no such path.
    EXPECT_THAT(Ask(Get(path)), ::testing::Not(HasSubstr("at once"))) << path;
  }
  // The host in the address counts, not the header's.
  Ask("GET http://evil.example/echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::lock_guard<std::mutex> hold(paths_.lock);
  EXPECT_EQ(paths_.host, "evil.example");
}

TEST_F(HttpLimitsTest, OlderClientsGetOneAnswerAConnection) {
  Start();
  RawSocket socket(server_->port());
  socket.Send("GET /now HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /now HTTP/1.0\r\n\r\n");
  const std::string told = socket.ReadUntil();
  EXPECT_EQ(told.find("at once"), told.rfind("at once"));
  EXPECT_TRUE(socket.closed());
}

TEST_F(HttpLimitsTest, HeadsHaveALength) {
  Start();
  EXPECT_THAT(Ask(StrCat("GET / HTTP/1.1\r\nHost: x\r\nX: ", std::string(40'000, 'a'), "\r\n\r\n")),
              StartsWith("HTTP/1.1 431"));
  std::string many = "GET / HTTP/1.1\r\nHost: x\r\n";
  for (int i = 0; i < 20'000; ++i) many += "a: b\r\n";
  EXPECT_THAT(Ask(many + "\r\n"), StartsWith("HTTP/1.1 431"));
  EXPECT_THAT(Ask(Get("/" + std::string(9000, 'a'))), StartsWith("HTTP/1.1 414"));
}

TEST_F(HttpLimitsTest, BodiesHaveALength) {
  Start();
  EXPECT_THAT(
      Ask(StrCat("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: ", kBodyLimit + 1, "\r\n\r\n")),
      StartsWith("HTTP/1.1 413"));
  // One that does not say how long it is.
  std::string chunked = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 20; ++i) chunked += StrCat("64\r\n", std::string(100, 'a'), "\r\n");
  EXPECT_THAT(Ask(chunked + "0\r\n\r\n"), StartsWith("HTTP/1.1 413"));
  // The longest that may be.
  const std::string longest(kBodyLimit, 'b');
  EXPECT_THAT(Ask(StrCat("POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ",
                         kBodyLimit, "\r\n\r\n", longest)),
              HasSubstr(longest));
}

TEST_F(HttpLimitsTest, AsksForABodyThatWaitsToBeAskedFor) {
  Start();
  RawSocket socket(server_->port());
  socket.Send(
      "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_THAT(socket.ReadUntil("\r\n\r\n"), StartsWith("HTTP/1.1 100 Continue\r\n\r\n"));
  socket.Send("ok");
  EXPECT_THAT(socket.ReadUntil("\r\n\r\nok"), HasSubstr("HTTP/1.1 200"));
  // What is refused is not asked for.
  RawSocket refused(server_->port());
  refused.Send("POST /no HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_THAT(refused.ReadUntil("\r\n\r\n"), StartsWith("HTTP/1.1 403"));
}

TEST_F(HttpLimitsTest, LargeBodiesGoToASinkAsTheyCome) {
  Start();
  const std::string body(3'000'000, 's');
  EXPECT_THAT(Ask(StrCat("POST /sink HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ",
                         body.size(), "\r\n\r\n", body)),
              HasSubstr("\r\n\r\n3000000"));
  EXPECT_THAT(Ask("POST /sink HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nno!"),
              StartsWith("HTTP/1.1 400"));
}

TEST_F(HttpLimitsTest, AnEndedConnectionIsNoticedWhileItsRequestIsAnswered) {
  Start();
  RawSocket socket(server_->port());
  socket.Send(Get("/hang", ""));
  paths_.arrived.wait(false);
  EXPECT_FALSE(paths_.gone);
  socket.Close();
  paths_.gone.wait(false);
  const std::lock_guard<std::mutex> hold(paths_.lock);
  EXPECT_TRUE(paths_.held->gone());
}

TEST_F(HttpLimitsTest, AnEndedConnectionIsNoticedBehindAnotherRequest) {
  Start();
  RawSocket socket(server_->port());
  socket.Send(Get("/hang", ""));
  paths_.arrived.wait(false);
  socket.Send(Get("/now", ""));
  socket.Close();
  paths_.gone.wait(false);
  EXPECT_TRUE(paths_.gone);
}

TEST_F(HttpLimitsTest, WhoReadsTooSlowlyIsDropped) {
  HttpLimits limits;
  limits.unread_bytes = 1'000'000;
  Start(limits);
  RawSocket socket(server_->port());
  socket.Send(Get("/flood", ""));
  while (!paths_.flood_ended) std::this_thread::sleep_for(milliseconds(5));
  // What the kernel holds for both sides, and the limit; not an endless stream.
  EXPECT_LT(paths_.written, 1000);
}

TEST_F(HttpLimitsTest, WhoSaysNothingIsDropped) {
  HttpLimits limits;
  limits.head_time = milliseconds(50);
  limits.body_time = milliseconds(50);
  limits.idle_time = milliseconds(50);
  Start(limits);
  RawSocket silent(server_->port());
  EXPECT_EQ(silent.ReadUntil(), "");
  EXPECT_TRUE(silent.closed());
  RawSocket half(server_->port());
  half.Send("GET / HTTP/1.1\r\nHo");
  half.ReadUntil();
  EXPECT_TRUE(half.closed());
  RawSocket bodiless(server_->port());
  bodiless.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
  bodiless.ReadUntil();
  EXPECT_TRUE(bodiless.closed());
  RawSocket idle(server_->port());
  idle.Send(Get("/now", ""));
  EXPECT_THAT(idle.ReadUntil(), HasSubstr("at once"));
  EXPECT_TRUE(idle.closed());
}

TEST_F(HttpLimitsTest, ThereAreOnlySoManyConnections) {
  HttpLimits limits;
  limits.connections = 2;
  Start(limits);
  RawSocket one(server_->port());
  RawSocket two(server_->port());
  one.Send(Get("/now", ""));
  two.Send(Get("/now", ""));
  one.ReadUntil("at once");
  two.ReadUntil("at once");
  RawSocket three(server_->port());
  const std::string refused = three.ReadUntil();
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(refused, HasSubstr("\r\nRetry-After: 1\r\n"));
}

// Connections that last for long are long in making room, and those who were turned away all come
// again.
TEST_F(HttpLimitsTest, WhoFindsNoRoomHearsWhenThereShouldBeSome) {
  HttpLimits limits;
  limits.connections = 1;
  Start(limits);
  {
    RawSocket slow(server_->port());
    slow.Send(Get("/now", ""));
    slow.ReadUntil("at once");
    std::this_thread::sleep_for(milliseconds(300));
  }
  while (server_->connections() > 0) std::this_thread::sleep_for(milliseconds(1));
  RawSocket one(server_->port());
  one.Send(Get("/now", ""));
  one.ReadUntil("at once");
  std::string last;
  for (int i = 0; i < 5; ++i) last = RawSocket(server_->port()).ReadUntil();
  EXPECT_THAT(last, StartsWith("HTTP/1.1 503"));
  const size_t at = last.find("Retry-After: ") + 13;
  EXPECT_GE(std::stoi(last.substr(at)), 2) << last;  // a fifth turn of 0.3 s each
}

TEST_F(HttpLimitsTest, DrainingAnswersWhatIsUnderWay) {
  Start();
  RawSocket idle(server_->port());
  idle.Send(Get("/now", ""));
  idle.ReadUntil("at once");
  RawSocket socket(server_->port());
  socket.Send(Get("/hang", ""));
  paths_.arrived.wait(false);
  EXPECT_FALSE(server_->Drain(milliseconds(50)));
  idle.ReadUntil();
  EXPECT_TRUE(idle.closed());
  ExchangePtr held;
  {
    const std::lock_guard<std::mutex> hold(paths_.lock);
    held = std::move(paths_.held);
  }
  held->Send(TextReply(200, "done"));
  held.reset();
  EXPECT_THAT(socket.ReadUntil(), HasSubstr("done"));
  EXPECT_TRUE(server_->Drain(milliseconds(10'000)));
}

TEST_F(HttpLimitsTest, ATakenPortIsAnError) {
  Start();
  HttpServer::Options options;
  options.port = server_->port();
  const auto second = HttpServer::Start(options, paths_, pool_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), core::Code::kBusy);
}

}  // namespace
}  // namespace ingot::server
