// Qwen3 with experts; some layers may be dense.
#include "family/families.h"

namespace ingot::family {
namespace {

constexpr std::string_view kArchitectures[] = {"Qwen3MoeForCausalLM"};
constexpr std::string_view kModelTypes[] = {"qwen3_moe"};

constexpr TensorRow kTensors[] = {
    {"embed_tokens.weight", Role::kEmbedding, Need::kModel},
    {"norm.weight", Role::kNorm, Need::kModel},
    {"lm_head.weight", Role::kHead},
    {"layers.{}.input_layernorm.weight", Role::kNorm, Need::kEveryLayer},
    {"layers.{}.post_attention_layernorm.weight", Role::kNorm, Need::kEveryLayer},
    {"layers.{}.self_attn.q_norm.weight", Role::kNorm, Need::kEveryLayer},
    {"layers.{}.self_attn.k_norm.weight", Role::kNorm, Need::kEveryLayer},
    {"layers.{}.self_attn.q_proj.weight", Role::kAttention, Need::kEveryLayer},
    {"layers.{}.self_attn.k_proj.weight", Role::kAttention, Need::kEveryLayer},
    {"layers.{}.self_attn.v_proj.weight", Role::kAttention, Need::kEveryLayer},
    {"layers.{}.self_attn.o_proj.weight", Role::kAttention, Need::kEveryLayer},
    {"layers.{}.mlp.switch_mlp.gate_proj.weight", Role::kExperts, Need::kEveryLayer, 1},
    {"layers.{}.mlp.gate_proj.weight", Role::kMlp, Need::kEveryLayer, 1},
    {"layers.{}.mlp.switch_mlp.up_proj.weight", Role::kExperts, Need::kEveryLayer, 2},
    {"layers.{}.mlp.up_proj.weight", Role::kMlp, Need::kEveryLayer, 2},
    {"layers.{}.mlp.switch_mlp.down_proj.weight", Role::kExperts, Need::kEveryLayer, 3},
    {"layers.{}.mlp.down_proj.weight", Role::kMlp, Need::kEveryLayer, 3},
    {"layers.{}.mlp.gate.weight", Role::kRouter},
};

}  // namespace

constinit const Family kQwen3Moe = {
    .id = "qwen3_moe",
    .architectures = kArchitectures,
    .model_types = kModelTypes,
    .tensors = kTensors,
};

}  // namespace ingot::family
