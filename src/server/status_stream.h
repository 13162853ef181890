// The answers of long work on models (pull, push, create): lines of JSON that say how far it is, or
// one object at its end. Any thread; one call at a time comes from the work itself.
#ifndef INGOT_SERVER_STATUS_STREAM_H_
#define INGOT_SERVER_STATUS_STREAM_H_

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "core/json.h"
#include "core/progress.h"
#include "core/status.h"
#include "server/exchange.h"

namespace ingot::server {

class StatusStream {
 public:
  StatusStream(ExchangePtr exchange, bool streams);

  void Say(const core::Json& line);
  void SayStatus(std::string_view status) { Say(core::Json{{"status", status}}); }
  // {"status":"success"}, or the error.
  void End(const core::Status& status);
  // Steps of the work as lines.
  core::ProgressSink& progress() { return *sink_; }
  // True once the client has gone: the work should end.
  const std::atomic<bool>& stop() const { return *stop_; }

 private:
  const ExchangePtr exchange_;
  const bool streams_;
  const std::shared_ptr<std::atomic<bool>> stop_;
  std::mutex lock_;
  std::shared_ptr<StreamWriter> stream_;
  std::unique_ptr<core::ProgressSink> sink_;
};

}  // namespace ingot::server

#endif  // INGOT_SERVER_STATUS_STREAM_H_
