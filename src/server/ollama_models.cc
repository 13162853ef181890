// What the Ollama API says of the models that there are, and what it does with their names.
#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "core/strings.h"
#include "engine/chat_format.h"
#include "engine/model_files.h"
#include "server/errors.h"
#include "server/fields.h"
#include "server/model_card.h"
#include "server/model_defaults.h"
#include "server/model_details.h"
#include "server/ollama_handlers.h"
#include "server/ollama_reply.h"
#include "server/version.h"
#include "store/copy.h"
#include "store/remove.h"

namespace ingot::server {
namespace {

using core::Json;
using core::Result;
using core::Status;
using core::StrCat;

// For good, as the original writes it: far beyond anybody's life.
constexpr int64_t kForeverSeconds = int64_t{100} * 365 * 86400;

void Answer(const ExchangePtr& exchange, const Result<Json>& json) {
  if (!json.ok()) return SendError(*exchange, json.status());
  exchange->Send(JsonReply(200, *json));
}

// Names come as "model", or as "name" from older clients.
Result<store::ModelName> TakeName(Fields& fields) {
  INGOT_ASSIGN(std::optional<std::string> text, fields.Text("model"));
  INGOT_ASSIGN(const std::optional<std::string> older, fields.Text("name"));
  if (!text || text->empty()) text = older;
  if (!text || text->empty()) return core::InvalidArgument("model is required");
  return store::ModelName::Parse(*text);
}

// What this server does with a model. It reads text alone, whatever else a model was made for.
std::vector<std::string> Capabilities(const store::ModelConfig& config) {
  if (config.capabilities.empty()) return {"completion"};
  std::vector<std::string> able = config.capabilities;
  std::erase_if(able, [](const std::string& one) { return one == "vision" || one == "audio"; });
  return able;
}

Result<Json> Tags(Context& context) {
  INGOT_ASSIGN(store::ManifestScan scan, context.store.Scan());
  std::stable_sort(scan.models.begin(), scan.models.end(),
                   [](const auto& a, const auto& b) { return a.modified_ns > b.modified_ns; });
  Json models = Json::array();
  for (const store::StoredModel& model : scan.models) {
    const std::string name = model.name.Short();
    Json entry = {{"name", name},
                  {"model", name},
                  {"modified_at", Rfc3339Nanos(model.modified_ns)},
                  {"size", model.manifest().TotalSize()},
                  {"digest", model.raw.id.Hex()}};
    // A damaged config is `verify`'s business.
    const auto config = context.store.ReadConfig(model.manifest());
    entry["details"] = context.details.Of(context.store, model);
    entry["capabilities"] = config.ok() ? Capabilities(*config) : std::vector<std::string>();
    models.push_back(std::move(entry));
  }
  return Json{{"models", std::move(models)}};
}

// Of a model that runs; one that was removed meanwhile has none.
Json DetailsOf(Context& context, const std::string& name) {
  if (const auto parsed = store::ModelName::Parse(name); parsed.ok()) {
    if (const auto stored = context.store.Read(*parsed); stored.ok()) {
      return context.details.Of(context.store, *stored);
    }
  }
  return Json::object();
}

Result<Json> Running(Context& context) {
  const int64_t now = context.clock.WallNs();
  Json models = Json::array();
  for (const engine::RunningModel& model : context.models.Running()) {
    Json entry = {{"name", model.name},
                  {"model", model.name},
                  {"size", model.bytes},
                  {"digest", model.digest}};
    entry["details"] = DetailsOf(context, model.name);
    const int64_t seconds = model.expires_in ? model.expires_in->count() : kForeverSeconds;
    entry["expires_at"] = Rfc3339Nanos(now + seconds * 1'000'000'000);
    entry["size_vram"] = 0;  // memory is the machine's
    entry["context_length"] = model.context;
    models.push_back(std::move(entry));
  }
  return Json{{"models", std::move(models)}};
}

// "temperature                    0.7", a line a value.
std::string ParameterLines(const ModelCard& card) {
  std::string out;
  for (const auto& [name, value] : SingleParams(card)) {
    std::array<char, 64> padded = {};
    std::snprintf(padded.data(), padded.size(), "%-30s", core::Printable(name, 60).c_str());
    if (!out.empty()) out += "\n";
    out += StrCat(padded.data(), " ", value.is_string() ? WireJson(value) : value.dump());
  }
  return out;
}

Result<Json> Show(Context& context, const Request& request) {
  INGOT_ASSIGN(Fields fields, Fields::Parse(request.body));
  INGOT_ASSIGN(const store::ModelName name, TakeName(fields));
  INGOT_ASSIGN(const std::optional<bool> verbose, fields.Bool("verbose"));
  // Overrides that only changed what was shown.
  INGOT_TRY(fields.Refuse({"system", "template", "options"}));
  INGOT_TRY(fields.Done());
  INGOT_ASSIGN(const ModelCard card, ReadModelCard(context.store, name));
  Json json = Json::object();
  if (!card.licenses.empty()) {
    json["license"] = core::Join(card.licenses, "\n");
  }
  json["modelfile"] = ModelfileOf(card);
  if (const std::string lines = ParameterLines(card); !lines.empty()) json["parameters"] = lines;
  json["template"] = card.template_text;
  if (!card.system.empty()) json["system"] = card.system;
  if (!card.config.renderer.empty()) json["renderer"] = card.config.renderer;
  if (!card.config.parser.empty()) json["parser"] = card.config.parser;
  json["details"] = DetailsJson(card);
  INGOT_ASSIGN(const std::vector<text::Message> messages, ModelMessages(context.store, card.model));
  if (!messages.empty()) {
    Json list = Json::array();
    for (const text::Message& message : messages) {
      list.push_back({{"role", message.role}, {"content", message.Text()}});
    }
    json["messages"] = std::move(list);
  }
  json["model_info"] = card.model_info;
  if (verbose.value_or(false)) {
    Json tensors = Json::array();
    for (const ModelTensor& tensor : card.tensors) {
      tensors.push_back({{"name", tensor.name}, {"type", tensor.type}, {"shape", tensor.shape}});
    }
    json["tensors"] = std::move(tensors);
  }
  json["capabilities"] = Capabilities(card.config);
  json["modified_at"] = Rfc3339Nanos(card.model.modified_ns);
  if (!card.config.requires_version.empty()) json["requires"] = card.config.requires_version;
  return json;
}

Status Copy(Context& context, const Request& request) {
  INGOT_ASSIGN(Fields fields, Fields::Parse(request.body));
  INGOT_ASSIGN(const std::optional<std::string> from, fields.Text("source"));
  INGOT_ASSIGN(const std::optional<std::string> to, fields.Text("destination"));
  INGOT_TRY(fields.Done());
  if (!from || !to) return core::InvalidArgument("source and destination are required");
  INGOT_ASSIGN(const store::ModelName source, store::ModelName::Parse(*from).Context("source"));
  INGOT_ASSIGN(const store::ModelName target, store::ModelName::Parse(*to).Context("destination"));
  INGOT_ASSIGN(const store::ModelName canonical, context.store.Canonical(source));
  return store::CopyModel(context.store, canonical, target).status();
}

Status Delete(Context& context, const Request& request) {
  INGOT_ASSIGN(Fields fields, Fields::Parse(request.body));
  INGOT_ASSIGN(const store::ModelName name, TakeName(fields));
  INGOT_TRY(fields.Done());
  INGOT_ASSIGN(const store::ModelName canonical, context.store.Canonical(name));
  context.models.Stop(canonical.Short());
  return store::RemoveModel(context.store, canonical).status();
}

void AnswerStatus(const ExchangePtr& exchange, const Status& status) {
  if (!status.ok()) return SendError(*exchange, status);
  Reply reply;
  reply.content_type.clear();
  exchange->Send(std::move(reply));
}

}  // namespace

void HandleVersion(Context& context, const ExchangePtr& exchange) {
  (void)context;
  exchange->Send(JsonReply(200, {{"version", kOllamaVersion}, {"ingot", OwnVersion()}}));
}

// The original asks a service of its makers; there is nothing of the kind here.
void HandleStatus(Context& context, const ExchangePtr& exchange) {
  (void)context;
  exchange->Send(JsonReply(200, {{"cloud", {{"disabled", true}, {"source", "none"}}}}));
}

void HandleTags(Context& context, const ExchangePtr& exchange) { Answer(exchange, Tags(context)); }
void HandlePs(Context& context, const ExchangePtr& exchange) { Answer(exchange, Running(context)); }
void HandleShow(Context& context, const ExchangePtr& exchange) {
  Answer(exchange, Show(context, exchange->request()));
}
void HandleCopy(Context& context, const ExchangePtr& exchange) {
  AnswerStatus(exchange, Copy(context, exchange->request()));
}
void HandleDelete(Context& context, const ExchangePtr& exchange) {
  AnswerStatus(exchange, Delete(context, exchange->request()));
}

}  // namespace ingot::server
