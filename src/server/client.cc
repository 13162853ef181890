#include "server/client.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>
#include <optional>
#include <utility>

#include "core/fd.h"
#include "core/interrupt.h"
#include "core/strings.h"
#include "server/version.h"

namespace ingot::server {
namespace {

using core::Result;
using core::Status;
using core::StrCat;
using std::chrono::milliseconds;

constexpr size_t kMaxHead = size_t{64} << 10;
constexpr milliseconds kLook{100};  // how often Ctrl-C is looked for

// Until the descriptor is ready. Ctrl-C ends the wait.
Status Await(int fd, short events, milliseconds time, const std::string& what) {
  const auto until = std::chrono::steady_clock::now() + time;
  while (true) {
    INGOT_TRY(core::CheckInterrupted());
    pollfd asked = {fd, events, 0};
    const int ready = poll(&asked, 1, static_cast<int>(kLook.count()));
    if (ready > 0) return Status::Ok();
    if (ready < 0 && errno != EINTR) return core::ErrnoStatus(errno, what);
    if (std::chrono::steady_clock::now() >= until) {
      return core::IoError(StrCat(what, ": no answer in time"));
    }
  }
}

Result<core::Fd> Connect(const Address& address, milliseconds time) {
  const std::string what = address.Text();
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* raw = nullptr;
  if (getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &raw) != 0) {
    return core::NotFound(StrCat(what, ": the host is not known"));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> list(raw, &freeaddrinfo);
  int error = ECONNREFUSED;
  for (const addrinfo* one = list.get(); one != nullptr; one = one->ai_next) {
    core::Fd fd(socket(one->ai_family, one->ai_socktype, one->ai_protocol));
    if (!fd.valid()) continue;
    fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
    fcntl(fd.get(), F_SETFL, fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
    if (connect(fd.get(), one->ai_addr, one->ai_addrlen) == 0) return fd;
    error = errno;
    if (error != EINPROGRESS) continue;
    INGOT_TRY(Await(fd.get(), POLLOUT, time, what));
    socklen_t size = sizeof error;
    getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error == 0) return fd;
  }
  if (error == ECONNREFUSED) return core::NotFound(StrCat("nobody listens on ", what));
  return core::ErrnoStatus(error, what);
}

// The bytes of an answer, taken out of a connection as they are wanted.
class Input {
 public:
  Input(int fd, milliseconds silence, std::string what)
      : fd_(fd), silence_(silence), what_(std::move(what)) {}

  // More bytes behind those that are there; false at the end.
  Result<bool> More() {
    while (true) {
      INGOT_TRY(Await(fd_, POLLIN, silence_, what_));
      char piece[16384];
      const ssize_t got = recv(fd_, piece, sizeof piece, 0);
      if (got > 0) {
        bytes_.append(piece, static_cast<size_t>(got));
        return true;
      }
      if (got == 0) return false;
      if (errno != EAGAIN && errno != EINTR) return core::ErrnoStatus(errno, what_);
    }
  }
  // Up to and without the next line end.
  Result<std::string> Line() {
    while (true) {
      const size_t end = bytes_.find("\r\n");
      if (end != std::string::npos) {
        std::string line = bytes_.substr(0, end);
        bytes_.erase(0, end + 2);
        return line;
      }
      if (bytes_.size() > kMaxHead) return core::Corrupt(StrCat(what_, ": a line without end"));
      INGOT_ASSIGN(const bool more, More());
      if (!more) return Ended();
    }
  }
  // At most so many bytes, and at least one; empty at the end.
  Result<std::string> Some(size_t most) {
    if (bytes_.empty()) {
      INGOT_ASSIGN(const bool more, More());
      if (!more) return std::string();
    }
    std::string some = bytes_.substr(0, most);
    bytes_.erase(0, some.size());
    return some;
  }
  Status Ended() const { return core::IoError(StrCat(what_, ": the answer broke off")); }

 private:
  const int fd_;
  const milliseconds silence_;
  const std::string what_;
  std::string bytes_;
};

// Where the body of an answer goes.
class Keeper {
 public:
  Keeper(ClientReply& reply, const Client::Taker& taker, size_t most)
      : reply_(reply), taker_(taker), most_(most) {}
  Status Take(std::string_view bytes) {
    if (taker_ && reply_.status == 200) {
      return taker_(bytes) ? Status::Ok() : core::Cancelled("stopped");
    }
    if (bytes.size() > most_ - std::min(most_, reply_.body.size())) {
      return core::Exhausted(StrCat("the answer is longer than ", most_, " bytes"));
    }
    reply_.body.append(bytes);
    return Status::Ok();
  }

