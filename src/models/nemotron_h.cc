#include "models/nemotron_h.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/strings.h"
#include "family/families.h"
#include "model/common_config.h"
#include "model/dense_layers.h"
#include "model/expert_weights.h"
#include "model/frame.h"
#include "model/mixture.h"
#include "ops/delta.h"
#include "ops/fused.h"
#include "ops/mamba.h"

namespace ingot::models {
namespace {

namespace mx = ops::mx;
using core::StrCat;
using model::Array;
using model::Batch;
using model::BatchPart;
using model::SequenceState;

enum class Kind : uint8_t { kMamba, kAttention, kMlp, kExperts };

struct MambaShape {
  int heads = 0;
  int head_dim = 0;
  int state = 0;
  int groups = 1;
  int taps = 4;
  float least_step = 0;
  float most_step = std::numeric_limits<float>::infinity();

  int inner() const { return heads * head_dim; }
  int channels() const { return inner() + 2 * groups * state; }
};

struct Config {
  model::ModelShape shape;
  model::AttentionShape attention;
  MambaShape mamba;
  model::ExpertShape experts;
  ops::RouterSpec router;
  float eps = 1e-5F;
  int inner = 0;
  int shared_inner = 0;
  int latent = 0;
  std::vector<Kind> kinds;  // a layer
};

struct KindName {
  char letter;                            // in "hybrid_override_pattern"
  std::array<std::string_view, 2> words;  // in "layers_block_type"
  Kind kind;
};
constexpr std::array<KindName, 5> kKindNames = {{
    {'M', {"linear_attention", "mamba"}, Kind::kMamba},
    {'*', {"full_attention", "attention"}, Kind::kAttention},
    {'A', {}, Kind::kAttention},
    {'-', {"mlp", "mlp"}, Kind::kMlp},
    {'E', {"moe", "moe"}, Kind::kExperts},
}};

std::vector<Kind> ReadKinds(model::ConfigReader& reader) {
  std::vector<Kind> kinds;
  const auto add = [&](std::string_view field, std::string_view text, auto matches) {
    const auto found = std::find_if(kKindNames.begin(), kKindNames.end(), matches);
    reader.Require(found != kKindNames.end(),
                   StrCat(field, ": unknown kind of layer ", core::Quoted(text, 40)));
    kinds.push_back(found != kKindNames.end() ? found->kind : Kind::kMlp);
  };
  const std::string pattern = reader.TextOr("hybrid_override_pattern", "");
  for (const char& letter : pattern) {
    add("hybrid_override_pattern", {&letter, 1},
        [&](const KindName& name) { return name.letter == letter; });
  }
  if (pattern.empty()) {
    for (const std::string& word : reader.Texts("layers_block_type")) {
      add("layers_block_type", word,
          [&](const KindName& name) { return name.words[0] == word || name.words[1] == word; });
    }
  }
  const int layers = reader.CountOr("num_hidden_layers", static_cast<int>(kinds.size()));
  reader.Require(
      !kinds.empty() && kinds.size() == static_cast<size_t>(layers) && layers <= model::kMaxLayers,
      StrCat("layers_block_type or hybrid_override_pattern: expected ", layers, " layers, at most ",
             model::kMaxLayers, ", found ", kinds.size()));
  return kinds;
}

MambaShape ReadMamba(model::ConfigReader& reader) {
  MambaShape mamba{.heads = reader.Size("mamba_num_heads"),
                   .head_dim = reader.Size("mamba_head_dim"),
                   .state = reader.Size("ssm_state_size"),
                   .groups = reader.SizeOr("n_groups", 1),
                   .taps = reader.SizeOr("conv_kernel", 4)};
  reader.Require(mamba.heads % mamba.groups == 0,
                 "mamba_num_heads: expected a multiple of n_groups");
  reader.Require(mamba.taps > 1, "conv_kernel: expected at least 2");
  const core::Json* limits = reader.Find("time_step_limit");
  if (limits != nullptr && limits->is_array() && limits->size() == 2) {
    const auto least = model::JsonNumber((*limits)[0]);
    const auto most = model::JsonNumber((*limits)[1]);
    if (least) mamba.least_step = static_cast<float>(*least);
    if (most) mamba.most_step = static_cast<float>(*most);
  }
  return mamba;
}

core::Result<Config> ReadConfig(const core::Json& json) {
  model::ConfigReader reader(json);
  Config config;
  config.kinds = ReadKinds(reader);
  config.shape = {.vocabulary = reader.Size("vocab_size"),
                  .hidden = reader.Size("hidden_size"),
                  .layers = static_cast<int>(config.kinds.size()),
                  .context = reader.SizeOr("max_position_embeddings", 4096)};
  config.eps = reader.FloatOr("layer_norm_epsilon", reader.FloatOr("rms_norm_eps", 1e-5F));
  const auto has = [&](Kind kind) {
    return std::find(config.kinds.begin(), config.kinds.end(), kind) != config.kinds.end();
  };
  if (has(Kind::kAttention)) {
    config.attention = model::ReadAttention(reader, config.shape, config.eps);
  }
  if (has(Kind::kMamba)) config.mamba = ReadMamba(reader);
  if (has(Kind::kMlp)) config.inner = reader.Size("intermediate_size");
  if (has(Kind::kExperts)) {
    config.latent = reader.CountOr("moe_latent_size", 0);
    config.experts = {
        .experts = model::CountOfAny(reader, {"n_routed_experts", "num_local_experts"}),
        .hidden = config.latent > 0 ? config.latent : config.shape.hidden,
        .inner = reader.Size("moe_intermediate_size"),
        .activation = {.kind = ops::MlpActivation::Kind::kReluSquared}};
    config.router = model::ReadGroupedRouter(reader, config.experts.experts);
    config.shared_inner = reader.CountOr("moe_shared_expert_intermediate_size", 0);
  }
  INGOT_TRY(reader.Finish());
  return config;
}

struct MambaLayer {
  MambaShape shape;
  float eps;
  ops::Linear input;               // → [z | x | B | C | dt]
  Array conv;                      // [channels, taps]
  std::optional<Array> conv_bias;  // [channels]
  Array rate;                      // exp(A_log) [heads] float32
  Array dt_bias;                   // [heads] float32
  Array direct;                    // [heads] float32
  Array norm;                      // [inner]
  ops::Linear output;

