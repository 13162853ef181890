#include "models/laguna.h"

#include <array>
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
#include "model/layer_pattern.h"
#include "model/mixture.h"
#include "model/rope_config.h"
#include "ops/activation.h"

namespace ingot::models {
namespace {

namespace mx = ops::mx;
using core::StrCat;
using model::Array;
using model::Batch;

struct Config {
  model::ModelShape shape;
  model::AttentionShape attention;
  ops::RopeSpec full_rope;
  ops::RopeSpec sliding_rope;
  model::ExpertShape experts;
  ops::RouterSpec router;
  float eps = 1e-6F;
  int inner = 0;
  int shared_inner = 0;
  int window = 0;
  std::vector<int> heads;  // a layer, as all that follow
  std::vector<bool> slides;
  std::vector<bool> sparse;
};

std::vector<int> ReadHeads(model::ConfigReader& reader, const model::ModelShape& shape,
                           const model::AttentionShape& attention) {
  std::vector<int> heads = reader.Counts("num_attention_heads_per_layer");
  const auto layers = static_cast<size_t>(shape.layers);
  reader.Require(
      heads.empty() || heads.size() == layers,
      StrCat("num_attention_heads_per_layer: expected ", layers, " entries, found ", heads.size()));
  heads.resize(layers, attention.heads);
  for (const int count : heads) {
    reader.Require(count > 0 && count % attention.key_heads == 0,
                   "num_attention_heads_per_layer: expected multiples of num_key_value_heads");
  }
  return heads;
}

// By kind of layer where the config gives them so; else flat ones, and another block for windows.
void ReadRopes(model::ConfigReader& reader, Config& config) {
  const int width = config.attention.head_dim;
  const core::Json* full = model::RopeBlockOf(reader, "full_attention");
  if (full == nullptr) full = model::RopeBlockOf(reader, "global_attention");
  const core::Json* sliding = model::RopeBlockOf(reader, "sliding_attention");
  if (sliding == nullptr) sliding = reader.Find("swa_rope_parameters");
  config.full_rope = full != nullptr ? model::ReadRopeBlock(reader, full, width, {})
                                     : model::ReadRope(reader, width, {});
  config.sliding_rope = model::ReadRopeBlock(reader, sliding, width, {});
}

ops::RouterScore ReadScore(model::ConfigReader& reader) {
  const std::string name = reader.TextOr("moe_router_score_func", "sigmoid");
  if (name == "sqrtsoftplus") return ops::RouterScore::kRootSoftplus;
  reader.Require(name == "sigmoid",
                 StrCat("moe_router_score_func: expected sigmoid or sqrtsoftplus, found ",
                        core::Quoted(name, 40)));
  return ops::RouterScore::kSigmoid;
}

core::Result<Config> ReadConfig(const core::Json& json) {
  model::ConfigReader reader(json);
  Config config;
  config.shape = model::ReadShape(reader, 4096);
  config.eps = reader.FloatOr("rms_norm_eps", 1e-6F);
  config.attention = model::ReadAttention(reader, config.shape, config.eps);
  config.heads = ReadHeads(reader, config.shape, config.attention);
  ReadRopes(reader, config);
  config.window = reader.CountOr("sliding_window", 0);
  config.slides = model::LayersOfKind(reader, config.shape.layers, "sliding", 0);
  const bool listed = reader.Find("mlp_only_layers") != nullptr;
  config.sparse = model::SparseLayers(reader, config.shape.layers, listed ? 0 : 1);
  config.inner = reader.Size("intermediate_size");
  config.experts = {.experts = reader.Size("num_experts"),
                    .hidden = config.shape.hidden,
                    .inner = reader.Size("moe_intermediate_size"),
                    .activation = {}};
  config.router = {.score = ReadScore(reader),
                   .chosen = reader.Size("num_experts_per_tok"),
                   .normalise = reader.BoolOr("norm_topk_prob", true),
                   .scale = reader.FloatOr("moe_routed_scaling_factor", 1),
                   .softcap = reader.FloatOr("moe_router_logit_softcapping", 0),
                   .correction = {}};
  config.shared_inner = reader.CountOr("shared_expert_intermediate_size", 0);
  reader.Require(config.router.chosen <= config.experts.experts,
                 "num_experts_per_tok: expected at most num_experts");
  reader.Require(!reader.BoolOr("moe_apply_router_weight_on_input", false),
                 "moe_apply_router_weight_on_input: only false is supported");
  INGOT_TRY(reader.Finish());
  return config;
}

// Attention whose heads are each turned down by a gate of their own, or value by value.
struct GatedAttention {
  model::SelfAttention base;
  std::optional<ops::Linear> gate;

