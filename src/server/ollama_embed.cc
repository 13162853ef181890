// /api/embed, and /api/embeddings as older clients know it.
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/embed.h"
#include "server/errors.h"
#include "server/fields.h"
#include "server/ollama_handlers.h"
#include "server/ollama_request.h"

namespace ingot::server {
namespace {

using core::Json;
using core::Result;
using core::Status;

constexpr int64_t kMostDimensions = 1 << 20;

// What both have. Options change nothing that an embedding is made of, and are refused.
Status ReadShared(Fields& fields, EmbedTask& task) {
  INGOT_ASSIGN(std::optional<std::string> model, fields.Text("model"));
  if (!model || model->empty()) return core::InvalidArgument("model is required");
  task.model = *std::move(model);
  INGOT_ASSIGN(task.keep_alive, fields.Duration("keep_alive"));
  INGOT_ASSIGN(const std::optional<bool> truncate, fields.Bool("truncate"));
  task.truncate = truncate.value_or(true);
  const Json* options = fields.Take("options");
  if (options == nullptr) return Status::Ok();
  if (!options->is_object()) return WrongField("options", "an object", *options);
  ChatTask hints;
  Fields only(Json{{"options", *options}});
  INGOT_TRY(ReadOptions(only, hints));
  if (hints.settings.empty()) return Status::Ok();
  return core::Unsupported("options: " + hints.settings.front().first +
                           " means nothing to an embedding");
}

Result<EmbedTask> ReadEmbed(const Request& request) {
  INGOT_ASSIGN(Fields fields, Fields::Parse(request.body));
  EmbedTask task;
  INGOT_TRY(ReadShared(fields, task));
  INGOT_ASSIGN(std::vector<std::string> inputs, fields.Texts("input"));
  for (std::string& text : inputs) task.inputs.emplace_back(std::move(text));
  INGOT_ASSIGN(const std::optional<int64_t> size, fields.Int("dimensions", 0, kMostDimensions));
  task.dimensions = static_cast<size_t>(size.value_or(0));
  INGOT_TRY(fields.Done());
  return task;
}

Result<EmbedTask> ReadEmbeddings(const Request& request) {
  INGOT_ASSIGN(Fields fields, Fields::Parse(request.body));
  EmbedTask task;
  INGOT_TRY(ReadShared(fields, task));
  INGOT_ASSIGN(std::optional<std::string> prompt, fields.Text("prompt"));
  INGOT_TRY(fields.Done());
  if (prompt && !prompt->empty()) task.inputs.emplace_back(*std::move(prompt));
  return task;
}

int64_t Nanos(double seconds) { return std::llround(seconds * 1e9); }

}  // namespace

void HandleEmbed(Context& context, const ExchangePtr& exchange) {
  Result<EmbedTask> task = ReadEmbed(exchange->request());
  if (!task.ok()) return SendError(*exchange, task.status());
  task->cancelled = [exchange] { return exchange->gone(); };
  const Result<EmbedResult> result = Embed(context.models, *task);
  if (!result.ok()) return SendError(*exchange, result.status());
  Json json = {{"model", task->model}, {"embeddings", result->vectors}};
  json["total_duration"] = Nanos(result->total_seconds);
  json["load_duration"] = Nanos(result->load_seconds);
  if (result->prompt_tokens > 0) json["prompt_eval_count"] = result->prompt_tokens;
  exchange->Send(JsonReply(200, json));
}

void HandleEmbeddings(Context& context, const ExchangePtr& exchange) {
  const Result<EmbedTask> task = ReadEmbeddings(exchange->request());
  if (!task.ok()) return SendError(*exchange, task.status());
  const Result<EmbedResult> result = Embed(context.models, *task);
  if (!result.ok()) return SendError(*exchange, result.status());
  Json list = Json::array();
  if (!result->vectors.empty()) {
    for (const float value : result->vectors.front()) list.push_back(static_cast<double>(value));
  }
  exchange->Send(JsonReply(200, {{"embedding", std::move(list)}}));
}

}  // namespace ingot::server