  model::LayerCache NewCache() const { return model::RecurrentCache(); }

  // The convolution and the recurrence over a sequence's own rows → [B, L, inner].
  Array Recur(const BatchPart& part, size_t layer, const Array& mixed_in, const Array& step) const {
    auto& cache = part.state->Layer<model::RecurrentCache>(layer);
    const int batch = mixed_in.shape(0);
    const int steps = mixed_in.shape(1);
    const int inner = shape.inner();
    const int width = shape.groups * shape.state;
    const Array tail = cache.tail()
                           ? *cache.tail()
                           : mx::zeros({batch, shape.taps - 1, shape.channels()}, mixed_in.dtype());
    const Array memory =
        cache.state() ? *cache.state()
                      : mx::zeros({batch, shape.heads, shape.head_dim, shape.state}, mx::float32);

    const ops::ConvResult mixed = ops::CausalConv(mixed_in, conv, tail);
    const Array u = ops::Silu(conv_bias ? mixed.y + *conv_bias : mixed.y);
    const auto groups = [&](int begin) {
      return mx::reshape(ops::LastSlice(u, begin, begin + width),
                         {batch, steps, shape.groups, shape.state});
    };
    const ops::ScanResult out = ops::SelectiveScan(
        {.x = mx::reshape(ops::LastSlice(u, 0, inner), {batch, steps, shape.heads, shape.head_dim}),
         .step = step,
         .rate = rate,
         .input = groups(inner),
         .output = groups(inner + width),
         .direct = direct},
        memory, ops::PartingFor(mixed_in.dtype()));
    cache.Update(mixed.tail, out.state, steps);
    return mx::reshape(out.y, {batch, steps, inner});
  }

