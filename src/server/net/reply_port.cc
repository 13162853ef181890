#include "server/net/reply_port.h"

#include <array>
#include <charconv>
#include <ctime>
#include <utility>

#include "core/strings.h"
#include "server/errors.h"

namespace ingot::server {
namespace {

using core::StrCat;

// No header of ours may end before its line does.
std::string OneLine(std::string_view text) {
  std::string line(text);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return line;
}

std::string DateNow() {
  std::array<char, 40> text = {};
  const std::time_t now = std::time(nullptr);
  std::tm parts = {};
  gmtime_r(&now, &parts);
  const size_t size = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text.data(), size};
}

std::string ChunkHead(size_t size) {
  std::array<char, 20> digits = {};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), size, 16).ptr;
  return StrCat(std::string_view(digits.data(), static_cast<size_t>(end - digits.data())), "\r\n");
}

class NetStream final : public StreamWriter {
 public:
  explicit NetStream(std::shared_ptr<ReplyPort> port) : port_(std::move(port)) {}
  ~NetStream() override { port_->EndStream(false); }

  bool Write(std::string_view bytes) override { return port_->WriteChunk(bytes); }
  bool Drain() override { return port_->box().WaitForRoom(); }
  void Close() override { port_->EndStream(true); }

 private:
  const std::shared_ptr<ReplyPort> port_;
};

class NetExchange final : public Exchange {
 public:
  NetExchange(Request request, Caller caller, ApiStyle style, std::shared_ptr<ReplyPort> port)
      : Exchange(std::move(request), std::move(caller), style), port_(std::move(port)) {}
  ~NetExchange() override {
    port_->Send(ErrorReply(style(), 500, "the request was not answered", request().id));
  }

  void Send(Reply reply) override { port_->Send(reply); }
  std::shared_ptr<StreamWriter> Stream(std::string_view content_type) override {
    port_->BeginStream(content_type);
    return std::make_shared<NetStream>(port_);
  }
  void OnGone(std::function<void()> callback) override { port_->box().OnGone(std::move(callback)); }
  bool gone() const override { return port_->box().gone(); }

 private:
  const std::shared_ptr<ReplyPort> port_;
};

}  // namespace

std::string ReplyPort::Head(int status, const Headers& headers,
                            std::string_view content_type) const {
  std::string head =
      StrCat("HTTP/1.1 ", status, " ", ReasonOf(status), "\r\nServer: Ingot/", INGOT_VERSION,
             "\r\nDate: ", DateNow(), "\r\nX-Content-Type-Options: nosniff\r\n");
  if (!content_type.empty()) head += StrCat("Content-Type: ", OneLine(content_type), "\r\n");
  for (const Headers* list : {&form_.extra, &headers}) {
    for (const auto& [name, value] : *list)
      head += StrCat(OneLine(name), ": ", OneLine(value), "\r\n");
  }
  head += form_.keep_alive ? "Connection: keep-alive\r\n" : "Connection: close\r\n";
  return head;
}

bool ReplyPort::Send(const Reply& reply) {
  if (answered_.exchange(true)) return false;
  status_ = reply.status;
  std::string bytes = Head(reply.status, reply.headers, reply.content_type);
  if (reply.status != 204) bytes += StrCat("Content-Length: ", reply.body.size(), "\r\n");
  bytes += "\r\n";
  if (!form_.head_only) bytes += reply.body;
  box_.Put(bytes);
  box_.End(true);
  kick_();
  return true;
}

bool ReplyPort::BeginStream(std::string_view content_type) {
  if (answered_.exchange(true)) return false;
  status_ = 200;
  Headers headers;
  headers.Add("Cache-Control", "no-store");
  // Proxies are asked not to hold pieces back.
  headers.Add("X-Accel-Buffering", "no");
  if (!form_.http10) headers.Add("Transfer-Encoding", "chunked");
  box_.Put(Head(200, headers, content_type) + "\r\n");
  if (form_.head_only) box_.End(true);
  kick_();
  return true;
}

bool ReplyPort::WriteChunk(std::string_view bytes) {
  if (bytes.empty()) return !box_.gone();
  const bool put =
      box_.Put(form_.http10 ? std::string(bytes) : StrCat(ChunkHead(bytes.size()), bytes, "\r\n"));
  kick_();
  return put;
}

void ReplyPort::EndStream(bool complete) {
  if (box_.ended()) return;
  if (complete && !form_.http10) box_.Put("0\r\n\r\n");
  box_.End(complete);
  kick_();
}

ExchangePtr MakeNetExchange(Request request, Caller caller, ApiStyle style,
                            std::shared_ptr<ReplyPort> port) {
  return std::make_shared<NetExchange>(std::move(request), std::move(caller), style,
                                       std::move(port));
}

}  // namespace ingot::server
