// Where the answer to one request goes: makes HTTP of it and puts it into an outbox, which a
// connection empties. The Exchange and StreamWriter of the network are made here.
//
// Thread-safe.
#ifndef INGOT_SERVER_NET_REPLY_PORT_H_
#define INGOT_SERVER_NET_REPLY_PORT_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "server/exchange.h"
#include "server/http_types.h"
#include "server/net/outbox.h"

namespace ingot::server {

struct ReplyForm {
  bool http10 = false;      // then no chunks: the end of the connection ends the answer
  bool keep_alive = false;  // the connection goes on
  bool head_only = false;   // to HEAD
  Headers extra;            // on every answer
};

class ReplyPort {
 public:
  // kick: tells the connection that something was put; any thread.
  ReplyPort(ReplyForm form, size_t unread_limit, std::function<void()> kick)
      : form_(std::move(form)), box_(unread_limit), kick_(std::move(kick)) {}

  Outbox& box() { return box_; }
  const ReplyForm& form() const { return form_; }
  int status() const { return status_; }
  // False when there was an answer already.
  bool Send(const Reply& reply);
  bool BeginStream(std::string_view content_type);
  bool WriteChunk(std::string_view bytes);
  void EndStream(bool complete);

 private:
  std::string Head(int status, const Headers& headers, std::string_view content_type) const;

  const ReplyForm form_;
  Outbox box_;
  const std::function<void()> kick_;
  std::atomic<bool> answered_{false};
  std::atomic<int> status_{0};
};

ExchangePtr MakeNetExchange(Request request, Caller caller, ApiStyle style,
                            std::shared_ptr<ReplyPort> port);

}  // namespace ingot::server

#endif  // INGOT_SERVER_NET_REPLY_PORT_H_
