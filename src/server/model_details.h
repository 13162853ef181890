// What lists of models say of each: its family, size and type. Those of a manifest never change, so
// that the headers of a model's tensors are read once. Thread-safe.
#ifndef INGOT_SERVER_MODEL_DETAILS_H_
#define INGOT_SERVER_MODEL_DETAILS_H_

#include <list>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "core/json.h"
#include "server/model_card.h"
#include "store/store.h"

namespace ingot::server {

// The "details" of the Ollama API.
core::Json DetailsJson(const ModelCard& card);

class ModelDetails {
 public:
  explicit ModelDetails(size_t most = 1024) : most_(most) {}

  // What can be known of a model; less of one that is damaged, which is the business of `verify`.
  core::Json Of(const store::Store& store, const store::StoredModel& model);

 private:
  const size_t most_;
  std::mutex lock_;
  // By the digest of the manifest; the one that was used last in front.
  std::list<std::pair<std::string, core::Json>> known_;
  std::unordered_map<std::string, decltype(known_)::iterator> by_digest_;
};

}  // namespace ingot::server

#endif  // INGOT_SERVER_MODEL_DETAILS_H_
