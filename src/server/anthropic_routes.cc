// The Anthropic API: its routes, and how answers reach the network.
#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/answer_group.h"
#include "server/anthropic_events.h"
#include "server/anthropic_request.h"
#include "server/errors.h"
#include "server/fields.h"
#include "server/openai_fields.h"
#include "server/routes.h"

namespace ingot::server {
namespace {

using core::Json;
using core::Status;

class MessageStream final : public AnswerGroup {
 public:
  // estimate: of the tokens of the prompt, for as long as nobody has counted them.
  MessageStream(ExchangePtr exchange, const std::string& model, int estimate)
      : AnswerGroup(std::move(exchange)), events_(NewId("msg_", 24), model), estimate_(estimate) {}

 protected:
  void OnStart(size_t, const AnswerStart& start) override {
    read_ = true;
    Begin(start.prompt_tokens, start.cached_tokens);
  }
  void OnPiece(size_t, AnswerPiece piece) override { Emit(events_.Piece(piece)); }
  void OnEnd(size_t, AnswerEnd end) override {
    Begin(end.timings.prompt_tokens, end.timings.kept_tokens);
    Emit(events_.End(end));
  }
  void OnAllEnded() override { CloseStream(); }
  void OnFailed(const Refusal& refusal) override {
    if (!streaming()) return SendError(exchange(), refusal);
    const Status& status = refusal.status;
    SendEvent(ErrorBody(ApiStyle::kAnthropic, HttpStatusOf(status), ErrorText(status),
                        exchange().request().id));
    CloseStream();
  }
  void OnWaiting() override {
    if (read_) return;
    Begin(estimate_, 0);
    SendEvent(AnthropicEvents::Ping());
  }

 private:
  void Begin(int tokens, int cached) {
    if (!begun_) SendEvent(events_.Start(tokens, cached));
    begun_ = true;
  }
  void Emit(const std::vector<Json>& events) {
    for (const Json& event : events) SendEvent(event);
  }

  AnthropicEvents events_;
  const int estimate_;
  bool begun_ = false;
  bool read_ = false;
};

class MessageWhole final : public AnswerGroup {
 public:
  MessageWhole(ExchangePtr exchange, std::string model)
      : AnswerGroup(std::move(exchange)), model_(std::move(model)) {}

 protected:
  void OnStart(size_t, const AnswerStart&) override {}
  void OnPiece(size_t, AnswerPiece piece) override { answer_.Add(std::move(piece)); }
  void OnEnd(size_t, AnswerEnd end) override { answer_.end = std::move(end); }
  void OnAllEnded() override {
    exchange().Send(JsonReply(200, AnthropicMessage(NewId("msg_", 24), model_, answer_)));
  }
  void OnFailed(const Refusal& refusal) override { SendError(exchange(), refusal); }

 private:
  const std::string model_;
  WholeAnswer answer_;
};

core::Result<AnthropicRequest> Parse(Context& context, const Exchange& exchange, bool counting) {
  INGOT_ASSIGN(const Json json, ParseBody(exchange.request().body));
  INGOT_ASSIGN(AnthropicRequest request, ParseAnthropic(json, counting));
  SetAsker(context, exchange, request.task);
  request.task.chat->wall_ns = context.clock.WallNs();
  return request;
}

void HandleMessages(Context& context, const ExchangePtr& exchange) {
  core::Result<AnthropicRequest> request = Parse(context, *exchange, false);
  if (!request.ok()) return SendError(*exchange, request.status());
  const std::string model = request->task.model;
  std::vector<ChatTask> tasks = {std::move(request->task)};
  if (request->stream) {
    // About four bytes a token.
    const int estimate = static_cast<int>(exchange->request().body.size() / 4);
    std::make_shared<MessageStream>(exchange, model, estimate)->Run(context, std::move(tasks));
  } else {
    std::make_shared<MessageWhole>(exchange, model)->Run(context, std::move(tasks));
  }
}

void HandleCountTokens(Context& context, const ExchangePtr& exchange) {
  const core::Result<AnthropicRequest> request = Parse(context, *exchange, true);
  if (!request.ok()) return SendError(*exchange, request.status());
  const core::Result<int> tokens = CountPromptTokens(context, request->task);
  if (!tokens.ok()) return SendError(*exchange, tokens.status());
  exchange->Send(JsonReply(200, {{"input_tokens", *tokens}}));
}

constexpr std::array kRoutes = {
    Route{Method::kPost, "/v1/messages", Role::kInfer, kLargeBody, HandleMessages},
    Route{Method::kPost, "/v1/messages/count_tokens", Role::kInfer, kLargeBody, HandleCountTokens},
};

}  // namespace

std::span<const Route> AnthropicRoutes() { return kRoutes; }

}  // namespace ingot::server
