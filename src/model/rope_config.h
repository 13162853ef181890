// The rotary part of a config.json, in the old spelling ("rope_theta", "rope_scaling") and the new
// ("rope_parameters", flat or by kind of layer), made into what ops::Rope takes.
#ifndef INGOT_MODEL_ROPE_CONFIG_H_
#define INGOT_MODEL_ROPE_CONFIG_H_

#include <string_view>

#include "core/json.h"
#include "model/config_reader.h"
#include "ops/rope.h"

namespace ingot::model {

struct RopeDefaults {
  float base = 10000;
  float partial = 1;  // the share of a head that turns
};

// For heads of that width. A scaling that is not known is a complaint of the reader.
ops::RopeSpec ReadRope(ConfigReader& config, int head_dim, const RopeDefaults& defaults);

// The same from one block of parameters; nullptr: all defaults.
ops::RopeSpec ReadRopeBlock(ConfigReader& config, const core::Json* block, int head_dim,
                            const RopeDefaults& defaults);

// "llama_4_scaling_beta" beside the other rotary parameters; none where it is not there.
ops::QueryGrowth ReadQueryGrowth(ConfigReader& config);

// "rope_parameters" of one kind of layer; nullptr where they are not given by kind.
const core::Json* RopeBlockOf(const ConfigReader& config, std::string_view layer_kind);

}  // namespace ingot::model

#endif  // INGOT_MODEL_ROPE_CONFIG_H_
