// The rotary part of a config.json, in the old spelling ("rope_theta", "rope_scaling") and the new
// ("rope_parameters"), made into what ops::Rope takes.
#ifndef INGOT_MODEL_ROPE_CONFIG_H_
#define INGOT_MODEL_ROPE_CONFIG_H_

#include <string_view>

#include "model/config_reader.h"
#include "ops/rope.h"

namespace ingot::model {

struct RopeDefaults {
  float base = 10000;
  float partial = 1;  // the share of a head that turns
};

// For heads of that width. A scaling that is not known is a complaint of the reader.
ops::RopeSpec ReadRope(ConfigReader& config, int head_dim, const RopeDefaults& defaults);

}  // namespace ingot::model

#endif  // INGOT_MODEL_ROPE_CONFIG_H_
