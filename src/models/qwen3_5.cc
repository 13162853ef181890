#include "models/qwen3_5.h"

#include <algorithm>
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
#include "model/dense_layers.h"
#include "model/expert_weights.h"
#include "model/layer_pattern.h"
#include "model/mixture.h"
#include "model/rope_config.h"
#include "ops/activation.h"
#include "ops/delta_layer.h"
#include "ops/fused.h"
#include "ops/norm.h"

namespace ingot::models {
namespace {

namespace mx = ops::mx;
using core::StrCat;
using model::Array;
using model::Batch;
using model::BatchPart;

struct Config {
  model::ModelShape shape;
  model::AttentionShape attention;
  ops::RopeSpec rope;
  ops::DeltaHeads delta;
  model::ExpertShape experts;  // none of them: dense
  ops::RouterSpec router;
  int shared_inner = 0;
  int inner = 0;
  float eps = 1e-6F;
  std::vector<bool> full_attention;  // a layer
  std::vector<bool> sparse;
  bool zero_centred = false;  // norms are stored as their difference from 1
};

core::Result<Config> ReadConfig(const core::Json& json) {
  model::ConfigReader reader(json);
  const bool next = model::ArchitectureOf(json).find("Next") != std::string::npos;
  Config config;
  config.shape = model::ReadShape(reader, 32768);
  config.eps = reader.FloatOr("rms_norm_eps", 1e-6F);
  config.attention = model::ReadAttention(reader, config.shape, config.eps);
  config.rope =
      model::ReadRope(reader, config.attention.head_dim, {.base = 100000, .partial = 0.25F});
  config.delta = {.key_heads = reader.Size("linear_num_key_heads"),
                  .value_heads = reader.Size("linear_num_value_heads"),
                  .key_dim = reader.Size("linear_key_head_dim"),
                  .value_dim = reader.Size("linear_value_head_dim"),
                  .taps = reader.SizeOr("linear_conv_kernel_dim", 4)};
  reader.Require(config.delta.value_heads % config.delta.key_heads == 0,
                 "linear_num_value_heads: expected a multiple of linear_num_key_heads");
  reader.Require(config.delta.taps > 1, "linear_conv_kernel_dim: expected at least 2");
  const int layers = config.shape.layers;
  config.full_attention =
      model::LayersOfKind(reader, layers, "full", reader.SizeOr("full_attention_interval", 4));
  config.experts = {.experts = reader.CountOr("num_experts", 0),
                    .hidden = config.shape.hidden,
                    .inner = reader.CountOr("moe_intermediate_size", 0),
                    .activation = {}};
  config.router = {.chosen = reader.CountOr("num_experts_per_tok", 0),
                   .normalise = reader.BoolOr("norm_topk_prob", !next)};
  config.shared_inner = reader.CountOr("shared_expert_intermediate_size", 0);
  config.sparse = model::SparseLayers(reader, layers);
  if (config.experts.experts == 0) config.sparse.assign(static_cast<size_t>(layers), false);
  const auto any = [&](bool sparse) {
    return std::find(config.sparse.begin(), config.sparse.end(), sparse) != config.sparse.end();
  };
  if (any(false)) config.inner = reader.Size("intermediate_size");
  if (any(true)) {
    reader.Require(config.router.chosen > 0 && config.router.chosen <= config.experts.experts,
                   "num_experts_per_tok: expected 1 to num_experts");
    reader.Require(config.experts.inner > 0, "moe_intermediate_size is missing");
  }
  INGOT_TRY(reader.Finish());
  return config;
}

// Attention whose query projection also makes a gate for the output, interleaved by head.
struct GatedAttention {
  model::SelfAttention base;

