#include "models/gemma4.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/strings.h"
#include "family/families.h"
#include "model/common_config.h"
#include "model/dense_layers.h"
#include "model/expert_weights.h"
#include "model/frame.h"
#include "model/layer_pattern.h"
#include "model/rope_config.h"
#include "models/gemma4_attention.h"
#include "ops/activation.h"
#include "ops/fused.h"
#include "ops/mixture.h"
#include "ops/norm.h"

namespace ingot::models {
namespace {

namespace mx = ops::mx;
using core::StrCat;
using model::Array;
using model::Batch;
using model::SequenceState;

using Attention = Gemma4Attention;
using AttentionKind = Gemma4AttentionKind;

struct Config {
  model::ModelShape shape;
  int heads = 0;
  AttentionKind sliding;
  AttentionKind full;
  float eps = 1e-6F;
  int inner = 0;
  model::ExpertShape experts;  // none of them: dense
  ops::RouterSpec router;
  int per_layer = 0;          // width of the per-layer embeddings; 0: none
  int per_layer_rows = 0;     // their vocabulary
  float logit_cap = 0;        // 0: none
  std::vector<bool> is_full;  // a layer
  int sharing = 0;            // so many of the last layers have no keys of their own

  const AttentionKind& KindOf(size_t i) const { return is_full[i] ? full : sliding; }
  bool Shares(size_t i) const { return i + static_cast<size_t>(sharing) >= is_full.size(); }
};

// A field of the full layers: of the model, or of the first of them in "per_layer_config".
int ReadFullSize(model::ConfigReader& reader, const Config& config, std::string_view key,
                 std::string_view per_layer_key, int fallback) {
  if (const int size = reader.CountOr(key, 0); size > 0) return size;
  const core::Json* all = reader.Find("per_layer_config");
  const auto first = std::find(config.is_full.begin(), config.is_full.end(), true);
  if (all == nullptr || !all->is_object() || first == config.is_full.end()) return fallback;
  const auto layer = all->find(StrCat(first - config.is_full.begin()));
  if (layer == all->end() || !layer->is_object()) return fallback;
  const auto field = layer->find(std::string(per_layer_key));
  if (field == layer->end()) return fallback;
  const auto number = model::JsonNumber(*field);
  const bool sound = number && *number >= 1 && *number <= 65536 && *number == std::floor(*number);
  reader.Require(sound, StrCat("per_layer_config: expected ", per_layer_key, " to be a size"));
  return sound ? static_cast<int>(*number) : fallback;
}

void ReadAttentionKinds(model::ConfigReader& reader, Config& config) {
  const int head_dim = reader.SizeOr("head_dim", 256);
  const int key_heads = reader.SizeOr("num_key_value_heads", 1);
  config.heads = reader.SizeOr("num_attention_heads", 8);
  config.sliding = {.head_dim = head_dim,
                    .key_heads = key_heads,
                    .rope = model::ReadRopeBlock(
                        reader, model::RopeBlockOf(reader, "sliding_attention"), head_dim, {}),
                    .window = reader.SizeOr("sliding_window", 512)};
  const int full_dim = ReadFullSize(reader, config, "global_head_dim", "head_dim", head_dim);
  const bool same = reader.BoolOr("attention_k_eq_v", false);
  config.full = {.head_dim = full_dim,
                 .key_heads = !same ? key_heads
                                    : ReadFullSize(reader, config, "num_global_key_value_heads",
                                                   "num_key_value_heads", key_heads),
                 .rope = model::ReadRopeBlock(reader, model::RopeBlockOf(reader, "full_attention"),
                                              full_dim, {.base = 1e6F}),
                 .window = 0,
                 .keys_are_values = same};
  for (const AttentionKind* kind : {&config.sliding, &config.full}) {
    reader.Require(config.heads % kind->key_heads == 0,
                   "num_attention_heads: expected a multiple of the key heads");
  }
}

core::Result<Config> ReadConfig(const core::Json& json) {
  model::ConfigReader reader(json);
  Config config;
  config.shape = model::ReadShape(reader, 131072);
  config.eps = reader.FloatOr("rms_norm_eps", 1e-6F);
  config.is_full = model::LayersOfKind(reader, config.shape.layers, "full",
                                       reader.SizeOr("sliding_window_pattern", 5));
  ReadAttentionKinds(reader, config);
  config.inner = reader.Size("intermediate_size");
  if (reader.BoolOr("enable_moe_block", false)) {
    config.experts = {.experts = reader.Size("num_experts"),
                      .hidden = config.shape.hidden,
                      .inner = reader.Size("moe_intermediate_size"),
                      .activation = {.kind = ops::MlpActivation::Kind::kGeluTanh}};
    config.router = {.chosen = reader.Size("top_k_experts")};
    reader.Require(config.router.chosen <= config.experts.experts,
                   "top_k_experts: expected at most num_experts");
  }
  config.per_layer = reader.CountOr("hidden_size_per_layer_input", 0);
  config.per_layer_rows = reader.SizeOr("vocab_size_per_layer_input", config.shape.vocabulary);
  config.logit_cap = reader.FloatOr("final_logit_softcapping", 0);
  config.sharing = reader.CountOr("num_kv_shared_layers", 0);
  reader.Require(config.sharing < config.shape.layers,
                 "num_kv_shared_layers: expected fewer than num_hidden_layers");
  for (size_t i = 0; i < config.is_full.size(); ++i) {
    const auto own = config.is_full.begin() + std::max(0, config.shape.layers - config.sharing);
    reader.Require(
        !config.Shares(i) || std::find(config.is_full.begin(), own, config.is_full[i]) != own,
        StrCat("num_kv_shared_layers: layer ", i,
               " shares the keys of a layer of its kind, and there is none before"));
  }
  INGOT_TRY(reader.Finish());
  return config;
}

Array RootScaled(const Array& x, int width) {
  return x * ops::Scalar(std::sqrt(static_cast<float>(width)), x);
}
Array InverseRootScaled(const Array& x, int width) {
  return x * ops::Scalar(1.0F / std::sqrt(static_cast<float>(width)), x);
}

Attention LoadAttention(model::Weights& weights, const std::string& name, const Config& config,
                        size_t i) {
  const AttentionKind& kind = config.KindOf(i);
  const int hidden = config.shape.hidden;
  const int keys = kind.key_heads * kind.head_dim;
  Attention layer{.kind = kind,
                  .heads = config.heads,
                  .eps = config.eps,
                  .query = weights.Linear(name + ".q_proj", config.heads * kind.head_dim, hidden),
                  .query_norm = model::LoadNorm(weights, name + ".q_norm.weight", kind.head_dim),
                  .key = {},
                  .key_norm = {},
                  .value = {},
                  .output = weights.Linear(name + ".o_proj", hidden, config.heads * kind.head_dim),
                  .columns = weights.columns()};
  if (config.Shares(i)) return layer;
  layer.key = weights.Linear(name + ".k_proj", keys, hidden);
  layer.key_norm = model::LoadNorm(weights, name + ".k_norm.weight", kind.head_dim);
  if (!kind.keys_are_values) layer.value = weights.Linear(name + ".v_proj", keys, hidden);
  return layer;
}

// The experts beside the MLP, with the norms that only they have.
struct Experts {
  ops::Linear router;
  Array router_scale;  // [H] float32, by the root of H
  ops::RouterSpec spec;
  ops::ExpertMlp experts;
  Array before;
  Array after;
  Array after_mlp;

