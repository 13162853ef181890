#include "model/rope_config.h"

#include <array>
#include <string>

#include "core/strings.h"

namespace ingot::model {
namespace {

using core::Json;

// One number of the rotary block, with a default.
float Field(const Json* block, const char* key, float fallback) {
  if (block == nullptr || !block->is_object()) return fallback;
  const auto found = block->find(key);
  if (found == block->end() || found->is_null()) return fallback;
  const std::optional<double> number = JsonNumber(*found);
  return number ? static_cast<float>(*number) : fallback;
}

std::string Kind(const Json* block) {
  if (block == nullptr || !block->is_object()) return "default";
  for (const char* key : {"rope_type", "type"}) {
    const auto found = block->find(key);
    if (found != block->end() && found->is_string()) return found->get<std::string>();
  }
  return "default";
}

void Linear(ops::RopeSpec& spec, const Json* block, float) {
  spec.scale = 1.0F / Field(block, "factor", 1);
}

void Llama3(ops::RopeSpec& spec, const Json* block, float) {
  const ops::Llama3Scaling scaling{
      .factor = Field(block, "factor", 8),
      .low_frequency_factor = Field(block, "low_freq_factor", 1),
      .high_frequency_factor = Field(block, "high_freq_factor", 4),
      .original_context = Field(block, "original_max_position_embeddings", 8192)};
  spec.wavelengths = ops::WavelengthArray(ops::Llama3Wavelengths(spec.dims, spec.base, scaling));
}

void Yarn(ops::RopeSpec& spec, const Json* block, float context) {
  const float factor = Field(block, "factor", 1);
  const ops::YarnScaling scaling{
      .factor = factor,
      .original_context = Field(block, "original_max_position_embeddings", context),
      .beta_fast = Field(block, "beta_fast", 32),
      .beta_slow = Field(block, "beta_slow", 1)};
  spec.wavelengths = ops::WavelengthArray(ops::YarnWavelengths(spec.dims, spec.base, scaling));
  const float all_dims = Field(block, "mscale_all_dim", 0);
  const float plain = ops::YarnMagnitude(factor, Field(block, "mscale", 1)) /
                      (all_dims == 0 ? 1.0F : ops::YarnMagnitude(factor, all_dims));
  spec.magnitude = Field(block, "attention_factor", plain);
}

struct Scaling {
  std::string_view name;
  void (*apply)(ops::RopeSpec&, const Json*, float context);
};
constexpr std::array<Scaling, 5> kScalings = {{
    {"default", nullptr},
    {"mrope", nullptr},  // of text alone: all axes are the same position
    {"linear", &Linear},
    {"llama3", &Llama3},
    {"yarn", &Yarn},
}};

}  // namespace

ops::RopeSpec ReadRope(ConfigReader& config, int head_dim, const RopeDefaults& defaults) {
  const Json* block = config.Find("rope_parameters");
  if (block == nullptr) block = config.Find("rope_scaling");
  ops::RopeSpec spec;
  spec.base = Field(block, "rope_theta", config.FloatOr("rope_theta", defaults.base));
  const float partial = Field(block, "partial_rotary_factor",
                              config.FloatOr("partial_rotary_factor", defaults.partial));
  spec.dims = static_cast<int>(static_cast<float>(head_dim) * partial);
  config.Require(spec.dims > 0 && spec.dims <= head_dim && spec.dims % 2 == 0,
                 core::StrCat("partial_rotary_factor: an even part of the head is expected, not ",
                              spec.dims, " of ", head_dim));
  config.Require(spec.base > 1, "rope_theta: a number over 1 is expected");
  const float factor = Field(block, "factor", 1);
  config.Require(factor > 0, "rope scaling: a positive factor is expected");
  const std::string kind = Kind(block);
  for (const Scaling& scaling : kScalings) {
    if (scaling.name != kind) continue;
    if (scaling.apply != nullptr && spec.dims > 0 && spec.base > 1 && factor > 0) {
      scaling.apply(spec, block, config.FloatOr("max_position_embeddings", 4096));
    }
    return spec;
  }
  config.Require(false, core::StrCat("rope scaling ", core::Quoted(kind, 40), " is not supported"));
  return spec;
}

}  // namespace ingot::model
