#include "models/llama.h"

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/strings.h"
#include "model/config_reader.h"
#include "model/dense_layers.h"
#include "model/rope_config.h"
#include "ops/norm.h"

namespace ingot::models {
namespace {

using core::StrCat;
using model::Array;
using model::SequenceState;

// What tells the relatives apart.
struct Traits {
  bool head_norms = false;  // queries and keys of each head are normalised
  float norm_eps = 1e-5F;
  float rope_base = 10000;
};

struct Config {
  model::ModelShape shape;
  model::AttentionShape attention;
  ops::RopeSpec rope;
  int inner = 0;
  float eps = 0;
  std::vector<int> windows;  // a layer; 0: sees everything
};

// The window of each layer: as "layer_types" says, else every layer's where a window is in use.
std::vector<int> ReadWindows(model::ConfigReader& config, int layers) {
  const int window = config.CountOr("sliding_window", 0);
  const std::vector<std::string> types = config.Texts("layer_types");
  const bool everywhere = types.empty() && config.BoolOr("use_sliding_window", true);
  std::vector<int> windows(static_cast<size_t>(layers), everywhere ? window : 0);
  if (types.empty()) return windows;
  config.Require(types.size() == windows.size(),
                 StrCat("layer_types: expected ", layers, " entries, found ", types.size()));
  for (size_t i = 0; i < std::min(types.size(), windows.size()); ++i) {
    if (types[i] == "sliding_attention") windows[i] = window;
  }
  return windows;
}

core::Result<Config> ReadConfig(const core::Json& json, const Traits& traits) {
  model::ConfigReader reader(json);
  Config config;
  config.shape = {.vocabulary = reader.Size("vocab_size"),
                  .hidden = reader.Size("hidden_size"),
                  .layers = reader.Size("num_hidden_layers"),
                  .context = reader.SizeOr("max_position_embeddings", 4096)};
  config.inner = reader.Size("intermediate_size");
  config.eps = reader.FloatOr("rms_norm_eps", traits.norm_eps);
  const int heads = reader.Size("num_attention_heads");
  config.attention = {.hidden = config.shape.hidden,
                      .heads = heads,
                      .key_heads = reader.SizeOr("num_key_value_heads", heads),
                      .head_dim = reader.SizeOr("head_dim", config.shape.hidden / heads),
                      .norm_eps = config.eps};
  reader.Require(heads % config.attention.key_heads == 0,
                 "num_attention_heads: expected a multiple of num_key_value_heads");
  config.rope = model::ReadRope(reader, config.attention.head_dim, {.base = traits.rope_base});
  config.windows = ReadWindows(reader, config.shape.layers);
  INGOT_TRY(reader.Finish());
  return config;
}

class Llama final : public model::LanguageModel {
 public:
  Llama(const Config& config, const Traits& traits, model::Weights& weights)
      : LanguageModel(config.shape),
        eps_(config.eps),
        embedding_(weights.Table("embed_tokens", config.shape.vocabulary, config.shape.hidden)),
        norm_(weights.Dense("norm.weight", std::array{config.shape.hidden})),
        head_(weights.Head("lm_head", embedding_, config.shape.vocabulary, config.shape.hidden)),
        type_(weights.type()) {
    const std::array width = {config.shape.hidden};
    for (int i = 0; i < config.shape.layers; ++i) {
      const std::string name = StrCat("layers.", i);
      layers_.push_back(
          {weights.Dense(name + ".input_layernorm.weight", width),
           model::RotaryAttention::Load(weights, name + ".self_attn", config.attention, config.rope,
                                        config.windows[static_cast<size_t>(i)], traits.head_norms),
           weights.Dense(name + ".post_attention_layernorm.weight", width),
           model::GatedMlp::Load(weights, name + ".mlp", config.shape.hidden, config.inner)});
    }
  }

  SequenceState NewState() const override {
    std::vector<model::LayerCache> caches;
    for (const Layer& layer : layers_) {
      if (const int window = layer.attention.spec.window; window > 0) {
        caches.emplace_back(std::in_place_type<model::WindowCache>, window);
      } else {
        caches.emplace_back(std::in_place_type<model::KvCache>);
      }
    }
    return SequenceState(std::move(caches));
  }

  Array Forward(const Array& tokens, SequenceState& state) const override {
    Array x = ops::Rows(embedding_, tokens, type_);
    for (size_t i = 0; i < layers_.size(); ++i) {
      const Layer& layer = layers_[i];
      x = x + layer.attention(ops::RmsNorm(x, layer.attention_norm, eps_), state, i);
      x = x + layer.mlp(ops::RmsNorm(x, layer.mlp_norm, eps_));
    }
    state.Advance(tokens.shape(1));
    return ops::RmsNorm(x, norm_, eps_);
  }

  Array Logits(const Array& hidden) const override { return ops::Apply(head_, hidden); }

 private:
  struct Layer {
    Array attention_norm;
    model::RotaryAttention attention;
    Array mlp_norm;
    model::GatedMlp mlp;
  };

  float eps_;
  ops::Linear embedding_;
  Array norm_;
  ops::Linear head_;
  ops::mx::Dtype type_;
  std::vector<Layer> layers_;
};

constexpr std::array<std::string_view, 5> kPrefixes = {
    "model.", "language_model.model.", "model.language_model.", "language_model.", ""};

core::Result<std::unique_ptr<model::LanguageModel>> Build(const core::Json& json,
                                                          model::Weights& weights,
                                                          const Traits& traits) {
  INGOT_ASSIGN(const Config config, ReadConfig(json, traits));
  weights.UsePrefix(kPrefixes, "embed_tokens.weight");
  auto built = std::make_unique<Llama>(config, traits, weights);
  INGOT_TRY(weights.Finish());
  return std::unique_ptr<model::LanguageModel>(std::move(built));
}

}  // namespace

core::Result<std::unique_ptr<model::LanguageModel>> BuildLlama(const core::Json& config,
                                                               model::Weights& weights) {
  return Build(config, weights, {});
}

core::Result<std::unique_ptr<model::LanguageModel>> BuildQwen3(const core::Json& config,
                                                               model::Weights& weights) {
  return Build(config, weights, {.head_norms = true, .norm_eps = 1e-6F, .rope_base = 1e6F});
}

}  // namespace ingot::models
