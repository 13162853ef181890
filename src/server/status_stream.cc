#include "server/status_stream.h"

#include <utility>

#include "core/strings.h"
#include "server/errors.h"

namespace ingot::server {

using core::Json;

StatusStream::StatusStream(ExchangePtr exchange, bool streams)
    : exchange_(std::move(exchange)),
      streams_(streams),
      stop_(std::make_shared<std::atomic<bool>>(false)),
      sink_(core::MakeFunctionSink(
          [this](const core::ProgressEvent& event) {
            Say(Json{{"status", core::Printable(event.step, 300)},
                     {"total", event.total},
                     {"completed", event.done}});
          },
          [this](std::string_view line) { SayStatus(core::Printable(line, 1000)); })) {
  exchange_->OnGone([stop = stop_] { *stop = true; });
}

void StatusStream::Say(const Json& line) {
  if (!streams_) return;
  const std::lock_guard<std::mutex> hold(lock_);
  if (stream_ == nullptr) stream_ = exchange_->Stream("application/x-ndjson");
  stream_->Write(WireJson(line) + "\n");
}

void StatusStream::End(const core::Status& status) {
  if (status.ok()) {
    if (!streams_) return exchange_->Send(JsonReply(200, {{"status", "success"}}));
    SayStatus("success");
  } else {
    const std::unique_lock<std::mutex> hold(lock_);
    if (stream_ == nullptr) return SendError(*exchange_, status);
    stream_->Write(WireJson(ErrorBody(ApiStyle::kOllama, 500, ErrorText(status), "")) + "\n");
  }
  stream_->Close();
}

}  // namespace ingot::server
