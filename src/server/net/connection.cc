#include "server/net/connection.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include "core/clock.h"
#include "core/strings.h"
#include "server/errors.h"
#include "server/net/head.h"
#include "server/net/reply_port.h"

namespace ingot::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;

constexpr size_t kBodyPiece = size_t{256} << 10;
constexpr size_t kWritePiece = size_t{64} << 10;
constexpr milliseconds kWatchPause{200};
constexpr milliseconds kLinger{2000};
constexpr size_t kLingerBytes = size_t{1} << 20;

// The other side has closed its half, whatever it sent before.
bool PeerHasGone(int descriptor) {
#ifdef POLLRDHUP
  constexpr short kClosed = POLLRDHUP | POLLHUP | POLLERR;
#else
  constexpr short kClosed = POLLHUP | POLLERR;
#endif
  pollfd asked = {descriptor, static_cast<short>(POLLIN | kClosed), 0};
  return poll(&asked, 1, 0) > 0 && (asked.revents & (kClosed | POLLNVAL)) != 0;
}

// The other side is there, and what it says is no HTTP.
bool IsMalformed(error_code error) {
  return error.category() == make_error_code(http::error::bad_method).category() &&
         error != http::error::end_of_stream && error != http::error::partial_message;
}

template <typename Stream>
class HttpConnection final : public Connection,
                             public std::enable_shared_from_this<HttpConnection<Stream>> {
 public:
  static constexpr bool kTls = !std::is_same_v<Stream, beast::tcp_stream>;

  template <typename... Args>
  explicit HttpConnection(NetShared& shared, Args&&... args)
      : shared_(shared),
        stream_(std::forward<Args>(args)...),
        buffer_(shared.limits.head_bytes + kBodyPiece),
        watch_pause_(shared.io) {
    ++shared_.connections;
    error_code ignored;
    const tcp::endpoint peer = Socket().remote_endpoint(ignored);
    if (!ignored) peer_ = peer.address().to_string();
    Socket().set_option(tcp::no_delay(true), ignored);
  }
  ~HttpConnection() override {
    const double usual = shared_.usual_seconds;
    const double seconds =
        static_cast<double>(core::Clock::System().MonotonicNs() - opened_ns_) * 1e-9;
    // The last ones let go by other threads: a lost update loses one of many.
    shared_.usual_seconds = usual > 0 ? usual * 0.9 + seconds * 0.1 : seconds;
    --shared_.connections;
  }

  void Start() override {
    if constexpr (kTls) {
      watch_pause_.expires_after(shared_.limits.head_time);
      watch_pause_.async_wait([self = this->shared_from_this()](error_code error) {
        if (!error) self->Close();
      });
      Socket().async_wait(tcp::socket::wait_read,
                          [self = this->shared_from_this()](error_code error) {
                            self->watch_pause_.cancel();
                            if (!error) self->Greet();
                          });
    } else {
      AwaitRequest(shared_.limits.head_time);
    }
  }

  void CloseIfIdle() override {
    if (idle_) Close();
  }
  void Abort() override { Close(); }

 private:
  using Parser = http::request_parser<http::buffer_body>;

  beast::tcp_stream& Tcp() { return beast::get_lowest_layer(stream_); }
  tcp::socket& Socket() { return Tcp().socket(); }

  // --- TLS ---

  // The first byte shows whether it is TLS that comes.
  void Greet() {
    if constexpr (kTls) {
      char first = 0;
      const bool came = recv(Socket().native_handle(), &first, 1, MSG_PEEK) == 1;
      if (came && first >= 'A' && first <= 'Z') return AnswerPlainly();
      Tcp().expires_after(shared_.limits.head_time);
      stream_.async_handshake(asio::ssl::stream_base::server,
                              [self = this->shared_from_this()](error_code error) {
                                if (error) return self->Close();
                                self->AwaitRequest(self->shared_.limits.head_time);
                              });
    }
  }

  // Somebody speaks HTTP where HTTPS is spoken: that they can read.
  void AnswerPlainly() {
    static constexpr std::string_view kSpeakTls =
        "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 59\r\n"
        "Connection: close\r\n\r\n"
        R"({"error":"this port speaks HTTPS: ask it with https://..."})";
    Tcp().async_write_some(asio::buffer(kSpeakTls.data(), kSpeakTls.size()),
                           [self = this->shared_from_this()](error_code error, size_t) {
                             if (error) return self->Close();
                             error_code ignored;
                             self->Socket().shutdown(tcp::socket::shutdown_send, ignored);
                             self->Tcp().expires_after(kLinger);
                             self->piece_.resize(kBodyPiece);
                             self->Linger(0);
                           });
  }

  void Close() {
    idle_ = false;
    ++watch_;
    watch_pause_.cancel();
    if (port_ != nullptr) port_->box().Gone();
    Tcp().close();
  }

  // --- the head ---

  void AwaitRequest(milliseconds time) {
    if (shared_.draining) return Close();
    idle_ = true;
    port_.reset();
    if (buffer_.size() > 0) return ReadHead();
    Tcp().expires_after(time);
    stream_.async_read_some(buffer_.prepare(4096),
                            [self = this->shared_from_this()](error_code error, size_t read) {
                              if (error) return self->Close();
                              self->buffer_.commit(read);
                              self->ReadHead();
                            });
  }

  void ReadHead() {
    idle_ = false;
    parser_.emplace();
    parser_->header_limit(shared_.limits.head_bytes);
    parser_->body_limit(boost::none);  // watched here, by what the route allows
    Tcp().expires_after(shared_.limits.head_time);
    http::async_read_header(
        stream_, buffer_, *parser_,
        [self = this->shared_from_this()](error_code error, size_t) { self->OnHead(error); });
  }

  void OnHead(error_code error) {
    if (error) {
      if (error == http::error::header_limit)
        return Refuse(431, "the head of the request is too large");
      if (IsMalformed(error)) {
        return Refuse(400, core::StrCat("the request is malformed: ", error.message()));
      }
      return Close();
    }
    const auto& message = parser_->get();
    http10_ = message.version() == 10;
    if (message.version() != 10 && message.version() != 11) {
      return Refuse(505, "this server speaks HTTP/1.1");
    }
    keep_alive_ = message.keep_alive();
    request_ = Request();
    request_.tls = kTls;
    request_.peer = peer_;
    request_.id = NewRequestId();
    request_.arrived_ns = core::Clock::System().MonotonicNs();
    for (const auto& field : message) {
      request_.headers.Add(std::string(field.name_string()), std::string(field.value()));
    }
    if (Reply bad = ReadTarget(message.method_string(), message.target(), shared_.limits, request_);
        bad.status != 200) {
      return RefuseWith(bad);
    }
    length_ = parser_->content_length() ? static_cast<int64_t>(*parser_->content_length()) : -1;
    if (!parser_->chunked() && length_ < 0) length_ = 0;
    if (Reply bad = CheckHead(request_, http10_, parser_->chunked()); bad.status != 200) {
      return RefuseWith(bad);
    }
    admission_ = shared_.dispatcher.Admit(request_, length_);
    if (admission_.refusal) return RefuseWith(*admission_.refusal);
    if (admission_.reply) {
      if (length_ != 0) return RefuseWith(*admission_.reply);
      OpenPort(keep_alive_);
      port_->Send(*admission_.reply);
      return;
    }
    if (length_ > 0 && static_cast<uint64_t>(length_) > admission_.body_limit &&
        !admission_.streams_body) {
      return RefuseBody();
    }
    ContinueAndRead();
  }

  // Answers, then ends the connection: what else it sends is not wanted.
  void Refuse(int status, const std::string& message) {
    RefuseWith(ErrorReply(StyleOf(request_.path), status, message, request_.id));
  }
  void RefuseWith(const Reply& reply) {
    lingers_ = true;
    OpenPort(false);
    port_->Send(reply);
  }
  void RefuseBody() {
    Refuse(413, core::StrCat("the body may have ", admission_.body_limit, " bytes"));
  }

  // --- the body ---

  void ContinueAndRead() {
    const bool asked = core::EqualsIgnoreCase(request_.headers.Get("expect"), "100-continue");
    if (admission_.streams_body) return MakeSink(asked);
    if (!asked || length_ == 0) return ReadBody();
    SendContinue();
  }

  void SendContinue() {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    Tcp().expires_after(shared_.limits.write_time);
    stream_.async_write_some(asio::buffer(kContinue.data(), kContinue.size()),
                             [self = this->shared_from_this()](error_code error, size_t written) {
                               if (error || written != kContinue.size()) return self->Close();
                               self->ReadBody();
                             });
  }

  void MakeSink(bool asked) {
    const bool posted = shared_.pool.Post([self = this->shared_from_this(), asked] {
      auto sink =
          self->shared_.dispatcher.MakeSink(self->admission_, self->request_, self->length_);
      asio::post(self->shared_.io,
                 [self, asked, made = std::make_shared<decltype(sink)>(std::move(sink))] {
                   if (!made->ok()) {
                     return self->Refuse(HttpStatusOf(made->status()), ErrorText(made->status()));
                   }
                   self->sink_ = *std::move(*made);
                   return asked ? self->SendContinue() : self->ReadBody();
                 });
    });
    if (!posted) Refuse(503, "too many requests are under way");
  }

  void ReadBody() {
    if (parser_->is_done()) return Dispatch();
    if (piece_.size() != kBodyPiece) piece_.resize(kBodyPiece);
    auto& body = parser_->get().body();
    body.data = piece_.data();
    body.size = piece_.size();
    Tcp().expires_after(shared_.limits.body_time);
    http::async_read(
        stream_, buffer_, *parser_,
        [self = this->shared_from_this()](error_code error, size_t) { self->OnBody(error); });
  }

  void OnBody(error_code error) {
    if (error && error != http::error::need_buffer) {
      if (IsMalformed(error)) return Refuse(400, "the chunks of the body are malformed");
      sink_.reset();
      return Close();
    }
    const std::string_view read(piece_.data(), piece_.size() - parser_->get().body().size);
    if (sink_ != nullptr) return FeedSink(read);
    if (request_.body.size() + read.size() > admission_.body_limit) return RefuseBody();
    request_.body.append(read);
    ReadBody();
  }

  void FeedSink(std::string_view bytes) {
    const bool posted = shared_.pool.Post([self = this->shared_from_this(), bytes] {
      const auto status = std::make_shared<core::Status>(self->sink_->Take(bytes));
      asio::post(self->shared_.io, [self, status] {
        if (status->ok()) return self->ReadBody();
        self->sink_.reset();
        self->Refuse(HttpStatusOf(*status), ErrorText(*status));
      });
    });
    if (!posted) Refuse(503, "too many requests are under way");
  }

  // --- the answer ---

  void OpenPort(bool keep_alive) {
    ReplyForm form;
    form.http10 = http10_;
    form.keep_alive = keep_alive && !http10_ && !shared_.draining;
    form.head_only = request_.method == Method::kHead;
    form.extra = admission_.extra_headers;
    // The port outlives the connection where a handler holds it.
    std::weak_ptr<HttpConnection> weak = this->weak_from_this();
    port_ = std::make_shared<ReplyPort>(std::move(form), shared_.limits.unread_bytes,
                                        [weak, io = &shared_.io] {
                                          if (const auto self = weak.lock())
                                            asio::post(*io, [self] { self->Flush(); });
                                        });
  }

  void Dispatch() {
    if (std::vector<char>().swap(piece_); parser_->chunked()) length_ = -1;
    OpenPort(keep_alive_);
    ++watch_;
    Watch(watch_);
    finish_ = Request();
    finish_.method = request_.method;
    finish_.path = request_.path;
    finish_.id = request_.id;
    finish_.peer = request_.peer;
    finish_.arrived_ns = request_.arrived_ns;
    auto exchange =
        MakeNetExchange(std::move(request_), admission_.caller, admission_.style, port_);
    request_ = Request();
    request_.method = finish_.method;
    const std::shared_ptr<BodySink> sink = std::move(sink_);
    auto admission = std::make_shared<Admission>(std::move(admission_));
    admission_ = Admission();
    caller_ = admission->caller;
    const bool posted =
        shared_.pool.Post([&dispatcher = shared_.dispatcher, admission, sink, exchange] {
          if (sink != nullptr) return sink->Finish(exchange);
          dispatcher.Handle(*admission, exchange);
        });
    if (!posted) SendError(*exchange, 503, "too many requests are under way");
  }

  void Flush() {
    if (writing_ || port_ == nullptr || !Socket().is_open()) return;
    if (port_->box().overflowed()) return Close();
    out_ = port_->box().Take();
    out_at_ = 0;
    if (!out_.empty()) return WritePiece();
    if (port_->box().ended()) FinishAnswer();
  }

  void WritePiece() {
    writing_ = true;
    Tcp().expires_after(shared_.limits.write_time);
    stream_.async_write_some(
        asio::buffer(out_.data() + out_at_, std::min(out_.size() - out_at_, kWritePiece)),
        [self = this->shared_from_this()](error_code error, size_t written) {
          self->writing_ = false;
          if (error) return self->Close();
          self->out_at_ += written;
          if (self->out_at_ < self->out_.size()) return self->WritePiece();
          self->Tcp().expires_never();
          self->Flush();
        });
  }

  void FinishAnswer() {
    ++watch_;
    watch_pause_.cancel();
    error_code ignored;
    Socket().cancel(ignored);
    const auto port = std::exchange(port_, nullptr);
    Report(*port);
    if (!port->box().complete()) return Close();
    if (port->form().keep_alive) return AwaitRequest(shared_.limits.idle_time);
    EndPolitely();
  }

  void Report(ReplyPort& port) {
    const Request& about = finish_.id.empty() ? request_ : finish_;
    const int64_t begun = about.arrived_ns;
    const double seconds =
        begun == 0 ? 0 : static_cast<double>(core::Clock::System().MonotonicNs() - begun) * 1e-9;
    shared_.dispatcher.Finished(about, caller_, port.status(), port.box().total(), seconds);
    finish_ = Request();
  }

  // So that the other side gets to read the answer before it hears of the end.
  void EndPolitely() {
    if constexpr (kTls) {
      Tcp().expires_after(kLinger);
      stream_.async_shutdown([self = this->shared_from_this()](error_code) { self->Close(); });
    } else {
      error_code ignored;
      Socket().shutdown(tcp::socket::shutdown_send, ignored);
      if (!lingers_) return Close();
      Tcp().expires_after(kLinger);
      piece_.resize(kBodyPiece);
      Linger(0);
    }
  }

  void Linger(size_t so_far) {
    Tcp().async_read_some(asio::buffer(piece_),
                          [self = this->shared_from_this(), so_far](error_code error, size_t read) {
                            if (error || so_far + read > kLingerBytes) return self->Close();
                            self->Linger(so_far + read);
                          });
  }

  // --- whether anybody still waits for the answer ---

  void Watch(uint64_t watch) {
    Socket().async_wait(tcp::socket::wait_read,
                        [self = this->shared_from_this(), watch](error_code error) {
                          if (error || watch != self->watch_) return;
                          if (PeerHasGone(self->Socket().native_handle())) return self->Close();
                          self->WatchLater(watch);
                        });
  }

  // Something came that is not for now: the next request, most likely.
  void WatchLater(uint64_t watch) {
    watch_pause_.expires_after(kWatchPause);
    watch_pause_.async_wait([self = this->shared_from_this(), watch](error_code error) {
      if (!error && watch == self->watch_) self->Watch(watch);
    });
  }

  NetShared& shared_;
  Stream stream_;
  beast::flat_buffer buffer_;
  asio::steady_timer watch_pause_;
  std::optional<Parser> parser_;
  const int64_t opened_ns_ = core::Clock::System().MonotonicNs();
  std::string peer_;

  Request request_;
  Request finish_;  // what is told of a request once it was answered
  Caller caller_;
  Admission admission_;
  std::unique_ptr<BodySink> sink_;
  std::vector<char> piece_;
  int64_t length_ = 0;  // of the body; -1: not said

  std::shared_ptr<ReplyPort> port_;
  std::string out_;
  size_t out_at_ = 0;
  uint64_t watch_ = 0;  // which watch counts: those before are over
  bool idle_ = true;
  bool writing_ = false;
  bool keep_alive_ = false;
  bool http10_ = false;
  bool lingers_ = false;
};

}  // namespace

std::shared_ptr<Connection> MakeConnection(tcp::socket socket, NetShared& shared) {
  if (shared.tls != nullptr) {
    return std::make_shared<HttpConnection<beast::ssl_stream<beast::tcp_stream>>>(
        shared, beast::tcp_stream(std::move(socket)), *shared.tls);
  }
  return std::make_shared<HttpConnection<beast::tcp_stream>>(shared, std::move(socket));
}

}  // namespace ingot::server
