// Parts that text encoders share. Plain values, immutable once loaded.
#ifndef INGOT_MODEL_ENCODER_LAYERS_H_
#define INGOT_MODEL_ENCODER_LAYERS_H_

#include <string_view>

#include "model/config_reader.h"
#include "model/weights.h"
#include "ops/activation.h"
#include "ops/array.h"

namespace ingot::model {

// A norm with a mean: weight and bias.
struct MeanNorm {
  ops::Array weight;
  ops::Array bias;
  float eps;

  static MeanNorm Load(Weights& weights, std::string_view name, int width, float eps);
  ops::Array operator()(const ops::Array& x) const;
};

// "hidden_act" and its like; an activation that is not known is a complaint of the reader.
ops::MlpActivation ReadActivation(ConfigReader& config, std::string_view key,
                                  std::string_view fallback);

}  // namespace ingot::model

#endif  // INGOT_MODEL_ENCODER_LAYERS_H_