  // What they make of x, which the router looks at in a norm of its own.
  Array operator()(const Array& x, float eps) const {
    return ops::ApplyMixture({.router = &router,
                              .spec = &spec,
                              .experts = &experts,
                              .router_norm = ops::NormWeights{router_scale, eps}},
                             x, ops::NormWeights{before, eps});
  }
};

// A layer's own view of the token, let in through a gate.
struct PerLayerInput {
  ops::Linear gate;
  ops::Linear projection;
  Array norm;

  // Before its norm.
  Array operator()(const Array& x, const Array& input) const {
    const ops::MlpActivation gelu{.kind = ops::MlpActivation::Kind::kGeluTanh};
    return ops::Apply(projection, ops::Activate(gelu, ops::Apply(gate, x), input));
  }
};

struct Layer {
  Array before_attention;
  Attention attention;
  Array after_attention;
  Array before_mlp;
  model::Mlp mlp;
  std::optional<Experts> experts;
  Array after_mlp;
  std::optional<PerLayerInput> per_layer;
  std::optional<Array> scalar;  // [1]
};

class Loader {
 public:
  Loader(const Config& config, model::Weights& weights) : config_(config), weights_(weights) {}

  Layer Load(size_t i) {
    const std::string name = StrCat("layers.", i);
    const auto norm = [&](std::string_view which) {
      return model::LoadNorm(weights_, StrCat(name, ".", which, ".weight"), config_.shape.hidden);
    };
    std::optional<Array> scalar;
    if (weights_.Has(name + ".layer_scalar")) {
      scalar = weights_.Dense(name + ".layer_scalar", std::array{1});
    }
    return {.before_attention = norm("input_layernorm"),
            .attention = LoadAttention(weights_, name + ".self_attn", config_, i),
            .after_attention = norm("post_attention_layernorm"),
            .before_mlp = norm("pre_feedforward_layernorm"),
            .mlp = LoadMlp(name + ".mlp"),
            .experts = LoadExpertBlock(name),
            .after_mlp = norm("post_feedforward_layernorm"),
            .per_layer = LoadPerLayer(name),
            .scalar = std::move(scalar)};
  }

