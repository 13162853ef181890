// Qwen3, dense.
#include "family/families.h"

namespace ingot::family {
namespace {

constexpr std::string_view kArchitectures[] = {"Qwen3ForCausalLM"};
constexpr std::string_view kModelTypes[] = {"qwen3"};

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
    {"layers.{}.mlp.gate_proj.weight", Role::kMlp, Need::kEveryLayer},
    {"layers.{}.mlp.up_proj.weight", Role::kMlp, Need::kEveryLayer},
    {"layers.{}.mlp.down_proj.weight", Role::kMlp, Need::kEveryLayer},
};

}  // namespace

constinit const Family kQwen3 = {
    .id = "qwen3",
    .architectures = kArchitectures,
    .model_types = kModelTypes,
    .tensors = kTensors,
};

}  // namespace ingot::family
