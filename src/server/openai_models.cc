// GET /v1/models and /v1/models/NAME. The OpenAI and the Anthropic API ask at the same address and
// want different fields: each model has those of both.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "server/errors.h"
#include "server/http_types.h"
#include "server/openai_fields.h"
#include "server/openai_handlers.h"
#include "store/name.h"
#include "store/store.h"

namespace ingot::server {
namespace {

using core::Json;

Json ModelJson(const store::StoredModel& model) {
  const std::string name = model.name.Short();
  return {{"id", name},
          {"object", "model"},
          {"created", model.modified_ns / 1'000'000'000},
          {"owned_by", "ingot"},
          {"type", "model"},
          {"display_name", name},
          {"created_at", core::Rfc3339(model.modified_ns)}};
}

}  // namespace

void HandleListModels(Context& context, const ExchangePtr& exchange) {
  core::Result<store::ManifestScan> scan = context.store.Scan();
  if (!scan.ok()) return SendOpenAiError(*exchange, scan.status());
  std::stable_sort(scan->models.begin(), scan->models.end(),
                   [](const auto& a, const auto& b) { return a.modified_ns > b.modified_ns; });
  Json list = Json::array();
  for (const store::StoredModel& model : scan->models) list.push_back(ModelJson(model));
  Json body = {{"object", "list"}, {"data", std::move(list)}, {"has_more", false}};
  const Json& data = body["data"];
  const Json first = data.empty() ? Json() : data.front()["id"];
  const Json last = data.empty() ? Json() : data.back()["id"];
  body["first_id"] = first;
  body["last_id"] = last;
  exchange->Send(JsonReply(200, body));
}

void HandleGetModel(Context& context, const ExchangePtr& exchange) {
  const core::Result<store::ModelName> name =
      store::ModelName::Parse(exchange->request().parts.front());
  if (!name.ok()) return SendOpenAiError(*exchange, name.status());
  const core::Result<store::StoredModel> model = context.store.Read(*name);
  if (!model.ok()) return SendOpenAiError(*exchange, model.status());
  exchange->Send(JsonReply(200, ModelJson(*model)));
}

}  // namespace ingot::server
