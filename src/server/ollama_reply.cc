#include "server/ollama_reply.h"

#include <cmath>
#include <cstdio>

#include "core/clock.h"

namespace ingot::server {
namespace {

using core::Json;

constexpr int64_t kSecond = 1'000'000'000;

int64_t Nanos(double seconds) { return std::llround(seconds * 1e9); }

Json TokenJson(const TokenText& token) {
  Json bytes = Json::array();
  for (const char byte : token.bytes) bytes.push_back(static_cast<unsigned char>(byte));
  return {{"token", token.bytes}, {"logprob", token.logprob}, {"bytes", std::move(bytes)}};
}

// Zero is left out, as the original does.
void PutCount(Json& json, const char* name, int64_t value) {
  if (value != 0) json[name] = value;
}

}  // namespace

std::string Rfc3339Nanos(int64_t wall_ns) {
  std::string text = core::Rfc3339(wall_ns);
  text.pop_back();
  char fraction[16];
  const int64_t below = ((wall_ns % kSecond) + kSecond) % kSecond;
  std::snprintf(fraction, sizeof fraction, ".%09lldZ", static_cast<long long>(below));
  return text + fraction;
}

Json LogprobsJson(const std::vector<PieceLogprob>& logprobs) {
  Json list = Json::array();
  for (const PieceLogprob& one : logprobs) {
    Json entry = TokenJson(one.chosen);
    if (!one.top.empty()) {
      Json top = Json::array();
      for (const TokenText& token : one.top) top.push_back(TokenJson(token));
      entry["top_logprobs"] = std::move(top);
    }
    list.push_back(std::move(entry));
  }
  return list;
}

Json ToolCallsJson(const std::vector<text::ToolCall>& calls, size_t first_index) {
  Json list = Json::array();
  for (const text::ToolCall& call : calls) {
    list.push_back(
        {{"id", call.id},
         {"function",
          {{"index", first_index++}, {"name", call.name}, {"arguments", call.arguments}}}});
  }
  return list;
}

Json OllamaMaker::Base(const AnswerPiece& piece, int64_t wall_ns) const {
  Json json = {{"model", model}, {"created_at", Rfc3339Nanos(wall_ns)}};
  if (shape == OllamaShape::kChat) {
    Json message = {{"role", "assistant"}, {"content", piece.content}};
    if (!piece.thinking.empty()) message["thinking"] = piece.thinking;
    if (!piece.calls.empty()) message["tool_calls"] = ToolCallsJson(piece.calls, 0);
    json["message"] = std::move(message);
  } else {
    json["response"] = piece.content;
    if (!piece.thinking.empty()) json["thinking"] = piece.thinking;
    if (!piece.calls.empty()) json["tool_calls"] = ToolCallsJson(piece.calls, 0);
  }
  return json;
}

Json OllamaMaker::Piece(const AnswerPiece& piece, int64_t wall_ns) const {
  Json json = Base(piece, wall_ns);
  json["done"] = false;
  if (!piece.logprobs.empty()) json["logprobs"] = LogprobsJson(piece.logprobs);
  return json;
}

Json OllamaMaker::End(const AnswerPiece& all, const AnswerEnd& end, int64_t wall_ns) const {
  Json json = Base(all, wall_ns);
  json["done"] = true;
  json["done_reason"] = engine::FinishName(end.finish);
  if (shape == OllamaShape::kGenerate && wants_context) json["context"] = end.tokens;
  const engine::GenerationTimings& timings = end.timings;
  PutCount(json, "total_duration", Nanos(end.total_seconds));
  PutCount(json, "load_duration", Nanos(end.load_seconds));
  PutCount(json, "prompt_eval_count", timings.prompt_tokens);
  PutCount(json, "prompt_eval_cached_count", timings.kept_tokens);
  if (end.miss != engine::PrefixMiss::kNone) {
    json["prompt_eval_miss"] = engine::PrefixMissName(end.miss);
  }
  PutCount(json, "prompt_eval_duration", Nanos(timings.prefill_seconds));
  PutCount(json, "eval_count", timings.generated_tokens);
  if (timings.generated_tokens > 0) {
    PutCount(json, "eval_duration", Nanos(timings.decode_seconds));
  }
  if (!all.logprobs.empty()) json["logprobs"] = LogprobsJson(all.logprobs);
  return json;
}

Json OllamaMaker::Nothing(std::string_view done_reason, int64_t wall_ns) const {
  Json json = Base({}, wall_ns);
  json["done"] = true;
  json["done_reason"] = done_reason;
  return json;
}

Json OllamaMaker::Rendered(const std::string& prompt, int64_t wall_ns) const {
  Json json = Base({}, wall_ns);
  json["done"] = false;
  json["_debug_info"] = {{"rendered_template", prompt}, {"image_count", 0}};
  return json;
}

}  // namespace ingot::server
