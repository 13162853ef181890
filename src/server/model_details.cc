#include "server/model_details.h"

namespace ingot::server {
namespace {

using core::Json;

// Of a config blob alone.
Json FromConfig(const store::ModelConfig& config) {
  Json families = Json::array();
  if (config.model_families) families = *config.model_families;
  const std::string family =
      config.model_family.empty() ? config.architecture : config.model_family;
  if (families.empty() && !family.empty()) families.push_back(family);
  return {{"parent_model", ""},
          {"format", config.model_format},
          {"family", family},
          {"families", std::move(families)},
          {"parameter_size", config.model_type},
          {"quantization_level", config.file_type},
          {"context_length", config.context_length},
          {"embedding_length", config.embedding_length}};
}

}  // namespace

Json DetailsJson(const ModelCard& card) {
  Json details = FromConfig(card.config);
  if (!card.architecture.empty()) {
    details["family"] = card.architecture;
    details["families"] = Json::array({card.architecture});
  }
  details["parameter_size"] = card.parameters;
  details["quantization_level"] = card.quantization;
  if (card.context_length) details["context_length"] = *card.context_length;
  if (card.embedding_length) details["embedding_length"] = *card.embedding_length;
  return details;
}

Json ModelDetails::Of(const store::Store& store, const store::StoredModel& model) {
  const std::string digest = model.raw.id.Hex();
  {
    const std::lock_guard<std::mutex> hold(lock_);
    if (const auto found = by_digest_.find(digest); found != by_digest_.end()) {
      known_.splice(known_.begin(), known_, found->second);
      return found->second->second;
    }
  }
  const core::Result<ModelCard> card = ReadModelCard(store, model.name);
  if (!card.ok() || !card->tensors_error.ok() || card->model.raw.id.Hex() != digest) {
    // Damaged, or replaced a moment ago: nothing to keep.
    const auto config = store.ReadConfig(model.manifest());
    return FromConfig(config.ok() ? *config : store::ModelConfig());
  }
  Json details = DetailsJson(*card);
  const std::lock_guard<std::mutex> hold(lock_);
  if (by_digest_.contains(digest)) return details;
  known_.emplace_front(digest, details);
  by_digest_[digest] = known_.begin();
  if (known_.size() > most_) {
    by_digest_.erase(known_.back().first);
    known_.pop_back();
  }
  return details;
}

}  // namespace ingot::server
