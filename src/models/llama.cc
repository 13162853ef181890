#include "models/llama.h"

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/strings.h"
#include "family/experts.h"
#include "model/common_config.h"
#include "model/decoder.h"
#include "model/dense_layers.h"
#include "model/expert_weights.h"
#include "model/layer_pattern.h"
#include "model/mixture.h"
#include "model/rope_config.h"

namespace ingot::models {
namespace {

using core::StrCat;
using model::SelfAttention;
using Feed = std::variant<model::Mlp, model::Mixture>;
using Decoder = model::Decoder<SelfAttention, Feed>;

// What tells the relatives apart.
struct Traits {
  model::HeadNorms head_norms = model::HeadNorms::kNone;
  float norm_eps = 1e-5F;
  float rope_base = 10000;
  bool experts = false;
};

struct Config {
  model::ModelShape shape;
  model::AttentionShape attention;
  ops::RopeSpec rope;
  ops::QueryGrowth growth;
  int inner = 0;
  float eps = 0;
  std::vector<int> windows;  // a layer; 0: sees everything
  model::ExpertShape experts;
  ops::RouterSpec router;
  std::vector<bool> sparse;  // a layer
};

// The window of each layer: as "layer_types" says, else every layer's where a window is in use.
std::vector<int> ReadWindows(model::ConfigReader& config, int layers) {
  const int window = config.CountOr("sliding_window", 0);
  const bool named = config.Find("layer_types") != nullptr;
  const int interval = !named && config.BoolOr("use_sliding_window", true) ? 1 : 0;
  std::vector<int> windows;
  for (const bool slides : model::LayersOfKind(config, layers, "sliding", interval)) {
    windows.push_back(slides ? window : 0);
  }
  return windows;
}

void ReadExperts(model::ConfigReader& reader, Config& config) {
  config.experts = {.experts = model::CountOfAny(reader, {"num_experts", "num_local_experts"}),
                    .hidden = config.shape.hidden,
                    .inner = reader.Size("moe_intermediate_size"),
                    .activation = {}};
  config.router = {.chosen = reader.Size("num_experts_per_tok"),
                   .normalise = reader.BoolOr("norm_topk_prob", false)};
  reader.Require(config.experts.experts >= config.router.chosen,
                 StrCat("num_experts: expected at least num_experts_per_tok, ",
                        config.router.chosen, ", found ", config.experts.experts));
  config.sparse = model::SparseLayers(reader, config.shape.layers);
}

core::Result<Config> ReadConfig(const core::Json& json, const Traits& traits) {
  model::ConfigReader reader(json);
  Config config;
  config.shape = model::ReadShape(reader, 4096);
  config.inner = reader.Size("intermediate_size");
  config.eps = reader.FloatOr("rms_norm_eps", traits.norm_eps);
  config.attention = model::ReadAttention(reader, config.shape, config.eps);
  config.rope = model::ReadRope(reader, config.attention.head_dim, {.base = traits.rope_base});
  config.growth = model::ReadQueryGrowth(reader);
  config.windows = ReadWindows(reader, config.shape.layers);
  config.sparse.assign(static_cast<size_t>(config.shape.layers), false);
  if (traits.experts) ReadExperts(reader, config);
  INGOT_TRY(reader.Finish());
  return config;
}

Feed LoadFeed(model::Weights& weights, const std::string& layer, const Config& config,
              bool sparse) {
  const int hidden = config.shape.hidden;
  if (!sparse) {
    return model::Mlp::Load(weights, layer + ".mlp",
                            {.hidden = hidden, .inner = config.inner, .activation = {}});
  }
  return model::Mixture{
      .router = weights.Linear(layer + ".mlp.gate", config.experts.experts, hidden),
      .spec = config.router,
      .experts = model::LoadExperts(weights, family::kMlpExperts, layer, config.experts)};
}

core::Result<std::unique_ptr<model::LanguageModel>> Build(const core::Json& json,
                                                          model::Weights& weights,
                                                          const Traits& traits) {
  INGOT_ASSIGN(const Config config, ReadConfig(json, traits));
  weights.UsePrefix(model::kLanguageModelPrefixes, "embed_tokens.weight");
  const int hidden = config.shape.hidden;
  std::vector<Decoder::Layer> layers;
  for (int i = 0; i < config.shape.layers; ++i) {
    const std::string name = StrCat("layers.", i);
    const auto index = static_cast<size_t>(i);
    layers.push_back({LoadNorm(weights, name + ".input_layernorm.weight", hidden),
                      SelfAttention::Load(weights, name + ".self_attn", config.attention,
                                          {.rope = config.rope,
                                           .growth = config.growth,
                                           .window = config.windows[index],
                                           .norms = traits.head_norms}),
                      LoadNorm(weights, name + ".post_attention_layernorm.weight", hidden),
                      LoadFeed(weights, name, config, config.sparse[index])});
  }
  return weights.Finish<model::LanguageModel>(std::make_unique<Decoder>(
      config.shape, model::Frame::Load(weights, config.shape, config.eps), std::move(layers)));
}

constexpr Traits kQwen3 = {
    .head_norms = model::HeadNorms::kPlain, .norm_eps = 1e-6F, .rope_base = 1e6F};

}  // namespace

core::Result<std::unique_ptr<model::LanguageModel>> BuildLlama(const core::Json& config,
                                                               model::Weights& weights) {
  return Build(config, weights, {});
}

core::Result<std::unique_ptr<model::LanguageModel>> BuildQwen3(const core::Json& config,
                                                               model::Weights& weights) {
  return Build(config, weights, kQwen3);
}

core::Result<std::unique_ptr<model::LanguageModel>> BuildQwen3Moe(const core::Json& config,
                                                                  model::Weights& weights) {
  Traits traits = kQwen3;
  traits.experts = true;
  return Build(config, weights, traits);
}

}  // namespace ingot::models
