#include "server/model_defaults.h"

#include <utility>

#include "core/json.h"
#include "core/log.h"
#include "core/strings.h"

namespace ingot::server {
namespace {

constexpr uint64_t kMaxTextBytes = uint64_t{16} << 20;

}  // namespace

core::Status ApplyParameters(const store::Store& store, const store::StoredModel& model,
                             engine::RequestOptions& options) {
  const store::Layer* layer = model.manifest().Find(store::kParamsMediaType);
  if (layer == nullptr) return core::Status::Ok();
  INGOT_ASSIGN(const std::string text, store.ReadBlob(*layer, kMaxTextBytes));
  const core::Result<core::Json> parameters = core::ParseJson(text);
  if (!parameters.ok() || !parameters->is_object()) {
    return core::Corrupt(
        core::StrCat(model.name.Short(), ": its parameters are not a JSON object"));
  }
  for (const auto& [name, value] : parameters->items()) {
    const core::Status status = engine::SetOption(options, name, value);
    if (status.ok()) continue;
    core::LogDebug(core::StrCat(model.name.Short(), ": PARAMETER ", status.message()));
  }
  return core::Status::Ok();
}

core::Result<std::vector<text::Message>> ModelMessages(const store::Store& store,
                                                       const store::StoredModel& model) {
  const store::Layer* layer = model.manifest().Find(store::kMessagesMediaType);
  if (layer == nullptr) return std::vector<text::Message>();
  INGOT_ASSIGN(const std::string text, store.ReadBlob(*layer, kMaxTextBytes));
  INGOT_ASSIGN(const core::Json json, core::ParseJson(text).Context(model.name.Short()));
  return text::MessagesFromJson(json).Context(model.name.Short());
}

}  // namespace ingot::server
