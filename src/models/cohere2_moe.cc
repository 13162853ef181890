#include "models/cohere2_moe.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/strings.h"
#include "family/experts.h"
#include "model/common_config.h"
#include "model/dense_layers.h"
#include "model/expert_weights.h"
#include "model/frame.h"
#include "model/layer_pattern.h"
#include "model/mixture.h"
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
  ops::RopeSpec rope;
  model::ExpertShape experts;
  ops::RouterSpec router;
  float eps = 1e-5F;
  bool rms = false;  // norms without a mean
  int dense_inner = 0;
  int shared_inner = 0;
  bool average = true;  // routed and shared experts count half each
  float logit_scale = 0.0625F;
  int window = 0;
  bool dense_turn = false;  // dense layers have positions, windowed or not
  std::vector<bool> full;   // a layer
  std::vector<bool> sparse;
};

// One of two texts; the first is what an absent field means.
bool ReadChoice(model::ConfigReader& reader, std::string_view key, std::string_view first,
                std::string_view second) {
  const std::string value = reader.TextOr(key, first);
  reader.Require(
      value == first || value == second,
      StrCat(key, ": expected ", first, " or ", second, ", found ", core::Quoted(value, 40)));
  return value == first;
}

core::Result<Config> ReadConfig(const core::Json& json) {
  model::ConfigReader reader(json);
  Config config;
  config.shape = model::ReadShape(reader, 8192);
  config.rms = reader.Find("rms_norm_eps") != nullptr;
  config.eps = reader.FloatOr(config.rms ? "rms_norm_eps" : "layer_norm_eps", 1e-5F);
  config.attention = model::ReadAttention(reader, config.shape, config.eps);
  config.rope = model::ReadRope(reader, config.attention.head_dim, {});
  config.rope.interleaved = true;
  config.window = reader.SizeOr("sliding_window", 4096);
  const int layers = config.shape.layers;
  config.full =
      model::LayersOfKind(reader, layers, "full", reader.SizeOr("sliding_window_pattern", 4));
  config.sparse = model::SparseLayers(reader, layers, reader.CountOr("first_k_dense_replace", 0));
  const int inner = reader.Size("intermediate_size");
  config.dense_inner = reader.SizeOr("prefix_dense_intermediate_size", inner);
  config.dense_turn = reader.CountOr("prefix_dense_sliding_window_pattern", 0) == 1;
  config.experts = {.experts = reader.Size("num_experts"),
                    .hidden = config.shape.hidden,
                    .inner = inner,
                    .activation = {}};
  const bool softmax = ReadChoice(reader, "expert_selection_fn", "softmax", "sigmoid");
  // A softmax over the chosen alone is one over all, brought back to a sum of one.
  config.router = {.score = softmax ? ops::RouterScore::kSoftmax : ops::RouterScore::kSigmoid,
                   .chosen = reader.Size("num_experts_per_tok"),
                   .normalise = softmax || reader.BoolOr("norm_topk_prob", true)};
  config.shared_inner = inner * reader.CountOr("num_shared_experts", 0);
  config.average = ReadChoice(reader, "shared_expert_combination_strategy", "average", "sum");
  config.logit_scale = reader.FloatOr("logit_scale", 0.0625F);
  reader.Require(config.router.chosen <= config.experts.experts,
                 "num_experts_per_tok: expected at most num_experts");
  INGOT_TRY(reader.Finish());
  return config;
}

// A mixture whose shared expert is added, or averaged with the rest.
struct BlendedMixture {
  model::Mixture mixture;
  bool average;
  Array operator()(const Array& x) const {
    const Array y = mixture(x);
    return average && mixture.shared ? y * ops::Scalar(0.5F, y) : y;
  }
};
using Feed = std::variant<model::Mlp, BlendedMixture>;

struct Layer {
  Array norm;
  model::SelfAttention attention;
  Feed feed;
};

Layer LoadLayer(const Config& config, model::Weights& weights, size_t i) {
  const std::string layer = StrCat("layers.", i);
  const std::string name = layer + ".mlp";
  const int hidden = config.shape.hidden;
  const bool turns = !config.full[i] || (config.dense_turn && !config.sparse[i]);
  const auto feed = [&]() -> Feed {
    if (!config.sparse[i]) return model::Mlp::Load(weights, name, {hidden, config.dense_inner, {}});
    model::Mixture mixture{
        .router = weights.Linear(name + ".gate", config.experts.experts, hidden),
        .spec = config.router,
        .experts = model::LoadExperts(weights, family::kMlpExperts, layer, config.experts)};
    if (config.shared_inner > 0) {
      mixture.shared =
          model::Mlp::Load(weights, name + ".shared_experts", {hidden, config.shared_inner, {}});
    }
    return BlendedMixture{std::move(mixture), config.average};
  };
  return {model::LoadNorm(weights, layer + ".input_layernorm.weight", hidden),
          model::SelfAttention::Load(weights, layer + ".self_attn", config.attention,
                                     {.rope = turns ? std::optional(config.rope) : std::nullopt,
                                      .window = config.full[i] ? 0 : config.window}),
          feed()};
}

class Cohere2Moe final : public model::LanguageModel {
 public:
  Cohere2Moe(const Config& config, model::Weights& weights)
      : LanguageModel(config.shape),
        frame_(model::Frame::Load(weights, config.shape, config.eps)),
        rms_(config.rms),
        logit_scale_(config.logit_scale) {
    for (size_t i = 0; i < config.full.size(); ++i) {
      layers_.push_back(LoadLayer(config, weights, i));
    }
  }

  SequenceState NewState() const override {
    return model::StateOf(layers_, [](const Layer& layer) { return layer.attention.NewCache(); });
  }

  Array Forward(const Array& tokens, const Batch& batch) const override {
    Array x = frame_.Embed(tokens);
    for (size_t i = 0; i < layers_.size(); ++i) {
      const Array n = Norm(x, layers_[i].norm);
      const Array fed = std::visit([&](const auto& feed) { return feed(n); }, layers_[i].feed);
      x = x + layers_[i].attention(n, batch, i) + fed;
    }
    batch.Advance();
    return Norm(x, frame_.norm);
  }

  Array Logits(const Array& hidden) const override {
    const Array logits = frame_.Logits(hidden);
    return logits * ops::Scalar(logit_scale_, logits);
  }

 private:
  Array Norm(const Array& x, const Array& weight) const {
    return rms_ ? ops::RmsNorm(x, weight, frame_.eps)
                : ops::LayerNorm(x, weight, std::nullopt, frame_.eps);
  }

  model::Frame frame_;
  bool rms_;
  float logit_scale_;
  std::vector<Layer> layers_;
};

}  // namespace

core::Result<std::unique_ptr<model::LanguageModel>> BuildCohere2Moe(const core::Json& json,
                                                                    model::Weights& weights) {
  INGOT_ASSIGN(const Config config, ReadConfig(json));
  weights.UsePrefix(model::kLanguageModelPrefixes, "embed_tokens.weight");
  return weights.Finish<model::LanguageModel>(std::make_unique<Cohere2Moe>(config, weights));
}

}  // namespace ingot::models