  model::LayerCache NewCache() const { return base.NewCache(); }
  // Of x, or of its norm, before the output projection.
  Array Mix(const Array& x, const std::optional<ops::NormWeights>& norm, const Batch& batch,
            size_t layer) const {
    const model::AttentionShape& shape = base.shape;
    const int copies = x.shape(0);
    const int steps = x.shape(1);
    const std::array<const ops::Linear*, 3> projections = {&base.query, &base.key, &base.value};
    const std::vector<Array> made = ops::ApplyEach(projections, x, norm);
    // [B, L, heads, 2D]: the first D of each head ask, the last D gate.
    const Array both = mx::reshape(made[0], {copies, steps, shape.heads, 2 * shape.head_dim});
    const Array gate = ops::LastSlice(both, shape.head_dim, 2 * shape.head_dim);
    const Array found = base.Attend(made[0], made[1], made[2], batch, layer);
    return mx::reshape(ops::SigmoidGated(mx::reshape(found, gate.shape()), gate), found.shape());
  }

  Array operator()(const Array& x, const Batch& batch, size_t layer) const {
    return ops::Apply(base.output, Mix(x, std::nullopt, batch, layer));
  }
  // x + the attention of its norm.
  Array Onto(const Array& x, const ops::NormWeights& norm, const Batch& batch, size_t layer) const {
    return ops::ApplyOnto(x, base.output, Mix(x, norm, batch, layer));
  }
};

GatedAttention LoadAttention(model::Weights& weights, const std::string& name,
                             const Config& config) {
  const model::AttentionShape& shape = config.attention;
  const int queries = shape.heads * shape.head_dim;
  const int keys = shape.key_heads * shape.head_dim;
  const auto norm = [&](std::string_view which) {
    return model::LoadNorm(weights, name + std::string(which), shape.head_dim, config.zero_centred);
  };
  return {{.shape = shape,
           .spec = {.scale = 1.0F / std::sqrt(static_cast<float>(shape.head_dim)),
                    .window = 0,
                    .sinks = {}},
           .rope = config.rope,
           .query = weights.Linear(name + ".q_proj", 2 * queries, shape.hidden),
           .key = weights.Linear(name + ".k_proj", keys, shape.hidden),
           .value = weights.Linear(name + ".v_proj", keys, shape.hidden),
           .output = weights.Linear(name + ".o_proj", shape.hidden, queries),
           .query_norm = norm(".q_norm.weight"),
           .key_norm = norm(".k_norm.weight"),
           .columns = weights.columns()}};
}

// The inputs of the recurrence, before the convolution.
struct DeltaInputs {
  Array qkv;   // [B, L, channels]
  Array z;     // [B, L, Hv·Dv]
  Array beta;  // [B, L, Hv], before the sigmoid
  Array a;     // [B, L, Hv]
};

// Qwen3.5 has four projections; Qwen3-Next two, with rows grouped by key head. Of x, or of its
// norm.
struct SplitProjections {
  ops::Linear qkv, z, b, a;
  DeltaInputs operator()(const Array& x, const std::optional<ops::NormWeights>& norm) const {
    const std::array<const ops::Linear*, 4> all = {&qkv, &z, &b, &a};
    std::vector<Array> made = ops::ApplyEach(all, x, norm);
    return {std::move(made[0]), std::move(made[1]), std::move(made[2]), std::move(made[3])};
  }
};
struct FusedProjections {
  ops::Linear qkvz, ba;
  ops::DeltaHeads shape;
  DeltaInputs operator()(const Array& x, const std::optional<ops::NormWeights>& norm) const {
    const int batch = x.shape(0);
    const int steps = x.shape(1);
    const int ratio = shape.value_heads / shape.key_heads;
    const int values = ratio * shape.value_dim;
    const int dk = shape.key_dim;
    const auto flat = [&](const Array& part) {
      return mx::reshape(part, {batch, steps, part.shape(2) * part.shape(3)});
    };
    const std::array<const ops::Linear*, 2> both = {&qkvz, &ba};
    const std::vector<Array> made = ops::ApplyEach(both, x, norm);
    // For each key head: its query, its key, and its value heads' values and gates.
    const Array groups = mx::reshape(made[0], {batch, steps, shape.key_heads, 2 * dk + 2 * values});
    const Array q = flat(ops::LastSlice(groups, 0, dk));
    const Array k = flat(ops::LastSlice(groups, dk, 2 * dk));
    const Array v = flat(ops::LastSlice(groups, 2 * dk, 2 * dk + values));
    const Array z = flat(ops::LastSlice(groups, 2 * dk + values, 2 * dk + 2 * values));
    const Array pairs = mx::reshape(made[1], {batch, steps, shape.key_heads, 2 * ratio});
    return {mx::concatenate({q, k, v}, -1), z, flat(ops::LastSlice(pairs, 0, ratio)),
            flat(ops::LastSlice(pairs, ratio, 2 * ratio))};
  }
};

struct DeltaLayer {
  ops::DeltaHeads shape;
  std::variant<SplitProjections, FusedProjections> projections;
  ops::DeltaLayerWeights weights;
  ops::Linear output;

