// Qwen3 with experts; some layers may be dense.
#include "family/blocks.h"
#include "family/families.h"

namespace ingot::family {
namespace {

constexpr std::string_view kArchitectures[] = {"Qwen3MoeForCausalLM"};
constexpr std::string_view kModelTypes[] = {"qwen3_moe"};

constexpr TensorRow kOwn[] = {
    {"layers.{}.mlp.gate.weight", Role::kRouter},
};
constexpr auto kTensors = Joined(kDecoderFrameRows, kTwoNormsRows, kHeadNormsRows, kAttentionRows,
                                 kExpertsOrMlpRows, kOwn);

}  // namespace

constinit const Family kQwen3Moe = {
    .id = "qwen3_moe",
    .architectures = kArchitectures,
    .model_types = kModelTypes,
    .tensors = kTensors,
};

}  // namespace ingot::family