 private:
  // Layers that share keys may be twice as wide: the weights say it.
  model::Mlp LoadMlp(const std::string& name) {
    const auto stored = weights_.ShapeOf(name + ".gate_proj.weight");
    const bool twice =
        stored && stored->rank() == 2 && (*stored)[0] == 2 * static_cast<uint64_t>(config_.inner);
    return model::Mlp::Load(weights_, name,
                            {config_.shape.hidden,
                             twice ? 2 * config_.inner : config_.inner,
                             {.kind = ops::MlpActivation::Kind::kGeluTanh}});
  }

  std::optional<Experts> LoadExpertBlock(const std::string& name) {
    if (config_.experts.experts == 0) return std::nullopt;
    const int hidden = config_.shape.hidden;
    const int experts = config_.experts.experts;
    const auto norm = [&](std::string_view which) {
      return model::LoadNorm(weights_, StrCat(name, ".", which, ".weight"), hidden);
    };
    const bool old = weights_.Has(name + ".moe.per_expert_scale");
    ops::RouterSpec spec = config_.router;
    spec.expert_scale = weights_.DenseFloat32(
        name + (old ? ".moe" : ".router") + ".per_expert_scale", std::array{experts});
    return Experts{
        .router = weights_.Linear(name + ".router.proj", experts, hidden),
        .router_scale = InverseRootScaled(
            weights_.DenseFloat32(name + ".router.scale", std::array{hidden}), hidden),
        .spec = std::move(spec),
        .experts = model::LoadExperts(weights_, *family::kGemma4.experts, name, config_.experts),
        .before = norm("pre_feedforward_layernorm_2"),
        .after = norm("post_feedforward_layernorm_2"),
        .after_mlp = norm("post_feedforward_layernorm_1")};
  }

  std::optional<PerLayerInput> LoadPerLayer(const std::string& name) {
    if (config_.per_layer == 0) return std::nullopt;
    const int hidden = config_.shape.hidden;
    return PerLayerInput{
        .gate = weights_.Linear(name + ".per_layer_input_gate", config_.per_layer, hidden),
        .projection = weights_.Linear(name + ".per_layer_projection", hidden, config_.per_layer),
        .norm = model::LoadNorm(weights_, name + ".post_per_layer_input_norm.weight", hidden)};
  }

  const Config& config_;
  model::Weights& weights_;
};

// What all layers' own inputs are made from.
struct PerLayerTables {
  int layers;
  int width;
  int rows;
  ops::Linear table;  // [rows, layers · width]
  ops::Linear projection;
  Array norm;  // [width]

