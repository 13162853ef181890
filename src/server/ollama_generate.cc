// /api/generate and /api/chat.
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "server/answer.h"
#include "server/errors.h"
#include "server/ollama_handlers.h"
#include "server/ollama_reply.h"
#include "server/ollama_request.h"

namespace ingot::server {
namespace {

constexpr std::string_view kLines = "application/x-ndjson";

// An answer as lines of JSON, or as one object. What fails before anything was written is an error
// with a status of its own; later, it is a last line.
class OllamaSink final : public AnswerSink {
 public:
  OllamaSink(Context& context, ExchangePtr exchange, OllamaMaker maker, bool streams)
      : context_(context),
        exchange_(std::move(exchange)),
        maker_(std::move(maker)),
        streams_(streams) {}

  void OnPiece(AnswerPiece piece) override {
    if (streams_) return WriteLine(Numbered(maker_.Piece(piece, context_.clock.WallNs()), piece));
    all_.thinking += piece.thinking;
    all_.content += piece.content;
    std::move(piece.calls.begin(), piece.calls.end(), std::back_inserter(all_.calls));
    std::move(piece.logprobs.begin(), piece.logprobs.end(), std::back_inserter(all_.logprobs));
  }

  void OnEnd(core::Result<AnswerEnd> end) override {
    if (!end.ok()) return Fail(end.status());
    const core::Json last = maker_.End(all_, *end, context_.clock.WallNs());
    if (!streams_) return exchange_->Send(JsonReply(200, last));
    WriteLine(last);
    stream_->Close();
  }

 private:
  // Calls are counted through the answer, not the piece.
  core::Json Numbered(core::Json json, const AnswerPiece& piece) {
    if (piece.calls.empty()) return json;
    core::Json calls = ToolCallsJson(piece.calls, calls_so_far_);
    calls_so_far_ += piece.calls.size();
    (maker_.shape == OllamaShape::kChat ? json["message"] : json)["tool_calls"] = std::move(calls);
    return json;
  }

  void WriteLine(const core::Json& json) {
    if (stream_ == nullptr) stream_ = exchange_->Stream(kLines);
    stream_->Write(WireJson(json) + "\n");
  }

  void Fail(const core::Status& status) {
    if (stream_ == nullptr) return SendError(*exchange_, status);
    WriteLine(ErrorBody(ApiStyle::kOllama, 500, ErrorText(status), ""));
    stream_->Close();
  }

  Context& context_;
  const ExchangePtr exchange_;
  const OllamaMaker maker_;
  const bool streams_;
  std::shared_ptr<StreamWriter> stream_;
  AnswerPiece all_;
  size_t calls_so_far_ = 0;
};

core::Status LoadOnly(Context& context, const OllamaRequest& request, const OllamaMaker& maker,
                      const ExchangePtr& exchange) {
  const ChatTask& task = request.task;
  const bool unload = task.keep_alive && task.keep_alive->count() == 0;
  if (unload) {
    // A name that does not exist is an error here, too.
    INGOT_ASSIGN(const store::ModelName name, store::ModelName::Parse(task.model));
    INGOT_ASSIGN(const store::StoredModel stored, context.store.Read(name));
    context.models.Stop(stored.name.Short());
  } else {
    INGOT_ASSIGN(const auto service, context.models.Acquire(task.model, task.keep_alive));
  }
  exchange->Send(JsonReply(200, maker.Nothing(unload ? "unload" : "load", context.clock.WallNs())));
  return core::Status::Ok();
}

// What is not answered is refused.
Refusal Answer(Context& context, OllamaRequest request, OllamaShape shape,
               const ExchangePtr& exchange) {
  SetAsker(context, *exchange, request.task);
  const OllamaMaker maker{shape, request.task.model, request.wants_context};
  if (request.empty && !request.render_only) return LoadOnly(context, request, maker, exchange);
  if (request.render_only) {
    INGOT_ASSIGN(const std::string prompt, RenderPrompt(context, request.task));
    exchange->Send(JsonReply(200, maker.Rendered(prompt, context.clock.WallNs())));
    return core::Status::Ok();
  }
  auto sink = std::make_shared<OllamaSink>(context, exchange, maker, request.stream);
  auto started = StartChat(context, std::move(request.task), sink);
  if (auto* refusal = std::get_if<Refusal>(&started)) return std::move(*refusal);
  CancelWhenGone(*exchange, std::get<engine::Ticket>(std::move(started)));
  return core::Status::Ok();
}

}  // namespace

void HandleGenerate(Context& context, const ExchangePtr& exchange) {
  auto request = ReadGenerate(exchange->request().body);
  const Refusal refusal =
      request.ok() ? Answer(context, *std::move(request), OllamaShape::kGenerate, exchange)
                   : Refusal(request.status());
  if (!refusal.status.ok()) SendError(*exchange, refusal);
}

void HandleChat(Context& context, const ExchangePtr& exchange) {
  auto request = ReadChat(exchange->request().body);
  const Refusal refusal = request.ok()
                              ? Answer(context, *std::move(request), OllamaShape::kChat, exchange)
                              : Refusal(request.status());
  if (!refusal.status.ok()) SendError(*exchange, refusal);
}

}  // namespace ingot::server
