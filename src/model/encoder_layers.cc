#include "model/encoder_layers.h"

#include <array>
#include <string>

#include "core/strings.h"
#include "ops/norm.h"

namespace ingot::model {
namespace {

using Kind = ops::MlpActivation::Kind;

struct NamedActivation {
  std::string_view name;
  Kind kind;
};
constexpr std::array<NamedActivation, 7> kActivations = {{
    {"gelu", Kind::kGelu},
    {"gelu_new", Kind::kGeluTanh},
    {"gelu_fast", Kind::kGeluTanh},
    {"gelu_pytorch_tanh", Kind::kGeluTanh},
    {"silu", Kind::kSilu},
    {"swish", Kind::kSilu},
    {"swiglu", Kind::kSilu},
}};

}  // namespace

MeanNorm MeanNorm::Load(Weights& weights, std::string_view name, int width, float eps) {
  const std::array shape = {width};
  return {weights.Dense(core::StrCat(name, ".weight"), shape),
          weights.Dense(core::StrCat(name, ".bias"), shape), eps};
}

ops::Array MeanNorm::operator()(const ops::Array& x) const {
  return ops::LayerNorm(x, weight, bias, eps);
}

ops::MlpActivation ReadActivation(ConfigReader& config, std::string_view key,
                                  std::string_view fallback) {
  const std::string name = config.TextOr(key, fallback);
  for (const NamedActivation& activation : kActivations) {
    if (activation.name == name) return {.kind = activation.kind};
  }
  config.Require(false, core::StrCat(key, ": ", core::Quoted(name, 40), " is not supported"));
  return {};
}

}  // namespace ingot::model
