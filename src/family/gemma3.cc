// Gemma 3.
#include "family/families.h"

namespace ingot::family {
namespace {

constexpr std::string_view kArchitectures[] = {"Gemma3ForCausalLM",
                                               "Gemma3ForConditionalGeneration"};
constexpr std::string_view kModelTypes[] = {"gemma3", "gemma3_text"};

constexpr TensorRow kTensors[] = {
    {"embed_tokens.weight", Role::kEmbedding, Need::kModel},
    {"norm.weight", Role::kNorm, Need::kModel},
    {"lm_head.weight", Role::kHead},
    {"layers.{}.input_layernorm.weight", Role::kNorm, Need::kEveryLayer},
    {"layers.{}.post_attention_layernorm.weight", Role::kNorm, Need::kEveryLayer},
    {"layers.{}.pre_feedforward_layernorm.weight", Role::kNorm, Need::kEveryLayer},
    {"layers.{}.post_feedforward_layernorm.weight", Role::kNorm, Need::kEveryLayer},
    {"layers.{}.self_attn.q_norm.weight", Role::kNorm, Need::kEveryLayer},
    {"layers.{}.self_attn.k_norm.weight", Role::kNorm, Need::kEveryLayer},
    {"layers.{}.self_attn.q_proj.weight", Role::kAttention, Need::kEveryLayer},
    {"layers.{}.self_attn.k_proj.weight", Role::kAttention, Need::kEveryLayer},
    {"layers.{}.self_attn.v_proj.weight", Role::kAttention, Need::kEveryLayer},
    {"layers.{}.self_attn.o_proj.weight", Role::kAttention, Need::kEveryLayer},
    {"layers.{}.mlp.gate_proj.weight", Role::kMlp, Need::kEveryLayer},
    {"layers.{}.mlp.up_proj.weight", Role::kMlp, Need::kEveryLayer},
    {"layers.{}.mlp.down_proj.weight", Role::kMlp, Need::kEveryLayer},
    {"vision_tower.*", Role::kVision},
    {"multi_modal_projector.*", Role::kVision},
};

}  // namespace

constinit const Family kGemma3 = {
    .id = "gemma3",
    .architectures = kArchitectures,
    .model_types = kModelTypes,
    .tensors = kTensors,
};

}  // namespace ingot::family
