#include "models/glm4_moe_lite.h"

#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/strings.h"
#include "family/experts.h"
#include "model/common_config.h"
#include "model/decoder.h"
#include "model/expert_weights.h"
#include "model/latent_attention.h"
#include "model/layer_pattern.h"
#include "model/mixture.h"
#include "model/rope_config.h"

namespace ingot::models {
namespace {

using core::StrCat;
using Feed = std::variant<model::Mlp, model::Mixture>;
using Decoder = model::Decoder<model::LatentAttention, Feed>;

struct Config {
  model::ModelShape shape;
  model::LatentShape attention;
  ops::RopeSpec rope;
  model::ExpertShape experts;
  ops::RouterSpec router;
  float eps = 1e-5F;
  int inner = 0;
  int shared_inner = 0;
  std::vector<bool> sparse;  // a layer
};

// Where positions are stretched, the whole score is scaled as well.
float ReadScoreFactor(const model::ConfigReader& reader) {
  const core::Json* block = reader.Find("rope_parameters");
  if (block == nullptr) block = reader.Find("rope_scaling");
  if (block == nullptr || !block->is_object()) return 1;
  const auto number = [&](const char* key) {
    const auto found = block->find(key);
    if (found == block->end()) return 0.0F;
    return static_cast<float>(model::JsonNumber(*found).value_or(0));
  };
  const float all_dims = number("mscale_all_dim");
  const float magnitude = all_dims == 0 ? 1 : ops::YarnMagnitude(number("factor"), all_dims);
  return magnitude * magnitude;
}

core::Result<Config> ReadConfig(const core::Json& json) {
  model::ConfigReader reader(json);
  Config config;
  config.shape = model::ReadShape(reader, 202752);
  config.eps = reader.FloatOr("rms_norm_eps", 1e-5F);
  config.attention = {.hidden = config.shape.hidden,
                      .heads = reader.Size("num_attention_heads"),
                      .query_rank = reader.CountOr("q_lora_rank", 0),
                      .rank = reader.Size("kv_lora_rank"),
                      .plain_dim = reader.Size("qk_nope_head_dim"),
                      .rope_dim = reader.Size("qk_rope_head_dim"),
                      .value_dim = reader.Size("v_head_dim")};
  config.rope = model::ReadRope(reader, config.attention.rope_dim, {.base = 1e6F});
  config.rope.interleaved = reader.BoolOr("rope_interleave", true);
  const int width = config.attention.plain_dim + config.attention.rope_dim;
  config.attention.scale = ReadScoreFactor(reader) / std::sqrt(static_cast<float>(width));
  config.inner = reader.Size("intermediate_size");
  config.experts = {.experts = model::CountOfAny(
                        reader, {"n_routed_experts", "num_local_experts", "num_experts"}),
                    .hidden = config.shape.hidden,
                    .inner = reader.Size("moe_intermediate_size"),
                    .activation = {}};
  config.router = model::ReadGroupedRouter(reader, config.experts.experts);
  config.shared_inner = config.experts.inner * reader.CountOr("n_shared_experts", 1);
  config.sparse =
      model::SparseLayers(reader, config.shape.layers, reader.CountOr("first_k_dense_replace", 1));
  INGOT_TRY(reader.Finish());
  return config;
}

Feed LoadFeed(const Config& config, model::Weights& weights, size_t i) {
  const std::string layer = StrCat("layers.", i);
  const std::string name = layer + ".mlp";
  const int hidden = config.shape.hidden;
  if (!config.sparse[i]) return model::Mlp::Load(weights, name, {hidden, config.inner, {}});
  model::Mixture mixture{
      .router = weights.Linear(name + ".gate", config.experts.experts, hidden),
      .spec = config.router,
      .experts = model::LoadExperts(weights, family::kMlpExperts, layer, config.experts),
      .wide_router = true};
  mixture.spec.correction = weights.DenseFloat32(name + ".gate.e_score_correction_bias",
                                                 std::array{config.experts.experts});
  if (config.shared_inner > 0) {
    mixture.shared =
        model::Mlp::Load(weights, name + ".shared_experts", {hidden, config.shared_inner, {}});
  }
  return mixture;
}

}  // namespace

core::Result<std::unique_ptr<model::LanguageModel>> BuildGlm4MoeLite(const core::Json& json,
                                                                     model::Weights& weights) {
  INGOT_ASSIGN(const Config config, ReadConfig(json));
  weights.UsePrefix(model::kLanguageModelPrefixes, "embed_tokens.weight");
  const int hidden = config.shape.hidden;
  std::vector<Decoder::Layer> layers;
  for (size_t i = 0; i < config.sparse.size(); ++i) {
    const std::string name = StrCat("layers.", i);
    layers.push_back(
        {model::LoadNorm(weights, name + ".input_layernorm.weight", hidden),
         model::LatentAttention::Load(weights, name + ".self_attn", config.attention, config.rope),
         model::LoadNorm(weights, name + ".post_attention_layernorm.weight", hidden),
         LoadFeed(config, weights, i)});
  }
  return weights.Finish<model::LanguageModel>(std::make_unique<Decoder>(
      config.shape, model::Frame::Load(weights, config.shape, config.eps), std::move(layers)));
}

}  // namespace ingot::models
