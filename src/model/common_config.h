// The fields of config.json that nearly every language model has.
#ifndef INGOT_MODEL_COMMON_CONFIG_H_
#define INGOT_MODEL_COMMON_CONFIG_H_

#include <initializer_list>
#include <string_view>

#include "model/config_reader.h"
#include "model/dense_layers.h"
#include "model/language_model.h"

namespace ingot::model {

inline constexpr int kMaxLayers = 4096;

// context: where max_position_embeddings is absent.
ModelShape ReadShape(ConfigReader& config, int context);

// Heads, key heads and their width; head_dim: where it is absent, 0 meaning hidden_size / heads.
AttentionShape ReadAttention(ConfigReader& config, const ModelShape& shape, float norm_eps,
                             int head_dim = 0);

// The first of the keys that is there and not 0, else 0.
int CountOfAny(ConfigReader& config, std::initializer_list<std::string_view> keys);

}  // namespace ingot::model

#endif  // INGOT_MODEL_COMMON_CONFIG_H_