  model::LayerCache NewCache() const { return model::RecurrentCache(); }

  // The recurrence over a sequence's own rows, and what stands around it → [B, L, Hv·Dv].
  Array Recur(const BatchPart& part, size_t layer, const DeltaInputs& in) const {
    auto& cache = part.state->Layer<model::RecurrentCache>(layer);
    const int batch = in.qkv.shape(0);
    const mx::Shape tail = {batch, shape.taps - 1, shape.channels()};
    const mx::Shape state = {batch, shape.value_heads, shape.value_dim, shape.key_dim};
    ops::DeltaLayerResult out = ops::ApplyDeltaLayer(
        shape, weights,
        {.qkv = in.qkv,
         .z = in.z,
         .beta = in.beta,
         .a = in.a,
         .tail = cache.tail() ? *cache.tail() : mx::zeros(tail, in.qkv.dtype()),
         .state = cache.state() ? *cache.state() : mx::zeros(state, mx::float32)});
    cache.Update(std::move(out.tail), std::move(out.state), in.qkv.shape(1));
    return out.y;
  }

  Array Mix(const Array& x, const std::optional<ops::NormWeights>& norm, const Batch& batch,
            size_t layer) const {
    const DeltaInputs in = std::visit([&](const auto& p) { return p(x, norm); }, projections);
    return batch.Each(
        [&](const BatchPart& part, const Array& qkv, const Array& z, const Array& b,
            const Array& a) {
          return Recur(part, layer, {qkv, z, b, a});
        },
        in.qkv, in.z, in.beta, in.a);
  }

