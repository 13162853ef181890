#include "server/net/http_server.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "core/log.h"
#include "core/strings.h"
#include "engine/busy.h"
#include "server/net/connection.h"
#include "server/net/tls.h"

namespace ingot::server {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using boost::system::error_code;
using core::Result;
using core::Status;
using core::StrCat;

constexpr std::chrono::milliseconds kAcceptPause{100};
// What those get whose request is not even read.
std::string TooMany(int seconds) {
  constexpr std::string_view kBody = R"({"error":"there are too many connections"})";
  return StrCat("HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n",
                "Content-Length: ", kBody.size(), "\r\nRetry-After: ", seconds,
                "\r\nConnection: close\r\n\r\n", kBody);
}

Result<tcp::endpoint> Resolve(asio::io_context& io, const std::string& host, uint16_t port) {
  error_code error;
  const auto address = asio::ip::make_address(host, error);
  if (!error) return tcp::endpoint(address, port);
  tcp::resolver resolver(io);
  const auto found = resolver.resolve(host, std::to_string(port), error);
  if (error || found.empty()) {
    return core::InvalidArgument(
        StrCat("the address ", core::Quoted(host, 200), " to listen on is not known"));
  }
  // "localhost" is both; where both are there, the older family is what clients try first.
  for (const auto& entry : found) {
    if (entry.endpoint().address().is_v4()) return entry.endpoint();
  }
  return found.begin()->endpoint();
}

}  // namespace

struct HttpServer::Impl {
  Impl(Dispatcher& dispatcher, WorkerPool& pool, const HttpLimits& limits)
      : shared(dispatcher, pool, limits),
        acceptor(shared.io),
        pause(shared.io),
        guard(asio::make_work_guard(shared.io)) {}

  Status Open(const Options& options) {
    if (options.tls) {
      INGOT_ASSIGN(shared.tls, LoadTls(*options.tls));
    }
    INGOT_ASSIGN(const tcp::endpoint endpoint, Resolve(shared.io, options.host, options.port));
    error_code error;
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (!error) port = acceptor.local_endpoint(error).port();
    if (!error) return Status::Ok();
    const std::string where = StrCat(options.host, " port ", options.port);
    if (error == asio::error::address_in_use) {
      return Status(core::Code::kBusy, StrCat(where, " is taken"));
    }
    return core::ErrnoStatus(error.value(), StrCat("listening on ", where));
  }

  void Accept() {
    acceptor.async_accept([this](error_code error, tcp::socket socket) {
      if (error == asio::error::operation_aborted || !acceptor.is_open()) return;
      if (error) {
        // Most likely no descriptors are left: some will be.
        core::LogWarning("a connection could not be accepted", {{"error", error.message()}});
        pause.expires_after(kAcceptPause);
        pause.async_wait([this](error_code stopped) {
          if (!stopped) Accept();
        });
        return;
      }
      Take(std::move(socket));
      Accept();
    });
  }

  void Take(tcp::socket socket) {
    if (shared.connections >= shared.limits.connections) {
      error_code ignored;
      socket.non_blocking(true, ignored);
      // Those before it come again, too.
      const std::string answer = TooMany(
          engine::SecondsUntilTurn(turned_away, shared.limits.connections, shared.usual_seconds));
      ++turned_away;
      socket.send(asio::buffer(answer), 0, ignored);
      return;
    }
    turned_away = 0;
    auto connection = MakeConnection(std::move(socket), shared);
    std::erase_if(open, [](const auto& weak) { return weak.expired(); });
    open.push_back(connection);
    connection->Start();
  }

  template <typename Call>
  void ForEach(Call call) {
    for (const auto& weak : open) {
      if (const auto connection = weak.lock()) call(*connection);
    }
  }

  NetShared shared;
  tcp::acceptor acceptor;
  asio::steady_timer pause;
  asio::executor_work_guard<asio::io_context::executor_type> guard;
  // The network thread's own.
  std::vector<std::weak_ptr<Connection>> open;
  size_t turned_away = 0;  // since somebody was let in
  uint16_t port = 0;
  std::thread thread;
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() { Stop(); }

Result<std::unique_ptr<HttpServer>> HttpServer::Start(const Options& options,
                                                      Dispatcher& dispatcher, WorkerPool& pool) {
  auto impl = std::make_unique<Impl>(dispatcher, pool, options.limits);
  INGOT_TRY(impl->Open(options));
  impl->Accept();
  impl->thread = std::thread([raw = impl.get()] {
    while (true) {
      try {
        raw->shared.io.run();
        return;
      } catch (const std::exception& error) {
        core::LogError("the network thread went on after an error", {{"error", error.what()}});
      }
    }
  });
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

uint16_t HttpServer::port() const { return impl_->port; }
size_t HttpServer::connections() const { return impl_->shared.connections; }

bool HttpServer::Drain(std::chrono::milliseconds time) {
  impl_->shared.draining = true;
  asio::post(impl_->shared.io, [impl = impl_.get()] {
    error_code ignored;
    impl->acceptor.close(ignored);
    impl->ForEach([](Connection& connection) { connection.CloseIfIdle(); });
  });
  const auto until = std::chrono::steady_clock::now() + time;
  while (impl_->shared.connections > 0) {
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

void HttpServer::Stop() {
  if (!impl_->thread.joinable()) return;
  impl_->shared.draining = true;
  asio::post(impl_->shared.io, [impl = impl_.get()] {
    error_code ignored;
    impl->acceptor.close(ignored);
    impl->pause.cancel();
    impl->ForEach([](Connection& connection) { connection.Abort(); });
    impl->guard.reset();
  });
  impl_->thread.join();
}

}  // namespace ingot::server
