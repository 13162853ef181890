#include "model/common_config.h"

#include <algorithm>
#include <string>

#include "core/strings.h"

namespace ingot::model {

ModelShape ReadShape(ConfigReader& config, int context) {
  ModelShape shape{.vocabulary = config.Size("vocab_size"),
                   .hidden = config.Size("hidden_size"),
                   .layers = config.Size("num_hidden_layers"),
                   .context = config.SizeOr("max_position_embeddings", context)};
  config.Require(shape.layers <= kMaxLayers, core::StrCat("num_hidden_layers: expected at most ",
                                                          kMaxLayers, ", found ", shape.layers));
  shape.layers = std::min(shape.layers, kMaxLayers);
  return shape;
}

AttentionShape ReadAttention(ConfigReader& config, const ModelShape& shape, float norm_eps,
                             int head_dim) {
  const int heads = config.Size("num_attention_heads");
  const int share = std::max(1, shape.hidden / heads);
  const AttentionShape attention{
      .hidden = shape.hidden,
      .heads = heads,
      .key_heads = config.SizeOr("num_key_value_heads", heads),
      .head_dim = config.SizeOr("head_dim", head_dim > 0 ? head_dim : share),
      .norm_eps = norm_eps};
  config.Require(heads % attention.key_heads == 0,
                 "num_attention_heads: expected a multiple of num_key_value_heads");
  return attention;
}

int CountOfAny(ConfigReader& config, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    if (const int count = config.CountOr(key, 0); count > 0) return count;
  }
  return 0;
}

}  // namespace ingot::model