  Array operator()(const Array& x, const Batch& batch, size_t layer) const {
    return ops::Apply(output, Mix(x, std::nullopt, batch, layer));
  }
  // x + the layer of its norm.
  Array Onto(const Array& x, const ops::NormWeights& norm, const Batch& batch, size_t layer) const {
    return ops::ApplyOnto(x, output, Mix(x, norm, batch, layer));
  }
};

// [channels, taps] from either layout that checkpoints have: [C, 1, K] as it was trained, [C, K, 1]
// as converters turn it.
Array LoadConv(model::Weights& weights, const std::string& name, const ops::DeltaHeads& shape,
               bool raw) {
  const std::array trained = {shape.channels(), 1, shape.taps};
  const std::array turned = {shape.channels(), shape.taps, 1};
  return mx::reshape(weights.Dense(name, raw ? trained : turned), {shape.channels(), shape.taps});
}

DeltaLayer LoadDelta(model::Weights& weights, const std::string& name, const Config& config) {
  const ops::DeltaHeads& shape = config.delta;
  const int hidden = config.shape.hidden;
  const std::array heads = {shape.value_heads};
  weights.Need(ops::Form::kGatedDelta, shape.key_dim, name);
  weights.Need(ops::Form::kCausalConv, shape.taps, name);
  const auto projections = [&]() -> std::variant<SplitProjections, FusedProjections> {
    if (weights.Has(name + ".in_proj_qkvz.weight")) {
      return FusedProjections{
          weights.Linear(name + ".in_proj_qkvz", shape.channels() + shape.values(), hidden),
          weights.Linear(name + ".in_proj_ba", 2 * shape.value_heads, hidden), shape};
    }
    return SplitProjections{weights.Linear(name + ".in_proj_qkv", shape.channels(), hidden),
                            weights.Linear(name + ".in_proj_z", shape.values(), hidden),
                            weights.Linear(name + ".in_proj_b", shape.value_heads, hidden),
                            weights.Linear(name + ".in_proj_a", shape.value_heads, hidden)};
  };
  return {.shape = shape,
          .projections = projections(),
          .weights = ops::DeltaLayerWeights::Of(
              LoadConv(weights, name + ".conv1d.weight", shape, config.zero_centred),
              mx::exp(weights.DenseFloat32(name + ".A_log", heads)),
              weights.DenseFloat32(name + ".dt_bias", heads),
              weights.Dense(name + ".norm.weight", std::array{shape.value_dim}), config.eps),
          .output = weights.Linear(name + ".out_proj", hidden, shape.values())};
}

using Feed = std::variant<model::Mlp, model::Mixture>;

Feed LoadFeed(model::Weights& weights, const std::string& layer, const Config& config,
              bool sparse) {
  const int hidden = config.shape.hidden;
  const std::string name = layer + ".mlp";
  if (!sparse) return model::Mlp::Load(weights, name, {hidden, config.inner, {}});
  model::Mixture mixture{
      .router = weights.Linear(name + ".gate", config.experts.experts, hidden),
      .spec = config.router,
      .experts = model::LoadExperts(weights, family::kMlpExperts, layer, config.experts)};
  if (config.shared_inner > 0) {
    mixture.shared =
        model::Mlp::Load(weights, name + ".shared_expert", {hidden, config.shared_inner, {}});
    mixture.shared_gate = weights.Linear(name + ".shared_expert_gate", 1, hidden);
  }
  return mixture;
}

using Mixer = std::variant<DeltaLayer, GatedAttention>;
using Decoder = model::Decoder<Mixer, Feed>;

Decoder::Layer LoadLayer(const Config& config, model::Weights& weights, size_t i) {
  const std::string name = StrCat("layers.", i);
  const auto norm = [&](std::string_view which) {
    return model::LoadNorm(weights, name + std::string(which), config.shape.hidden,
                           config.zero_centred);
  };
  const auto mixer = [&]() -> Mixer {
    if (config.full_attention[i]) return LoadAttention(weights, name + ".self_attn", config);
    return LoadDelta(weights, name + ".linear_attn", config);
  };
  return {norm(".input_layernorm.weight"), mixer(), norm(".post_attention_layernorm.weight"),
          LoadFeed(weights, name, config, config.sparse[i])};
}

// Only a checkpoint as it was trained has its convolutions as [C, 1, K]; converters turn them and
// add the norms' 1 in the same step. Nothing else tells the two apart.
bool IsAsTrained(const model::Weights& weights, const Config& config) {
  for (size_t i = 0; i < config.full_attention.size(); ++i) {
    const auto shape = weights.ShapeOf(StrCat("layers.", i, ".linear_attn.conv1d.weight"));
    if (shape) return shape->rank() == 3 && (*shape)[2] != 1;
  }
  return false;
}

}  // namespace

core::Result<std::unique_ptr<model::LanguageModel>> BuildQwen35(const core::Json& json,
                                                                model::Weights& weights) {
  INGOT_ASSIGN(Config config, ReadConfig(json));
  weights.UsePrefix(model::kLanguageModelPrefixes, "embed_tokens.weight");
  config.zero_centred = IsAsTrained(weights, config);
  std::vector<Decoder::Layer> layers;
  for (size_t i = 0; i < config.full_attention.size(); ++i) {
    layers.push_back(LoadLayer(config, weights, i));
  }
  return weights.Finish<model::LanguageModel>(std::make_unique<Decoder>(
      config.shape, model::Frame::Load(weights, config.shape, config.eps, config.zero_centred),
      std::move(layers)));
}

}  // namespace ingot::models