 private:
  ClientReply& reply_;
  const Client::Taker& taker_;
  const size_t most_;
};

Status ReadHead(Input& input, ClientReply& reply) {
  INGOT_ASSIGN(const std::string first, input.Line());
  const std::optional<uint64_t> status = first.size() >= 12 && first.starts_with("HTTP/1.")
                                             ? core::ParseUint(std::string_view(first).substr(9, 3))
                                             : std::nullopt;
  if (!status) return core::Corrupt("this is no HTTP server");
  reply.status = static_cast<int>(*status);
  for (int count = 0; count < 200; ++count) {
    INGOT_ASSIGN(const std::string line, input.Line());
    if (line.empty()) return Status::Ok();
    const size_t colon = line.find(':');
    if (colon == std::string::npos) return core::Corrupt("a header without a colon");
    reply.headers.Add(line.substr(0, colon),
                      std::string(core::Trim(std::string_view(line).substr(colon + 1))));
  }
  return core::Corrupt("too many headers");
}

Status ReadChunks(Input& input, Keeper& keeper) {
  while (true) {
    INGOT_ASSIGN(const std::string line, input.Line());
    uint64_t left = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), left, 16);
    if (error != std::errc() || end == line.data()) return core::Corrupt("a chunk without a size");
    if (left == 0) return Status::Ok();
    while (left > 0) {
      INGOT_ASSIGN(const std::string bytes, input.Some(left));
      if (bytes.empty()) return input.Ended();
      left -= bytes.size();
      INGOT_TRY(keeper.Take(bytes));
    }
    INGOT_ASSIGN(const std::string behind, input.Line());
  }
}

Status ReadLength(Input& input, Keeper& keeper, std::optional<uint64_t> length) {
  while (!length || *length > 0) {
    INGOT_ASSIGN(const std::string bytes, input.Some(length.value_or(1U << 20)));
    if (bytes.empty()) return length ? input.Ended() : Status::Ok();
    if (length) *length -= bytes.size();
    INGOT_TRY(keeper.Take(bytes));
  }
  return Status::Ok();
}

Status SendAll(int fd, std::string_view bytes, milliseconds time, const std::string& what) {
  while (!bytes.empty()) {
    INGOT_TRY(Await(fd, POLLOUT, time, what));
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return core::ErrnoStatus(errno, what);
    if (sent > 0) bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return Status::Ok();
}

}  // namespace

Result<ClientReply> Client::Call(Method method, std::string_view target, std::string_view body,
                                 const Taker& taker) {
  const std::string what = address_.Text();
  if (address_.tls) {
    return core::Unsupported(StrCat(what, ": this client speaks plain HTTP only"));
  }
  INGOT_ASSIGN(const core::Fd fd, Connect(address_, options_.connect_time));
  std::string request = StrCat(MethodName(method), " ", target, " HTTP/1.1\r\nHost: ", what,
                               "\r\nConnection: close\r\nUser-Agent: ingot/", OwnVersion(), "\r\n");
  if (!options_.key.empty()) request += StrCat("Authorization: Bearer ", options_.key, "\r\n");
  if (!body.empty()) {
    request += StrCat("Content-Type: application/json\r\nContent-Length: ", body.size(), "\r\n");
  }
  INGOT_TRY(SendAll(fd.get(), StrCat(request, "\r\n", body), options_.silence, what));

  ClientReply reply;
  Input input(fd.get(), options_.silence, what);
  INGOT_TRY(ReadHead(input, reply).Context(what));
  Keeper keeper(reply, taker, options_.most_bytes);
  if (method == Method::kHead || reply.status == 204) return reply;
  if (core::EqualsIgnoreCase(reply.headers.Get("transfer-encoding"), "chunked")) {
    INGOT_TRY(ReadChunks(input, keeper));
  } else {
    INGOT_TRY(ReadLength(input, keeper, core::ParseUint(reply.headers.Get("content-length"))));
  }
  return reply;
}

Result<core::Json> Client::CallJson(Method method, std::string_view target,
                                    const core::Json& body) {
  INGOT_ASSIGN(const ClientReply reply,
               Call(method, target, body.is_null() ? std::string() : WireJson(body)));
  core::Result<core::Json> json = core::ParseJson(reply.body.empty() ? "null" : reply.body);
  if (reply.status >= 200 && reply.status < 300) return json;
  std::string message = StrCat("the server answered with status ", reply.status);
  if (json.ok() && json->is_object() && json->contains("error") && (*json)["error"].is_string()) {
    message = (*json)["error"].get<std::string>();
  }
  switch (reply.status) {
    case 404:
      return core::NotFound(message);
    case 401:
    case 403:
      return Status(core::Code::kPermission, message).WithHint("INGOT_API_KEY gives a key.");
    case 503:
      return Status(core::Code::kBusy, message);
    default:
      return reply.status < 500 ? core::InvalidArgument(message) : core::IoError(message);
  }
}

bool IsIngot(const ClientReply& reply) {
  return reply.headers.Get("server").starts_with(StrCat(kServerName, "/"));
}

std::string WhoListens(const Address& address) {
  ClientOptions quick;
  quick.connect_time = milliseconds(500);
  quick.silence = milliseconds(1000);
  Client client(address, quick);
  const Result<ClientReply> root = client.Call(Method::kGet, "/", "");
  if (!root.ok()) return "";
  if (IsIngot(*root)) {
    std::string name(root->headers.Get("server"));
    std::replace(name.begin(), name.end(), '/', ' ');
    return core::Printable(name, 60);
  }
  if (root->body.starts_with("Ollama is running")) return "Ollama";
  const std::string_view name = root->headers.Get("server");
  return name.empty() ? "a web server" : core::Printable(name, 60);
}

}  // namespace ingot::server
