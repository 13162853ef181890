#include "server/responses_events.h"

#include <utility>

#include "server/errors.h"
#include "server/http_types.h"
#include "server/openai_fields.h"

namespace ingot::server {
namespace {

using core::Json;

Json TextPart(const std::string& text, Json logprobs) {
  return {{"type", "output_text"},
          {"text", text},
          {"annotations", Json::array()},
          {"logprobs", std::move(logprobs)}};
}

Json MessageItem(const std::string& id, std::string_view status, Json content) {
  return {{"type", "message"},
          {"id", id},
          {"status", status},
          {"role", "assistant"},
          {"content", std::move(content)}};
}

Json ReasoningItem(const std::string& id, std::string_view status, Json summary) {
  return {{"type", "reasoning"}, {"id", id}, {"summary", std::move(summary)}, {"status", status}};
}

Json CallItem(const std::string& id, std::string_view status, const text::ToolCall& call,
              std::string arguments) {
  return {{"type", "function_call"},
          {"id", id},
          {"call_id", call.id},
          {"name", call.name},
          {"arguments", std::move(arguments)},
          {"status", status}};
}

Json UsageOf(const engine::GenerationTimings& timings) {
  return {{"input_tokens", timings.prompt_tokens},
          {"input_tokens_details", {{"cached_tokens", timings.kept_tokens}}},
          {"output_tokens", timings.generated_tokens},
          {"total_tokens", timings.prompt_tokens + timings.generated_tokens}};
}

}  // namespace

ResponsesEvents::ResponsesEvents(std::string id, int64_t created, const OpenAiResponses& request)
    : id_(std::move(id)), logprobs_(request.task.logprobs >= 0) {
  response_ = {{"id", id_},
               {"object", "response"},
               {"created_at", created},
               {"status", "in_progress"},
               {"error", nullptr},
               {"incomplete_details", nullptr},
               {"model", request.task.model},
               {"output", Json::array()},
               {"usage", nullptr}};
  response_.update(request.said);
}

Json ResponsesEvents::Event(std::string_view type, const Json& fields) {
  Json event = {{"type", type}, {"sequence_number", sequence_++}};
  event.update(fields);
  return event;
}

Json ResponsesEvents::At(const Json& fields) const {
  Json place = {{"item_id", item_}, {"output_index", response_["output"].size()}};
  if (open_ == "message") place["content_index"] = 0;
  if (open_ == "reasoning") place["summary_index"] = 0;
  place.update(fields);
  return place;
}

std::vector<Json> ResponsesEvents::Start() {
  std::vector<Json> events;
  events.push_back(Event("response.created", {{"response", response_}}));
  events.push_back(Event("response.in_progress", {{"response", response_}}));
  return events;
}

void ResponsesEvents::Open(std::string_view type, std::vector<Json>& events) {
  if (open_ == type) return;
  Close(events);
  open_ = type;
  text_.clear();
  token_logprobs_ = Json::array();
  const bool message = type == "message";
  item_ = NewId(message ? "msg_" : "rs_", 32);
  Json item = message ? MessageItem(item_, "in_progress", Json::array())
                      : ReasoningItem(item_, "in_progress", Json::array());
  events.push_back(Event("response.output_item.added",
                         {{"output_index", response_["output"].size()}, {"item", item}}));
  if (message) {
    events.push_back(
        Event("response.content_part.added", At({{"part", TextPart("", Json::array())}})));
  }
}

void ResponsesEvents::CloseMessage(std::vector<Json>& events) {
  events.push_back(
      Event("response.output_text.done", At({{"text", text_}, {"logprobs", token_logprobs_}})));
  events.push_back(
      Event("response.content_part.done", At({{"part", TextPart(text_, token_logprobs_)}})));
}

void ResponsesEvents::Close(std::vector<Json>& events) {
  if (open_.empty()) return;
  Json item;
  if (open_ == "message") {
    CloseMessage(events);
    item = MessageItem(item_, "completed", Json::array({TextPart(text_, token_logprobs_)}));
  } else {
    events.push_back(Event("response.reasoning_summary_text.done", At({{"text", text_}})));
    item = ReasoningItem(item_, "completed",
                         Json::array({Json{{"type", "summary_text"}, {"text", text_}}}));
  }
  events.push_back(Event("response.output_item.done",
                         {{"output_index", response_["output"].size()}, {"item", item}}));
  response_["output"].push_back(std::move(item));
  open_.clear();
}

void ResponsesEvents::Call(const text::ToolCall& call, std::vector<Json>& events) {
  Close(events);
  item_ = NewId("fc_", 32);
  const std::string arguments = WireJson(call.arguments);
  const size_t index = response_["output"].size();
  events.push_back(
      Event("response.output_item.added",
            {{"output_index", index}, {"item", CallItem(item_, "in_progress", call, "")}}));
  events.push_back(Event("response.function_call_arguments.delta", At({{"delta", arguments}})));
  events.push_back(Event("response.function_call_arguments.done",
                         At({{"name", call.name}, {"arguments", arguments}})));
  Json item = CallItem(item_, "completed", call, arguments);
  events.push_back(Event("response.output_item.done", {{"output_index", index}, {"item", item}}));
  response_["output"].push_back(std::move(item));
}

std::vector<Json> ResponsesEvents::Piece(const AnswerPiece& piece) {
  std::vector<Json> events;
  if (!piece.thinking.empty()) {
    Open("reasoning", events);
    text_ += piece.thinking;
    events.push_back(
        Event("response.reasoning_summary_text.delta", At({{"delta", piece.thinking}})));
  }
  // Logprobs are of what is said; those of thoughts and calls have no place here. A token may be
  // certain before its text is: it goes with the text then.
  if (logprobs_ && piece.thinking.empty() && piece.calls.empty()) {
    held_.insert(held_.end(), piece.logprobs.begin(), piece.logprobs.end());
  }
  if (!piece.content.empty()) {
    Open("message", events);
    text_ += piece.content;
    Json logprobs = OpenAiLogprobs(held_);
    held_.clear();
    token_logprobs_.insert(token_logprobs_.end(), logprobs.begin(), logprobs.end());
    events.push_back(Event("response.output_text.delta",
                           At({{"delta", piece.content}, {"logprobs", std::move(logprobs)}})));
  }
  for (const text::ToolCall& call : piece.calls) Call(call, events);
  return events;
}

std::vector<Json> ResponsesEvents::End(const AnswerEnd& end) {
  std::vector<Json> events;
  const bool cut = end.finish == engine::Finish::kLength;
  Close(events);
  // The last item of an answer that was cut off is not whole.
  if (cut && !response_["output"].empty()) response_["output"].back()["status"] = "incomplete";
  response_["status"] = cut ? "incomplete" : "completed";
  if (cut) response_["incomplete_details"] = {{"reason", "max_output_tokens"}};
  response_["usage"] = UsageOf(end.timings);
  events.push_back(
      Event(cut ? "response.incomplete" : "response.completed", {{"response", response_}}));
  return events;
}

std::vector<Json> ResponsesEvents::Fail(const core::Status& status) {
  std::vector<Json> events;
  Close(events);
  response_["status"] = "failed";
  response_["error"] = {{"code", "server_error"}, {"message", ErrorText(status)}};
  events.push_back(Event("response.failed", {{"response", response_}}));
  return events;
}

}  // namespace ingot::server
