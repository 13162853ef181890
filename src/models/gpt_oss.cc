#include "models/gpt_oss.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/strings.h"
#include "family/families.h"
#include "model/common_config.h"
#include "model/decoder.h"
#include "model/expert_weights.h"
#include "model/layer_pattern.h"
#include "model/mixture.h"
#include "model/rope_config.h"

namespace ingot::models {
namespace {

using core::StrCat;
using Decoder = model::Decoder<model::SelfAttention, model::Mixture>;

struct Config {
  model::ModelShape shape;
  model::AttentionShape attention;
  ops::RopeSpec rope;
  model::ExpertShape experts;
  ops::RouterSpec router;
  float eps = 1e-5F;
  int window = 0;
  std::vector<bool> slides;  // a layer
};

core::Result<Config> ReadConfig(const core::Json& json) {
  model::ConfigReader reader(json);
  Config config;
  config.shape = model::ReadShape(reader, 131072);
  config.eps = reader.FloatOr("rms_norm_eps", 1e-5F);
  config.attention = model::ReadAttention(reader, config.shape, config.eps, 64);
  config.rope = model::ReadRope(reader, config.attention.head_dim, {.base = 150000});
  config.experts = {.experts = model::CountOfAny(reader, {"num_local_experts", "num_experts"}),
                    .hidden = config.shape.hidden,
                    .inner = reader.Size("intermediate_size"),
                    .activation = {.kind = ops::MlpActivation::Kind::kClampedSilu,
                                   .limit = reader.FloatOr("swiglu_limit", 7),
                                   .alpha = reader.FloatOr("swiglu_alpha", 1.702F)}};
  // A softmax over the chosen alone is one over all, brought back to a sum of one.
  config.router = {.chosen =
                       model::CountOfAny(reader, {"num_experts_per_tok", "experts_per_token"})};
  reader.Require(config.router.chosen > 0 && config.router.chosen <= config.experts.experts,
                 "num_experts_per_tok: expected 1 to num_local_experts");
  config.window = reader.SizeOr("sliding_window", 128);
  const bool named = reader.Find("layer_types") != nullptr;
  config.slides = model::LayersOfKind(reader, config.shape.layers, "sliding", 0);
  // Where no field says it, every other layer has a window, the first one too.
  for (size_t i = 0; !named && i < config.slides.size(); i += 2) config.slides[i] = true;
  INGOT_TRY(reader.Finish());
  return config;
}

Decoder::Layer LoadLayer(const Config& config, model::Weights& weights, size_t i) {
  const std::string name = StrCat("layers.", i);
  const int hidden = config.shape.hidden;
  return {
      model::LoadNorm(weights, name + ".input_layernorm.weight", hidden),
      model::SelfAttention::Load(
          weights, name + ".self_attn", config.attention,
          {.rope = config.rope, .window = config.slides[i] ? config.window : 0, .sinks = true}),
      model::LoadNorm(weights, name + ".post_attention_layernorm.weight", hidden),
      model::Mixture{
          .router = weights.Linear(name + ".mlp.router", config.experts.experts, hidden),
          .spec = config.router,
          .experts = model::LoadExperts(weights, *family::kGptOss.experts, name, config.experts)}};
}

}  // namespace

core::Result<std::unique_ptr<model::LanguageModel>> BuildGptOss(const core::Json& json,
                                                                model::Weights& weights) {
  INGOT_ASSIGN(const Config config, ReadConfig(json));
  weights.UsePrefix(model::kLanguageModelPrefixes, "embed_tokens.weight");
  std::vector<Decoder::Layer> layers;
  for (size_t i = 0; i < config.slides.size(); ++i) {
    layers.push_back(LoadLayer(config, weights, i));
  }
  return weights.Finish<model::LanguageModel>(std::make_unique<Decoder>(
      config.shape, model::Frame::Load(weights, config.shape, config.eps), std::move(layers)));
}

}  // namespace ingot::models
