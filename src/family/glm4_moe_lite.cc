// GLM 4.7 Flash: latent attention, experts behind a few dense layers.
#include "family/blocks.h"
#include "family/families.h"

namespace ingot::family {
namespace {

constexpr std::string_view kArchitectures[] = {"Glm4MoeLiteForCausalLM", "GLM4MoeLite"};
constexpr std::string_view kModelTypes[] = {"glm4_moe_lite"};

constexpr TensorRow kOwn[] = {
    {"layers.{}.self_attn.q_b_proj.weight", Role::kAttention, Need::kEveryLayer, 1},
    {"layers.{}.self_attn.q_proj.weight", Role::kAttention, Need::kEveryLayer, 1},
    {"layers.{}.self_attn.kv_a_proj_with_mqa.weight", Role::kAttention, Need::kEveryLayer},
    {"layers.{}.self_attn.kv_b_proj.weight", Role::kAttention, Need::kEveryLayer, 2},
    {"layers.{}.self_attn.embed_q.weight", Role::kAttention, Need::kEveryLayer, 2},
    {"layers.{}.self_attn.o_proj.weight", Role::kAttention, Need::kEveryLayer},
    {"layers.{}.self_attn.q_a_layernorm.weight", Role::kNorm},
    {"layers.{}.self_attn.kv_a_layernorm.weight", Role::kNorm},
    {"layers.{}.self_attn.*", Role::kAttention},
    {"layers.{}.mlp.gate.weight", Role::kRouter},
    {"layers.{}.mlp.gate.e_score_correction_bias", Role::kRouter},
    {"layers.{}.mlp.shared_experts.*", Role::kSharedExperts},
};
constexpr auto kTensors = Joined(kDecoderFrameRows, kTwoNormsRows, kOwn, kExpertsOrMlpRows);

}  // namespace

constinit const Family kGlm4MoeLite = {
    .id = "glm4_moe_lite",
    .architectures = kArchitectures,
    .model_types = kModelTypes,
    .tensors = kTensors,
};

}  // namespace ingot::family
