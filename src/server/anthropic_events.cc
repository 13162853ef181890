#include "server/anthropic_events.h"

#include <utility>

#include "server/http_types.h"

namespace ingot::server {
namespace {

using core::Json;

// What was read anew and what was known are counted apart here.
Json Usage(int input, int cached, int output) {
  return {{"input_tokens", input - cached},
          {"cache_creation_input_tokens", 0},
          {"cache_read_input_tokens", cached},
          {"output_tokens", output}};
}

Json MessageHead(const std::string& id, const std::string& model) {
  return {{"id", id}, {"type", "message"}, {"role", "assistant"}, {"model", model}};
}

Json StopSequence(const AnswerEnd& end) {
  return end.stop_text.empty() || AnthropicStop(end) != "stop_sequence" ? Json()
                                                                        : Json(end.stop_text);
}

}  // namespace

std::string_view AnthropicStop(const AnswerEnd& end) {
  if (end.finish == engine::Finish::kLength) return "max_tokens";
  if (end.called) return "tool_use";
  return end.stop_text.empty() ? "end_turn" : "stop_sequence";
}

Json AnthropicEvents::Start(int input, int cached) {
  Json message = MessageHead(id_, model_);
  message["content"] = Json::array();
  message["stop_reason"] = nullptr;
  message["stop_sequence"] = nullptr;
  message["usage"] = Usage(input, cached, 0);
  return {{"type", "message_start"}, {"message", std::move(message)}};
}

void AnthropicEvents::Open(std::string_view kind, Json block, std::vector<Json>& events) {
  if (open_ == kind) return;
  Close(events);
  open_ = kind;
  events.push_back(
      {{"type", "content_block_start"}, {"index", index_}, {"content_block", std::move(block)}});
}

void AnthropicEvents::Close(std::vector<Json>& events) {
  if (open_.empty()) return;
  events.push_back({{"type", "content_block_stop"}, {"index", index_}});
  open_.clear();
  ++index_;
}

void AnthropicEvents::Delta(Json delta, std::vector<Json>& events) const {
  events.push_back(
      {{"type", "content_block_delta"}, {"index", index_}, {"delta", std::move(delta)}});
}

std::vector<Json> AnthropicEvents::Piece(const AnswerPiece& piece) {
  std::vector<Json> events;
  if (!piece.thinking.empty()) {
    Open("thinking", {{"type", "thinking"}, {"thinking", ""}, {"signature", ""}}, events);
    Delta({{"type", "thinking_delta"}, {"thinking", piece.thinking}}, events);
  }
  if (!piece.content.empty()) {
    Open("text", {{"type", "text"}, {"text", ""}}, events);
    Delta({{"type", "text_delta"}, {"text", piece.content}}, events);
  }
  for (const text::ToolCall& call : piece.calls) {
    Close(events);
    Open("tool_use",
         {{"type", "tool_use"}, {"id", call.id}, {"name", call.name}, {"input", Json::object()}},
         events);
    Delta({{"type", "input_json_delta"}, {"partial_json", WireJson(call.arguments)}}, events);
    Close(events);
  }
  return events;
}

std::vector<Json> AnthropicEvents::End(const AnswerEnd& end) {
  std::vector<Json> events;
  Close(events);
  events.push_back(
      {{"type", "message_delta"},
       {"delta", {{"stop_reason", AnthropicStop(end)}, {"stop_sequence", StopSequence(end)}}},
       {"usage",
        Usage(end.timings.prompt_tokens, end.timings.kept_tokens, end.timings.generated_tokens)}});
  events.push_back({{"type", "message_stop"}});
  return events;
}

Json AnthropicMessage(const std::string& id, const std::string& model, const WholeAnswer& answer) {
  Json content = Json::array();
  if (!answer.all.thinking.empty()) {
    content.push_back({{"type", "thinking"}, {"thinking", answer.all.thinking}, {"signature", ""}});
  }
  if (!answer.all.content.empty() || (answer.all.calls.empty() && content.empty())) {
    content.push_back({{"type", "text"}, {"text", answer.all.content}});
  }
  for (const text::ToolCall& call : answer.all.calls) {
    content.push_back(
        {{"type", "tool_use"}, {"id", call.id}, {"name", call.name}, {"input", call.arguments}});
  }
  Json message = MessageHead(id, model);
  message["content"] = std::move(content);
  message["stop_reason"] = AnthropicStop(answer.end);
  message["stop_sequence"] = StopSequence(answer.end);
  message["usage"] = Usage(answer.end.timings.prompt_tokens, answer.end.timings.kept_tokens,
                           answer.end.timings.generated_tokens);
  return message;
}

}  // namespace ingot::server
