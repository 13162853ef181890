#include "server/answer_group.h"

#include <utility>

#include "core/strings.h"
#include "server/http_types.h"

namespace ingot::server {

class AnswerGroup::Sink final : public AnswerSink {
 public:
  Sink(std::shared_ptr<AnswerGroup> group, size_t answer)
      : group_(std::move(group)), answer_(answer) {}
  void OnStart(const AnswerStart& start) override { group_->Started(answer_, start); }
  void OnPiece(AnswerPiece piece) override { group_->Came(answer_, std::move(piece)); }
  void OnEnd(core::Result<AnswerEnd> end) override { group_->Ended(answer_, std::move(end)); }

 private:
  const std::shared_ptr<AnswerGroup> group_;
  const size_t answer_;
};

void AnswerGroup::Run(Context& context, std::vector<ChatTask> tasks) {
  {
    const std::lock_guard<std::mutex> hold(lock_);
    open_ = tasks.size();
  }
  exchange_->OnGone([weak = weak_from_this()] {
    if (const auto group = weak.lock()) group->CancelAll();
  });
  context.heartbeat.Add(weak_from_this());
  for (size_t i = 0; i < tasks.size(); ++i) {
    const auto started =
        StartChat(context, std::move(tasks[i]), std::make_shared<Sink>(shared_from_this(), i));
    if (const auto* refusal = std::get_if<Refusal>(&started)) {
      Fail(*refusal);
      return;
    }
    engine::Ticket ticket = std::get<engine::Ticket>(started);
    bool cancel = false;
    {
      const std::lock_guard<std::mutex> hold(lock_);
      tickets_.push_back(ticket);
      cancel = cancelled_;
    }
    if (cancel) ticket.Cancel();
  }
}

void AnswerGroup::Started(size_t answer, const AnswerStart& start) {
  const std::lock_guard<std::mutex> hold(lock_);
  if (!over_) OnStart(answer, start);
}

void AnswerGroup::Came(size_t answer, AnswerPiece piece) {
  const std::lock_guard<std::mutex> hold(lock_);
  if (!over_) OnPiece(answer, std::move(piece));
}

void AnswerGroup::Ended(size_t answer, core::Result<AnswerEnd> end) {
  if (!end.ok()) {
    Fail(end.status());
    return;
  }
  const std::lock_guard<std::mutex> hold(lock_);
  if (over_) return;
  if (end->finish == engine::Finish::kCancelled) {
    // Nobody reads it any more, or the model was stopped: a stream that just ends says so.
    over_ = true;
    OnFailed(core::Status(core::Code::kCancelled, "the answer was cancelled"));
    return;
  }
  OnEnd(answer, *std::move(end));
  if (--open_ > 0) return;
  over_ = true;
  OnAllEnded();
}

void AnswerGroup::Fail(const Refusal& refusal) {
  {
    const std::lock_guard<std::mutex> hold(lock_);
    if (!over_) {
      over_ = true;
      OnFailed(refusal);
    }
  }
  CancelAll();
}

void AnswerGroup::CancelAll() {
  std::vector<engine::Ticket> tickets;
  {
    const std::lock_guard<std::mutex> hold(lock_);
    cancelled_ = true;
    tickets.swap(tickets_);
  }
  for (engine::Ticket& ticket : tickets) ticket.Cancel();
}

void AnswerGroup::OnBeat() {
  const std::lock_guard<std::mutex> hold(lock_);
  if (!over_) OnWaiting();
}

void AnswerGroup::SendData(const core::Json& json) {
  SendText(core::StrCat("data: ", WireJson(json), "\n\n"));
}

void AnswerGroup::SendEvent(const core::Json& json) {
  SendText(core::StrCat("event: ", json["type"].get_ref<const std::string&>(),
                        "\ndata: ", WireJson(json), "\n\n"));
}

void AnswerGroup::SendText(std::string_view bytes) {
  if (stream_ == nullptr) stream_ = exchange_->Stream("text/event-stream");
  stream_->Write(bytes);
}

void AnswerGroup::CloseStream() {
  if (stream_ != nullptr) stream_->Close();
}

}  // namespace ingot::server
