// /v1/responses: answers, and what is kept of them for later requests.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/strings.h"
#include "server/answer_group.h"
#include "server/fields.h"
#include "server/http_types.h"
#include "server/openai_fields.h"
#include "server/openai_handlers.h"
#include "server/openai_responses.h"
#include "server/response_store.h"
#include "server/responses_events.h"

namespace ingot::server {
namespace {

using core::Json;
using core::Status;

Status NoSuchResponse(std::string_view id) {
  return core::NotFound(core::StrCat("there is no response ", core::Quoted(id, 80)));
}

class ResponseGroup final : public AnswerGroup {
 public:
  ResponseGroup(Context& context, ExchangePtr exchange, const OpenAiResponses& request,
                Json earlier)
      : AnswerGroup(std::move(exchange)),
        context_(context),
        events_(NewId("resp_", 32), UnixSeconds(context.clock), request),
        stream_(request.stream),
        store_(request.store),
        input_(request.items),
        earlier_(std::move(earlier)) {}

 protected:
  void OnStart(size_t, const AnswerStart&) override {
    Begin();
    read_ = true;
  }
  void OnPiece(size_t, AnswerPiece piece) override { Emit(events_.Piece(piece)); }
  void OnEnd(size_t, AnswerEnd end) override {
    Begin();
    Emit(events_.End(end));
  }
  void OnAllEnded() override {
    if (store_) {
      context_.responses.Put(OwnerOf(exchange().caller().key), events_.id(),
                             {events_.response(), std::move(earlier_), std::move(input_)},
                             context_.clock.MonotonicNs());
    }
    if (stream_) {
      CloseStream();
    } else {
      exchange().Send(JsonReply(200, events_.response()));
    }
  }
  void OnFailed(const Refusal& refusal) override {
    if (!streaming()) return SendOpenAiError(exchange(), refusal);
    Emit(events_.Fail(refusal.status));
    CloseStream();
  }
  void OnWaiting() override {
    if (!stream_) return;
    Begin();
    if (!read_) SendText(": the prompt is being read\n\n");
  }

 private:
  void Begin() {
    if (!begun_) Emit(events_.Start());
    begun_ = true;
  }
  void Emit(const std::vector<Json>& events) {
    if (!stream_) return;
    for (const Json& event : events) SendEvent(event);
  }

  Context& context_;
  ResponsesEvents events_;
  const bool stream_;
  const bool store_;
  Json input_;
  Json earlier_;
  bool begun_ = false;
  bool read_ = false;
};

core::Result<Json> EarlierItems(Context& context, const Exchange& exchange, const Json& json) {
  INGOT_ASSIGN(const std::optional<std::string> previous, PreviousResponseId(json));
  if (!previous) return Json::array();
  std::optional<StoredResponse> stored =
      context.responses.Get(OwnerOf(exchange.caller().key), *previous, context.clock.MonotonicNs());
  if (!stored) return NoSuchResponse(*previous).Context("previous_response_id");
  Json items = std::move(stored->earlier);
  for (Json& item : stored->input) items.push_back(std::move(item));
  for (Json& item : stored->response["output"]) items.push_back(std::move(item));
  return items;
}

// The response that the path names, of whoever asks.
std::optional<StoredResponse> Stored(Context& context, const ExchangePtr& exchange) {
  std::optional<StoredResponse> stored =
      context.responses.Get(OwnerOf(exchange->caller().key), exchange->request().parts.front(),
                            context.clock.MonotonicNs());
  if (!stored) {
    SendOpenAiError(*exchange, NoSuchResponse(exchange->request().parts.front()),
                    "response_not_found");
  }
  return stored;
}

}  // namespace

void HandleResponses(Context& context, const ExchangePtr& exchange) {
  const core::Result<Json> json = ParseBody(exchange->request().body);
  if (!json.ok()) return SendOpenAiError(*exchange, json.status());
  core::Result<Json> earlier = EarlierItems(context, *exchange, *json);
  if (!earlier.ok()) {
    return SendOpenAiError(*exchange, earlier.status(), "previous_response_not_found");
  }
  core::Result<OpenAiResponses> request = ParseOpenAiResponses(*json, *earlier);
  if (!request.ok()) return SendOpenAiError(*exchange, request.status());
  SetAsker(context, *exchange, request->task);
  request->task.chat->wall_ns = context.clock.WallNs();
  std::vector<ChatTask> tasks = {request->task};
  std::make_shared<ResponseGroup>(context, exchange, *request, *std::move(earlier))
      ->Run(context, std::move(tasks));
}

void HandleGetResponse(Context& context, const ExchangePtr& exchange) {
  const std::optional<StoredResponse> stored = Stored(context, exchange);
  if (stored) exchange->Send(JsonReply(200, stored->response));
}

void HandleDeleteResponse(Context& context, const ExchangePtr& exchange) {
  const std::string& id = exchange->request().parts.front();
  if (!context.responses.Remove(OwnerOf(exchange->caller().key), id, context.clock.MonotonicNs())) {
    return SendOpenAiError(*exchange, NoSuchResponse(id), "response_not_found");
  }
  exchange->Send(JsonReply(200, {{"id", id}, {"object", "response"}, {"deleted", true}}));
}

void HandleResponseItems(Context& context, const ExchangePtr& exchange) {
  const std::optional<StoredResponse> stored = Stored(context, exchange);
  if (!stored) return;
  Json items = stored->earlier;
  for (const Json& item : stored->input) items.push_back(item);
  const Json first = items.empty() ? Json() : items.front()["id"];
  const Json last = items.empty() ? Json() : items.back()["id"];
  exchange->Send(JsonReply(200, {{"object", "list"},
                                 {"data", std::move(items)},
                                 {"first_id", first},
                                 {"last_id", last},
                                 {"has_more", false}}));
}

}  // namespace ingot::server
