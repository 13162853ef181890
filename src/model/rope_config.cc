#include "model/rope_config.h"

#include <array>
#include <limits>
#include <string>
#include <vector>

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

bool Flag(const Json* block, const char* key, bool fallback) {
  if (block == nullptr || !block->is_object()) return fallback;
  const auto found = block->find(key);
  return found != block->end() && found->is_boolean() ? found->get<bool>() : fallback;
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
      .beta_slow = Field(block, "beta_slow", 1),
      .truncate = Flag(block, "truncate", true)};
  spec.wavelengths = ops::WavelengthArray(ops::YarnWavelengths(spec.dims, spec.base, scaling));
  // Two multipliers set each other off; one alone is not looked at.
  const float one = Field(block, "mscale", 0);
  const float all_dims = Field(block, "mscale_all_dim", 0);
  const float plain = one != 0 && all_dims != 0
                          ? ops::YarnMagnitude(factor, one) / ops::YarnMagnitude(factor, all_dims)
                          : ops::YarnMagnitude(factor);
  spec.magnitude = Field(block, "attention_factor", plain);
}

// Wavelengths are those of a head that turns whole; the later part of them does not turn at all.
void Proportional(ops::RopeSpec& spec, const Json* block, int head_dim) {
  std::vector<float> wavelengths = ops::PlainWavelengths(head_dim, spec.base);
  const float factor = Field(block, "factor", 1);
  for (size_t i = 0; i < wavelengths.size(); ++i) {
    const bool turns = i < static_cast<size_t>(spec.dims / 2);
    wavelengths[i] = turns ? wavelengths[i] * factor : std::numeric_limits<float>::infinity();
  }
  spec.dims = head_dim;
  spec.wavelengths = ops::WavelengthArray(wavelengths);
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

// Where parameters are not given by kind of layer, in either spelling.
const Json* FlatBlock(const ConfigReader& config) {
  const Json* block = config.Find("rope_parameters");
  return block != nullptr ? block : config.Find("rope_scaling");
}

}  // namespace

const Json* RopeBlockOf(const ConfigReader& config, std::string_view layer_kind) {
  const Json* all = config.Find("rope_parameters");
  if (all == nullptr || !all->is_object()) return nullptr;
  const auto found = all->find(std::string(layer_kind));
  return found != all->end() && found->is_object() ? &*found : nullptr;
}

ops::RopeSpec ReadRopeBlock(ConfigReader& config, const Json* block, int head_dim,
                            const RopeDefaults& defaults) {
  ops::RopeSpec spec;
  spec.base = Field(block, "rope_theta", defaults.base);
  const float partial = Field(block, "partial_rotary_factor", defaults.partial);
  const bool whole = partial >= 0 && partial <= 1;
  spec.dims = whole ? static_cast<int>(static_cast<float>(head_dim) * partial) : 0;
  config.Require(spec.dims > 0 && spec.dims % 2 == 0,
                 core::StrCat("partial_rotary_factor: an even part of the head is expected, not ",
                              spec.dims, " of ", head_dim));
  config.Require(spec.base > 1, "rope_theta: a number over 1 is expected");
  const float factor = Field(block, "factor", 1);
  config.Require(factor > 0, "rope scaling: a positive factor is expected");
  const bool sound = spec.dims > 0 && spec.base > 1 && factor > 0;
  const std::string kind = Kind(block);
  if (kind == "proportional") {
    if (sound) Proportional(spec, block, head_dim);
    return spec;
  }
  for (const Scaling& scaling : kScalings) {
    if (scaling.name != kind) continue;
    if (scaling.apply != nullptr && sound) {
      scaling.apply(spec, block, config.FloatOr("max_position_embeddings", 4096));
    }
    return spec;
  }
  config.Require(false, core::StrCat("rope scaling ", core::Quoted(kind, 40), " is not supported"));
  return spec;
}

ops::QueryGrowth ReadQueryGrowth(ConfigReader& config) {
  const Json* block = FlatBlock(config);
  const float beta = Field(block, "llama_4_scaling_beta", 0);
  if (beta == 0) return {};
  const float context = Field(block, "original_max_position_embeddings", 0);
  config.Require(context >= 1,
                 "original_max_position_embeddings: a number from 1 is expected beside "
                 "llama_4_scaling_beta");
  return {.beta = beta, .context = context};
}

ops::RopeSpec ReadRope(ConfigReader& config, int head_dim, const RopeDefaults& defaults) {
  return ReadRopeBlock(config, FlatBlock(config), head_dim,
                       {.base = config.FloatOr("rope_theta", defaults.base),
                        .partial = config.FloatOr("partial_rotary_factor", defaults.partial)});
}

}  // namespace ingot::model
