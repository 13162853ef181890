// Llama and what shares its tensors.
#include "family/families.h"

namespace ingot::family {
namespace {

constexpr std::string_view kArchitectures[] = {"LlamaForCausalLM", "MistralForCausalLM"};
constexpr std::string_view kModelTypes[] = {"llama", "mistral"};

constexpr TensorRow kTensors[] = {
    {"embed_tokens.weight", Role::kEmbedding, Need::kModel},
    {"norm.weight", Role::kNorm, Need::kModel},
    {"lm_head.weight", Role::kHead},
    {"layers.{}.input_layernorm.weight", Role::kNorm, Need::kEveryLayer},
    {"layers.{}.post_attention_layernorm.weight", Role::kNorm, Need::kEveryLayer},
    {"layers.{}.self_attn.q_proj.weight", Role::kAttention, Need::kEveryLayer},
    {"layers.{}.self_attn.k_proj.weight", Role::kAttention, Need::kEveryLayer},
    {"layers.{}.self_attn.v_proj.weight", Role::kAttention, Need::kEveryLayer},
    {"layers.{}.self_attn.o_proj.weight", Role::kAttention, Need::kEveryLayer},
    {"layers.{}.self_attn.*", Role::kAttention},
    {"layers.{}.mlp.gate_proj.weight", Role::kMlp, Need::kEveryLayer},
    {"layers.{}.mlp.up_proj.weight", Role::kMlp, Need::kEveryLayer},
    {"layers.{}.mlp.down_proj.weight", Role::kMlp, Need::kEveryLayer},
    {"layers.{}.mlp.*", Role::kMlp},
};

}  // namespace

constinit const Family kLlama = {
    .id = "llama",
    .architectures = kArchitectures,
    .model_types = kModelTypes,
    .tensors = kTensors,
};

}  // namespace ingot::family