  // [B, L, layers, width]
  Array operator()(const Array& tokens, const Array& embedded, float eps) const {
    // Tokens beyond this table have no row in it.
    const Array ids =
        mx::where(mx::less(tokens, Array(rows, tokens.dtype())), tokens, mx::zeros_like(tokens));
    const mx::Shape apart = {tokens.shape(0), tokens.shape(1), layers, width};
    const Array own =
        mx::reshape(RootScaled(ops::Rows(table, ids, embedded.dtype()), width), apart);
    const Array projected =
        mx::reshape(InverseRootScaled(ops::Apply(projection, embedded), embedded.shape(2)), apart);
    return InverseRootScaled(ops::RmsNorm(projected, norm, eps) + own, 2);
  }
};

class Gemma4 final : public model::LanguageModel {
 public:
  Gemma4(const Config& config, model::Weights& weights)
      : LanguageModel(config.shape),
        frame_(model::Frame::Load(weights, config.shape, config.eps)),
        logit_cap_(config.logit_cap) {
    const int layers = config.shape.layers;
    if (config.per_layer > 0) {
      const int all = layers * config.per_layer;
      per_layer_ = PerLayerTables{
          .layers = layers,
          .width = config.per_layer,
          .rows = config.per_layer_rows,
          .table = weights.Table("embed_tokens_per_layer", config.per_layer_rows, all),
          .projection = weights.Linear("per_layer_model_projection", all, config.shape.hidden),
          .norm = model::LoadNorm(weights, "per_layer_projection_norm.weight", config.per_layer)};
    }
    Loader loader(config, weights);
    for (size_t i = 0; i < config.is_full.size(); ++i) layers_.push_back(loader.Load(i));
  }

  SequenceState NewState() const override {
    return model::StateOf(layers_, [](const Layer& layer) { return layer.attention.NewCache(); });
  }

  Array Forward(const Array& tokens, const Batch& batch) const override {
    Array x = RootScaled(frame_.Embed(tokens), shape().hidden);
    std::optional<Array> inputs;
    if (per_layer_) inputs = (*per_layer_)(tokens, x, frame_.eps);
    SharedColumns shared(batch.parts().size());
    for (size_t i = 0; i < layers_.size(); ++i) {
      const Layer& layer = layers_[i];
      const auto norm = [&](const Array& weight) { return ops::NormWeights{weight, frame_.eps}; };
      const auto add = [&](std::span<const ops::NormedRows> parts, const ops::SumSpec& spec) {
        return ops::AddNormed(x, parts, spec);
      };
      const std::array attended = {
          ops::NormedRows{layer.attention(x, norm(layer.before_attention), batch, i, shared),
                          norm(layer.after_attention)}};
      x = add(attended, {});
      // The factor comes last, whatever that is.
      const std::optional<Array> none;
      const ops::SumSpec fed{.norm = {}, .factor = layer.per_layer ? none : layer.scalar};
      const Array y = ops::ApplyMlp(layer.mlp.Parts(), x, norm(layer.before_mlp));
      if (const auto& experts = layer.experts) {
        const std::array both = {ops::NormedRows{y, norm(experts->after_mlp)},
                                 ops::NormedRows{(*experts)(x, frame_.eps), norm(experts->after)}};
        x = add(both, {.norm = norm(layer.after_mlp), .factor = fed.factor});
      } else {
        const std::array alone = {ops::NormedRows{y, norm(layer.after_mlp)}};
        x = add(alone, fed);
      }
      if (layer.per_layer) {
        const Array input = mx::take(*inputs, static_cast<int>(i), 2);
        const std::array own = {
            ops::NormedRows{(*layer.per_layer)(x, input), norm(layer.per_layer->norm)}};
        x = add(own, {.norm = {}, .factor = layer.scalar});
      }
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
  std::optional<PerLayerTables> per_layer_;
  std::vector<Layer> layers_;
};

}  // namespace

core::Result<std::unique_ptr<model::LanguageModel>> BuildGemma4(const core::Json& json,
                                                                model::Weights& weights) {
  INGOT_ASSIGN(const Config config, ReadConfig(json));
  weights.UsePrefix(model::kLanguageModelPrefixes, "embed_tokens.weight");
  return weights.Finish<model::LanguageModel>(std::make_unique<Gemma4>(config, weights));
}

}  // namespace ingot::models
