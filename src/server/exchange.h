// One request and its answer. A handler gets an Exchange, and answers it once: by a whole Reply, or
// by a stream that it writes piece by piece. It need not answer before it returns: whoever holds
// the Exchange can, from any thread. An Exchange that is let go of without an answer is answered
// with error 500; a stream that is let go of without Close is cut off, so that the client sees that
// it is not whole.
//
// Thread-safe. Nothing here waits, but for StreamWriter::Drain.
#ifndef INGOT_SERVER_EXCHANGE_H_
#define INGOT_SERVER_EXCHANGE_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "server/http_types.h"

namespace ingot::server {

class StreamWriter {
 public:
  virtual ~StreamWriter() = default;
  // Queues bytes and returns at once. False when they will not arrive: the client has gone, or has
  // read so slowly that more is waiting than may; nothing more need be written then.
  virtual bool Write(std::string_view bytes) = 0;
  // Waits until little is left to be sent; false as above. For threads that make much, never for
  // one that others wait for.
  virtual bool Drain() = 0;
  // The answer is complete.
  virtual void Close() = 0;
};

class Exchange {
 public:
  Exchange(Request request, Caller caller, ApiStyle style)
      : request_(std::move(request)), caller_(std::move(caller)), style_(style) {}
  virtual ~Exchange() = default;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  const Request& request() const { return request_; }
  const Caller& caller() const { return caller_; }
  ApiStyle style() const { return style_; }

  // Answers; the first answer counts, later ones are dropped.
  virtual void Send(Reply reply) = 0;
  // Answers with status 200 and what is written to the stream.
  virtual std::shared_ptr<StreamWriter> Stream(std::string_view content_type) = 0;
  // Called once, by some thread, when the client has gone before the answer was complete: at once
  // where that is so already. The last one set counts.
  virtual void OnGone(std::function<void()> callback) = 0;
  virtual bool gone() const = 0;

 private:
  const Request request_;
  const Caller caller_;
  const ApiStyle style_;
};

using ExchangePtr = std::shared_ptr<Exchange>;

}  // namespace ingot::server

#endif  // INGOT_SERVER_EXCHANGE_H_
