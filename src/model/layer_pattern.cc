#include "model/layer_pattern.h"

#include <algorithm>
#include <string>

#include "core/strings.h"

namespace ingot::model {
namespace {

// The field's texts, or none where it is absent or of the wrong length.
std::vector<std::string> TextPerLayer(ConfigReader& config, std::string_view key, int layers) {
  std::vector<std::string> texts = config.Texts(key);
  if (texts.empty() || texts.size() == static_cast<size_t>(layers)) return texts;
  config.Require(false, core::StrCat(key, ": expected ", layers, " entries, found ", texts.size()));
  return {};
}

}  // namespace

std::vector<bool> LayersOfKind(ConfigReader& config, int layers, std::string_view kind,
                               int interval) {
  const std::vector<std::string> types = TextPerLayer(config, "layer_types", layers);
  std::vector<bool> result;
  for (int i = 0; i < layers; ++i) {
    const bool named =
        !types.empty() && types[static_cast<size_t>(i)].find(kind) != std::string::npos;
    result.push_back(types.empty() ? interval > 0 && (i + 1) % interval == 0 : named);
  }
  return result;
}

std::vector<bool> SparseLayers(ConfigReader& config, int layers, int first) {
  const std::vector<std::string> types = TextPerLayer(config, "mlp_layer_types", layers);
  const std::vector<int> dense = config.Counts("mlp_only_layers");
  const int step = config.SizeOr("decoder_sparse_step", 1);
  std::vector<bool> result;
  for (int i = 0; i < layers; ++i) {
    const bool counted = i >= first && (i + 1) % step == 0 &&
                         std::find(dense.begin(), dense.end(), i) == dense.end();
    result.push_back(types.empty() ? counted : types[static_cast<size_t>(i)] == "sparse");
  }
  return result;
}

}  // namespace ingot::model
