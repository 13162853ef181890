#include "models/nomic_bert.h"

#include <array>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/strings.h"
#include "model/common_config.h"
#include "model/encoder_layers.h"
#include "model/rope_config.h"
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
  ops::RopeSpec rope;
  ops::MlpActivation activation;
};

// The field by its newer name, or by the one that Nomic's own configs have.
int SizeOfEither(model::ConfigReader& reader, std::string_view key, std::string_view old_key) {
  return reader.Find(key) == nullptr && reader.Find(old_key) != nullptr ? reader.Size(old_key)
                                                                        : reader.Size(key);
}

core::Result<Config> ReadConfig(const core::Json& json) {
  model::ConfigReader reader(json);
  Config config;
  config.shape = {
      .vocabulary = reader.Size("vocab_size"),
      .hidden = SizeOfEither(reader, "hidden_size", "n_embd"),
      .layers = SizeOfEither(reader, "num_hidden_layers", "n_layer"),
      .context = reader.SizeOr("max_position_embeddings", reader.SizeOr("n_positions", 2048))};
  config.heads = SizeOfEither(reader, "num_attention_heads", "n_head");
  config.inner = SizeOfEither(reader, "intermediate_size", "n_inner");
  config.token_types = reader.CountOr("type_vocab_size", 2);
  config.eps = reader.FloatOr("layer_norm_eps", reader.FloatOr("layer_norm_epsilon", 1e-12F));
  config.activation = model::ReadActivation(
      reader, reader.Find("hidden_act") != nullptr ? "hidden_act" : "activation_function", "silu");
  reader.Require(config.shape.layers <= model::kMaxLayers, "num_hidden_layers: too many");
  reader.Require(config.shape.hidden % config.heads == 0,
                 "hidden_size: expected a multiple of num_attention_heads");
  reader.Require(!reader.BoolOr("prenorm", false), "prenorm: only false is supported");
  config.rope = model::ReadRopeBlock(reader, reader.Find("rope_parameters"),
                                     config.shape.hidden / config.heads,
                                     {.base = reader.FloatOr("rotary_emb_base", 1000),
                                      .partial = reader.FloatOr("rotary_emb_fraction", 1)});
  config.rope.interleaved = reader.BoolOr("rotary_emb_interleaved", false);
  INGOT_TRY(reader.Finish());
  return config;
}

struct Layer {
  int heads;
  ops::RopeSpec rope;
  ops::Linear all;  // queries over keys over values
  ops::Linear output;
  MeanNorm attention_norm;
  ops::Linear up;
  ops::Linear gate;
  ops::MlpActivation activation;
  ops::Linear down;
  MeanNorm mlp_norm;

  Array operator()(const Array& x) const {
    const int width = x.shape(2);
    const Array made = ops::Apply(all, x);
    const auto part = [&](int i) {
      return ops::SplitHeads(ops::LastSlice(made, i * width, (i + 1) * width), heads);
    };
    const float head_dim = static_cast<float>(width) / static_cast<float>(heads);
    const Array found =
        ops::Attention(ops::Rope(part(0), rope, 0), ops::Rope(part(1), rope, 0), part(2),
                       {.scale = 1.0F / std::sqrt(head_dim), .causal = false});
    const Array h = attention_norm(ops::ApplyOnto(x, output, found));
    const std::array<const ops::Linear*, 2> projections = {&gate, &up};
    const std::vector<Array> both = ops::ApplyEach(projections, h);
    const Array inner = ops::Activate(activation, both[0], both[1]);
    return mlp_norm(ops::ApplyOnto(h, down, inner));
  }
};

Layer LoadLayer(model::Weights& weights, const Config& config, int i) {
  const std::string name = StrCat("encoder.layers.", i);
  const int hidden = config.shape.hidden;
  return {.heads = config.heads,
          .rope = config.rope,
          .all = weights.Linear(name + ".attn.Wqkv", 3 * hidden, hidden),
          .output = weights.Linear(name + ".attn.out_proj", hidden, hidden),
          .attention_norm = MeanNorm::Load(weights, name + ".norm1", hidden, config.eps),
          .up = weights.Linear(name + ".mlp.fc11", config.inner, hidden),
          .gate = weights.Linear(name + ".mlp.fc12", config.inner, hidden),
          .activation = config.activation,
          .down = weights.Linear(name + ".mlp.fc2", hidden, config.inner),
          .mlp_norm = MeanNorm::Load(weights, name + ".norm2", hidden, config.eps)};
}

class NomicBert final : public model::TextEncoder {
 public:
  NomicBert(const Config& config, model::Weights& weights)
      : TextEncoder(config.shape),
        words_(weights.Table("embeddings.word_embeddings", config.shape.vocabulary,
                             config.shape.hidden)),
        norm_(MeanNorm::Load(weights, "emb_ln", config.shape.hidden, config.eps)),
        type_(weights.type()) {
    if (config.token_types > 0) {
      types_ = weights.Table("embeddings.token_type_embeddings", config.token_types,
                             config.shape.hidden);
    }
    for (int i = 0; i < config.shape.layers; ++i) {
      layers_.push_back(LoadLayer(weights, config, i));
    }
  }

  Array Forward(const Array& tokens) const override {
    Array x = ops::Rows(words_, tokens, type_);
    // One text alone is all of the first type.
    if (types_) x = x + ops::Rows(*types_, mx::zeros({1}, mx::int32), type_);
    x = norm_(x);
    for (const Layer& layer : layers_) x = layer(x);
    return x;
  }

 private:
  ops::Linear words_;
  std::optional<ops::Linear> types_;
  MeanNorm norm_;
  mx::Dtype type_;
  std::vector<Layer> layers_;
};

constexpr std::array<std::string_view, 3> kPrefixes = {"", "model.", "bert."};

}  // namespace

core::Result<std::unique_ptr<model::TextEncoder>> BuildNomicBert(const core::Json& json,
                                                                 model::Weights& weights) {
  INGOT_ASSIGN(const Config config, ReadConfig(json));
  weights.UsePrefix(kPrefixes, "embeddings.word_embeddings.weight");
  return weights.Finish<model::TextEncoder>(std::make_unique<NomicBert>(config, weights));
}

}  // namespace ingot::models
