#include "models/bert.h"

#include <array>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/strings.h"
#include "model/common_config.h"
#include "model/dense_layers.h"
#include "model/encoder_layers.h"
#include "ops/attention.h"
#include "ops/fused.h"

namespace ingot::models {
namespace {

namespace mx = ops::mx;
using core::StrCat;
using model::Array;
using model::MeanNorm;

struct Config {
  model::ModelShape shape;
  int heads = 0;
  int inner = 0;
  int token_types = 2;
  float eps = 1e-12F;
  ops::MlpActivation activation;
};

core::Result<Config> ReadConfig(const core::Json& json) {
  model::ConfigReader reader(json);
  Config config;
  config.shape = model::ReadShape(reader, 512);
  config.heads = reader.Size("num_attention_heads");
  config.inner = reader.Size("intermediate_size");
  config.token_types = reader.SizeOr("type_vocab_size", 2);
  config.eps = reader.FloatOr("layer_norm_eps", 1e-12F);
  config.activation = model::ReadActivation(reader, "hidden_act", "gelu");
  reader.Require(config.shape.hidden % config.heads == 0,
                 "hidden_size: expected a multiple of num_attention_heads");
  const std::string positions = reader.TextOr("position_embedding_type", "absolute");
  reader.Require(
      positions == "absolute",
      StrCat("position_embedding_type: ", core::Quoted(positions, 40), " is not supported"));
  INGOT_TRY(reader.Finish());
  return config;
}

struct Layer {
  int heads;
  ops::Linear query;
  ops::Linear key;
  ops::Linear value;
  ops::Linear output;
  MeanNorm attention_norm;
  ops::Linear up;
  ops::MlpActivation activation;
  ops::Linear down;
  MeanNorm mlp_norm;

  Array operator()(const Array& x) const {
    const std::array<const ops::Linear*, 3> projections = {&query, &key, &value};
    const std::vector<Array> made = ops::ApplyEach(projections, x);
    const auto split = [&](size_t i) { return ops::SplitHeads(made[i], heads); };
    const float width = static_cast<float>(x.shape(2)) / static_cast<float>(heads);
    const Array found = ops::Attention(split(0), split(1), split(2),
                                       {.scale = 1.0F / std::sqrt(width), .causal = false});
    const Array h = attention_norm(ops::ApplyOnto(x, output, found));
    const Array inner = ops::Activate(activation, std::nullopt, ops::Apply(up, h));
    return mlp_norm(ops::ApplyOnto(h, down, inner));
  }
};

Layer LoadLayer(model::Weights& weights, const Config& config, int i) {
  const std::string name = StrCat("encoder.layer.", i);
  const int hidden = config.shape.hidden;
  const auto square = [&](std::string_view which) {
    return weights.Linear(StrCat(name, which), hidden, hidden);
  };
  const auto norm = [&](std::string_view which) {
    return MeanNorm::Load(weights, StrCat(name, which), hidden, config.eps);
  };
  return {.heads = config.heads,
          .query = square(".attention.self.query"),
          .key = square(".attention.self.key"),
          .value = square(".attention.self.value"),
          .output = square(".attention.output.dense"),
          .attention_norm = norm(".attention.output.LayerNorm"),
          .up = weights.Linear(name + ".intermediate.dense", config.inner, hidden),
          .activation = config.activation,
          .down = weights.Linear(name + ".output.dense", hidden, config.inner),
          .mlp_norm = norm(".output.LayerNorm")};
}

class Bert final : public model::TextEncoder {
 public:
  Bert(const Config& config, model::Weights& weights)
      : TextEncoder(config.shape),
        words_(weights.Table("embeddings.word_embeddings", config.shape.vocabulary,
                             config.shape.hidden)),
        positions_(weights.Table("embeddings.position_embeddings", config.shape.context,
                                 config.shape.hidden)),
        types_(weights.Table("embeddings.token_type_embeddings", config.token_types,
                             config.shape.hidden)),
        norm_(MeanNorm::Load(weights, "embeddings.LayerNorm", config.shape.hidden, config.eps)),
        type_(weights.type()) {
    for (int i = 0; i < config.shape.layers; ++i) {
      layers_.push_back(LoadLayer(weights, config, i));
    }
  }

  Array Forward(const Array& tokens) const override {
    const Array places = mx::arange(0, tokens.shape(1), 1, mx::int32);
    // One text alone is all of the first type.
    const Array first = mx::zeros({1}, mx::int32);
    Array x = norm_(ops::Rows(words_, tokens, type_) + ops::Rows(positions_, places, type_) +
                    ops::Rows(types_, first, type_));
    for (const Layer& layer : layers_) x = layer(x);
    return x;
  }

 private:
  ops::Linear words_;
  ops::Linear positions_;
  ops::Linear types_;
  MeanNorm norm_;
  mx::Dtype type_;
  std::vector<Layer> layers_;
};

constexpr std::array<std::string_view, 3> kPrefixes = {"bert.", "model.", ""};

}  // namespace

core::Result<std::unique_ptr<model::TextEncoder>> BuildBert(const core::Json& json,
                                                            model::Weights& weights) {
  INGOT_ASSIGN(const Config config, ReadConfig(json));
  weights.UsePrefix(kPrefixes, "embeddings.word_embeddings.weight");
  return weights.Finish<model::TextEncoder>(std::make_unique<Bert>(config, weights));
}

}  // namespace ingot::models