  // x + what the layer makes of x's norm.
  Array Onto(const Array& x, const ops::NormWeights& norm_before, const Batch& batch,
             size_t layer) const {
    const int inner = shape.inner();
    const int channels = shape.channels();
    const std::array<const ops::Linear*, 1> projections = {&input};
    const Array all = ops::ApplyEach(projections, x, norm_before)[0];
    const Array z = ops::LastSlice(all, 0, inner);
    const Array dt = ops::LastSlice(all, inner + channels, inner + channels + shape.heads);
    const Array step = ops::StepSizes(dt, dt_bias, shape.least_step, shape.most_step);
    const Array y = batch.Each([&](const BatchPart& part, const Array& rows,
                                   const Array& steps) { return Recur(part, layer, rows, steps); },
                               ops::LastSlice(all, inner, inner + channels), step);
    const Array gated = ops::SiluGated(y, z);
    const Array normed = ops::GroupRmsNorm(gated, norm, shape.groups, eps);
    return ops::ApplyOnto(x, output, ops::ToTypeOf(normed, x));
  }
};

MambaLayer LoadMamba(model::Weights& weights, const std::string& name, const Config& config) {
  const MambaShape& shape = config.mamba;
  const int hidden = config.shape.hidden;
  const std::array heads = {shape.heads};
  weights.Need(ops::Form::kSelectiveScan, shape.state, name);
  weights.Need(ops::Form::kCausalConv, shape.taps, name);
  const std::string conv = name + ".conv1d.weight";
  // [C, 1, K] as it was trained, [C, K, 1] as converters turn it.
  const auto stored = weights.ShapeOf(conv);
  const bool turned = stored && stored->rank() == 3 && (*stored)[2] == 1;
  const std::array trained_shape = {shape.channels(), 1, shape.taps};
  const std::array turned_shape = {shape.channels(), shape.taps, 1};
  std::optional<Array> bias;
  if (weights.Has(name + ".conv1d.bias")) {
    bias = weights.Dense(name + ".conv1d.bias", std::array{shape.channels()});
  }
  return {.shape = shape,
          .eps = config.eps,
          .input = weights.Linear(name + ".in_proj", shape.inner() + shape.channels() + shape.heads,
                                  hidden),
          .conv = mx::reshape(weights.Dense(conv, turned ? turned_shape : trained_shape),
                              {shape.channels(), shape.taps}),
          .conv_bias = std::move(bias),
          .rate = mx::exp(weights.DenseFloat32(name + ".A_log", heads)),
          .dt_bias = weights.DenseFloat32(name + ".dt_bias", heads),
          .direct = weights.DenseFloat32(name + ".D", heads),
          .norm = weights.Dense(name + ".norm.weight", std::array{shape.inner()}),
          .output = weights.Linear(name + ".out_proj", hidden, shape.inner())};
}

model::Mixture LoadMixture(model::Weights& weights, const std::string& layer,
                           const Config& config) {
  const std::string name = layer + ".mixer";
  const int hidden = config.shape.hidden;
  model::Mixture mixture{
      .router = weights.Linear(name + ".gate", config.experts.experts, hidden),
      .spec = config.router,
      .experts = model::LoadExperts(weights, *family::kNemotronH.experts, layer, config.experts),
      .wide_router = true};
  mixture.spec.correction = weights.DenseFloat32(name + ".gate.e_score_correction_bias",
                                                 std::array{config.experts.experts});
  if (config.shared_inner > 0) {
    mixture.shared = model::Mlp::Load(weights, name + ".shared_experts",
                                      {hidden, config.shared_inner, config.experts.activation});
  }
  if (config.latent > 0) {
    mixture.into_latent = weights.Linear(name + ".fc1_latent_proj", config.latent, hidden);
    mixture.from_latent = weights.Linear(name + ".fc2_latent_proj", hidden, config.latent);
  }
  return mixture;
}

// A layer that has no memory, called like one that has.
template <typename Feed>
struct Memoryless {
  Feed feed;
  model::LayerCache NewCache() const { return std::monostate(); }
  // x + what the layer makes of x's norm.
  Array Onto(const Array& x, const ops::NormWeights& norm, const Batch&, size_t) const {
    return feed.Onto(x, norm);
  }
};
using Mixer = std::variant<MambaLayer, model::SelfAttention, Memoryless<model::Mlp>,
                           Memoryless<model::Mixture>>;

Mixer LoadMixer(model::Weights& weights, const Config& config, size_t i) {
  const std::string layer = StrCat("layers.", i);
  const std::string name = layer + ".mixer";
  switch (config.kinds[i]) {
    case Kind::kMamba:
      return LoadMamba(weights, name, config);
    case Kind::kAttention:
      return model::SelfAttention::Load(weights, name, config.attention, {});
    case Kind::kExperts:
      return Memoryless<model::Mixture>{LoadMixture(weights, layer, config)};
    case Kind::kMlp:
      break;
  }
  return Memoryless<model::Mlp>{model::Mlp::Load(
      weights, name,
      {config.shape.hidden, config.inner, {.kind = ops::MlpActivation::Kind::kReluSquared}})};
}

class NemotronH final : public model::LanguageModel {
 public:
  NemotronH(const Config& config, model::Weights& weights)
      : LanguageModel(config.shape),
        frame_(model::Frame::Load(weights, config.shape, config.eps, false,
                                  {.embedding = "embeddings", .norm = "norm_f"})) {
    for (size_t i = 0; i < config.kinds.size(); ++i) {
      layers_.push_back(
          {model::LoadNorm(weights, StrCat("layers.", i, ".norm.weight"), config.shape.hidden),
           LoadMixer(weights, config, i)});
    }
  }

  SequenceState NewState() const override {
    return model::StateOf(layers_, [](const Layer& layer) {
      return std::visit([](const auto& mixer) { return mixer.NewCache(); }, layer.mixer);
    });
  }

  Array Forward(const Array& tokens, const Batch& batch) const override {
    Array x = frame_.Embed(tokens);
    for (size_t i = 0; i < layers_.size(); ++i) {
      const ops::NormWeights norm{layers_[i].norm, frame_.eps};
      x = std::visit([&](const auto& mix) { return mix.Onto(x, norm, batch, i); },
                     layers_[i].mixer);
    }
    batch.Advance();
    return frame_.Norm(x);
  }

  Array Logits(const Array& hidden) const override { return frame_.Logits(hidden); }

 private:
  struct Layer {
    Array norm;
    Mixer mixer;
  };

  model::Frame frame_;
  std::vector<Layer> layers_;
};

constexpr std::array<std::string_view, 7> kPrefixes = {"backbone.",
                                                       "model.",
                                                       "language_model.backbone.",
                                                       "language_model.model.",
                                                       "model.language_model.backbone.",
                                                       "model.language_model.",
                                                       ""};

}  // namespace

core::Result<std::unique_ptr<model::LanguageModel>> BuildNemotronH(const core::Json& json,
                                                                   model::Weights& weights) {
  INGOT_ASSIGN(const Config config, ReadConfig(json));
  weights.UsePrefix(kPrefixes, "embeddings.weight");
  return weights.Finish<model::LanguageModel>(std::make_unique<NemotronH>(config, weights));
}

}  // namespace ingot::models
