#include "models/gemma3.h"

#include <array>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/strings.h"
#include "model/common_config.h"
#include "model/dense_layers.h"
#include "model/frame.h"
#include "model/layer_pattern.h"
#include "model/rope_config.h"

namespace ingot::models {
namespace {

using core::StrCat;
using model::Array;
using model::Batch;
using model::SequenceState;

struct Config {
  model::ModelShape shape;
  model::AttentionShape attention;
  ops::RopeSpec full_rope;
  ops::RopeSpec sliding_rope;
  model::MlpShape mlp;
  float eps = 1e-6F;
  float score_scale = 0;
  float logit_cap = 0;  // 0: none
  int window = 0;
  std::vector<bool> full;  // a layer
};

// Published configs leave out what the number of layers already says.
struct PublishedHeads {
  int layers;
  int heads;
  int key_heads;
};
constexpr std::array<PublishedHeads, 4> kPublishedHeads = {
    {{26, 4, 1}, {34, 8, 4}, {48, 16, 8}, {62, 32, 16}}};

model::AttentionShape ReadHeads(model::ConfigReader& reader, const model::ModelShape& shape,
                                float eps) {
  PublishedHeads heads{.layers = shape.layers, .heads = 8, .key_heads = 4};
  for (const PublishedHeads& published : kPublishedHeads) {
    if (published.layers == shape.layers) heads = published;
  }
  const model::AttentionShape attention{
      .hidden = shape.hidden,
      .heads = reader.SizeOr("num_attention_heads", heads.heads),
      .key_heads = reader.SizeOr("num_key_value_heads", heads.key_heads),
      .head_dim = reader.SizeOr("head_dim", 256),
      .norm_eps = eps};
  reader.Require(attention.heads % attention.key_heads == 0,
                 "num_attention_heads: expected a multiple of num_key_value_heads");
  return attention;
}

core::Result<Config> ReadConfig(const core::Json& json) {
  model::ConfigReader reader(json);
  Config config;
  config.shape = {.vocabulary = reader.SizeOr("vocab_size", 262208),
                  .hidden = reader.Size("hidden_size"),
                  .layers = reader.Size("num_hidden_layers"),
                  .context = reader.SizeOr("max_position_embeddings", 131072)};
  reader.Require(config.shape.layers <= model::kMaxLayers, "num_hidden_layers: too many");
  config.eps = reader.FloatOr("rms_norm_eps", 1e-6F);
  config.attention = ReadHeads(reader, config.shape, config.eps);
  const int width = config.attention.head_dim;
  // The old spelling has its scaling for full attention alone.
  const core::Json* full = model::RopeBlockOf(reader, "full_attention");
  config.full_rope = full != nullptr ? model::ReadRopeBlock(reader, full, width, {.base = 1e6F})
                                     : model::ReadRope(reader, width, {.base = 1e6F});
  config.sliding_rope =
      model::ReadRopeBlock(reader, model::RopeBlockOf(reader, "sliding_attention"), width,
                           {.base = reader.FloatOr("rope_local_base_freq", 10000)});
  config.mlp = {.hidden = config.shape.hidden,
                .inner = reader.Size("intermediate_size"),
                .activation = {.kind = ops::MlpActivation::Kind::kGeluTanh}};
  const float scalar = reader.FloatOr("query_pre_attn_scalar", static_cast<float>(width));
  reader.Require(scalar > 0, "query_pre_attn_scalar: expected a positive number");
  config.score_scale = scalar > 0 ? 1.0F / std::sqrt(scalar) : 0;
  config.logit_cap = reader.FloatOr("final_logit_softcapping", 0);
  config.window = reader.SizeOr("sliding_window", 512);
  const int interval =
      reader.SizeOr("sliding_window_pattern", reader.SizeOr("_sliding_window_pattern", 6));
  const int layers = config.shape.layers <= model::kMaxLayers ? config.shape.layers : 0;
  config.full = model::LayersOfKind(reader, layers, "full", interval);
  INGOT_TRY(reader.Finish());
  return config;
}

struct Layer {
  Array before_attention;
  model::SelfAttention attention;
  Array after_attention;
  Array before_mlp;
  model::Mlp mlp;
  Array after_mlp;
};

class Gemma3 final : public model::LanguageModel {
 public:
  Gemma3(const Config& config, model::Weights& weights)
      : LanguageModel(config.shape),
        frame_(model::Frame::Load(weights, config.shape, config.eps, true)),
        logit_cap_(config.logit_cap) {
    for (size_t i = 0; i < config.full.size(); ++i) {
      const std::string name = StrCat("layers.", i);
      const bool full = config.full[i];
      const auto norm = [&](std::string_view which) {
        return model::LoadNorm(weights, StrCat(name, which, "_layernorm.weight"),
                               config.shape.hidden, true);
      };
      layers_.push_back(
          {norm(".input"),
           model::SelfAttention::Load(weights, name + ".self_attn", config.attention,
                                      {.rope = full ? config.full_rope : config.sliding_rope,
                                       .window = full ? 0 : config.window,
                                       .scale = config.score_scale,
                                       .norms = model::HeadNorms::kZeroCentred}),
           norm(".post_attention"), norm(".pre_feedforward"),
           model::Mlp::Load(weights, name + ".mlp", config.mlp), norm(".post_feedforward")});
    }
  }

  SequenceState NewState() const override {
    return model::StateOf(layers_, [](const Layer& layer) { return layer.attention.NewCache(); });
  }

  Array Forward(const Array& tokens, const Batch& batch) const override {
    Array x = frame_.Embed(tokens);
    x = x * ops::Scalar(std::sqrt(static_cast<float>(shape().hidden)), x);
    for (size_t i = 0; i < layers_.size(); ++i) {
      const Layer& layer = layers_[i];
      const auto norm = [&](const Array& rows, const Array& weight) {
        return ops::RmsNorm(rows, weight, frame_.eps);
      };
      x = x +
          norm(layer.attention(norm(x, layer.before_attention), batch, i), layer.after_attention);
      x = x + norm(layer.mlp(norm(x, layer.before_mlp)), layer.after_mlp);
    }
    batch.Advance();
    return frame_.Norm(x);
  }

  Array Logits(const Array& hidden) const override {
    const Array logits = frame_.Logits(hidden);
    return logit_cap_ > 0 ? ops::Softcap(logits, logit_cap_) : logits;
  }

 private:
  model::Frame frame_;
  float logit_cap_;
  std::vector<Layer> layers_;
};

}  // namespace

core::Result<std::unique_ptr<model::LanguageModel>> BuildGemma3(const core::Json& json,
                                                                model::Weights& weights) {
  INGOT_ASSIGN(const Config config, ReadConfig(json));
  weights.UsePrefix(model::kLanguageModelPrefixes, "embed_tokens.weight");
  return weights.Finish<model::LanguageModel>(std::make_unique<Gemma3>(config, weights));
}

}  // namespace ingot::models
