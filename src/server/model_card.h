// What `ingot show` knows of a stored model, gathered from its config blob, its config.json, its
// texts and the headers of its tensors. One thread.
#ifndef INGOT_SERVER_MODEL_CARD_H_
#define INGOT_SERVER_MODEL_CARD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/json.h"
#include "core/status.h"
#include "server/model_tensors.h"
#include "store/store.h"

namespace ingot::server {

struct ModelCard {
  explicit ModelCard(store::StoredModel stored) : model(std::move(stored)) {}

  store::StoredModel model;
  store::ModelConfig config;

  std::string architecture;  // "qwen3"; empty where nothing says
  std::string parameters;    // "4.0B"; empty where it is not known
  std::optional<uint64_t> parameter_count;
  std::optional<uint64_t> context_length;
  std::optional<uint64_t> embedding_length;
  std::string quantization;  // "int4", or the type of its floats
  // general.architecture, <architecture>.block_count and so on, as the API reports them.
  core::Json model_info = core::Json::object();

  core::Json params = core::Json::object();  // sampling parameters, as they are stored
  std::string template_text;
  std::string system;
  std::vector<std::string> licenses;

  std::vector<ModelTensor> tensors;  // by name
  core::Status tensors_error;        // why there are none: a blob is missing or damaged
};

// Of a model whose pull goes on: what can be said of it without its tensors.
core::Result<ModelCard> ReadPartialModelCard(const store::Store& store, store::StoredModel model);

// Fails where the config or a text cannot be read; damaged tensors only leave their fields empty.
core::Result<ModelCard> ReadModelCard(const store::Store& store, const store::ModelName& name);

// Name and value of every sampling parameter, one entry for each value of a list.
std::vector<std::pair<std::string, core::Json>> SingleParams(const ModelCard& card);

// The card as a Modelfile that makes the same model again.
std::string ModelfileOf(const ModelCard& card);

}  // namespace ingot::server

#endif  // INGOT_SERVER_MODEL_CARD_H_