  model::LayerCache NewCache() const { return base.NewCache(); }
  Array operator()(const Array& x, const Batch& batch, size_t layer) const {
    Array out = base.Heads(x, batch, layer);
    if (gate) {
      const Array share = ops::ToTypeOf(ops::Softplus(ops::ToFloat32(ops::Apply(*gate, x))), out);
      const mx::Shape flat = out.shape();
      const int width = flat[2] / share.shape(2);
      out =
          mx::reshape(out, {flat[0], flat[1], share.shape(2), width}) * mx::expand_dims(share, -1);
      out = mx::reshape(out, flat);
    }
    return ops::Apply(base.output, out);
  }
};

using Feed = std::variant<model::Mlp, model::Mixture>;
using Decoder = model::Decoder<GatedAttention, Feed>;

GatedAttention LoadAttention(const Config& config, model::Weights& weights, size_t i) {
  const std::string name = StrCat("layers.", i, ".self_attn");
  model::AttentionShape shape = config.attention;
  shape.heads = config.heads[i];
  const bool slides = config.slides[i];
  GatedAttention layer{
      model::SelfAttention::Load(weights, name, shape,
                                 {.rope = slides ? config.sliding_rope : config.full_rope,
                                  .window = slides ? config.window : 0,
                                  .norms = model::HeadNorms::kPlain}),
      {}};
  if (const auto stored = weights.ShapeOf(name + ".g_proj.weight")) {
    const bool by_head = (*stored)[0] == static_cast<uint32_t>(shape.heads);
    layer.gate = weights.Linear(name + ".g_proj",
                                by_head ? shape.heads : shape.heads * shape.head_dim, shape.hidden);
  }
  return layer;
}

Feed LoadFeed(const Config& config, model::Weights& weights, size_t i) {
  const std::string layer = StrCat("layers.", i);
  const std::string name = layer + ".mlp";
  const int hidden = config.shape.hidden;
  if (!config.sparse[i]) return model::Mlp::Load(weights, name, {hidden, config.inner, {}});
  const bool nested = weights.Has(name + ".gate.proj.weight");
  model::Mixture mixture{
      .router =
          weights.Linear(name + (nested ? ".gate.proj" : ".gate"), config.experts.experts, hidden),
      .spec = config.router,
      .experts = model::LoadExperts(weights, family::kMlpExperts, layer, config.experts)};
  for (const char* place : {".experts", ".gate", ".switch_mlp"}) {
    const std::string correction = name + place + ".e_score_correction_bias";
    if (!weights.Has(correction)) continue;
    mixture.spec.correction = weights.DenseFloat32(correction, std::array{config.experts.experts});
    break;
  }
  if (config.shared_inner > 0) {
    const bool plural = weights.Has(name + ".shared_experts.up_proj.weight");
    mixture.shared =
        model::Mlp::Load(weights, name + (plural ? ".shared_experts" : ".shared_expert"),
                         {hidden, config.shared_inner, {}});
  }
  return mixture;
}

}  // namespace

core::Result<std::unique_ptr<model::LanguageModel>> BuildLaguna(const core::Json& json,
                                                                model::Weights& weights) {
  INGOT_ASSIGN(const Config config, ReadConfig(json));
  weights.UsePrefix(model::kLanguageModelPrefixes, "embed_tokens.weight");
  const int hidden = config.shape.hidden;
  std::vector<Decoder::Layer> layers;
  for (size_t i = 0; i < config.sparse.size(); ++i) {
    const std::string name = StrCat("layers.", i);
    layers.push_back({model::LoadNorm(weights, name + ".input_layernorm.weight", hidden),
                      LoadAttention(config, weights, i),
                      model::LoadNorm(weights, name + ".post_attention_layernorm.weight", hidden),
                      LoadFeed(config, weights, i)});
  }
  return weights.Finish<model::LanguageModel>(std::make_unique<Decoder>(
      config.shape, model::Frame::Load(weights, config.shape, config.eps), std::move(layers)));
}

}  // namespace ingot::models
