// Cohere Command A with experts.
#include "family/families.h"

namespace ingot::family {
namespace {

constexpr std::string_view kArchitectures[] = {"Cohere2MoeForCausalLM"};
constexpr std::string_view kModelTypes[] = {"cohere2_moe"};

constexpr Rule kRules[] = {
    {.id = "cohere2_moe: token embedding",
     .names = {.any = kTokenEmbedding, .none = kPerLayer},
     .shape = ShapeTest::kMatrix,
     .outcome = Outcome::kEightBit},
    {.id = "cohere2_moe: router", .names = {.any = kMlpGate}},
    {.id = "cohere2_moe: sensitive layer",
     .requested = kFourBit,
     .names = {.any = kValueKeyDown},
     .layer = LayerTest::kSensitive,
     .outcome = Outcome::kPromote},
    {.id = "cohere2_moe: other layer",
     .requested = kFourBit,
     .names = {.any = kValueKeyDown},
     .layer = LayerTest::kNumbered,
     .outcome = Outcome::kBase},
};

constexpr TensorRow kTensors[] = {
    {"embed_tokens.weight", Role::kEmbedding, Need::kModel},
    {"norm.weight", Role::kNorm, Need::kModel},
    {"lm_head.weight", Role::kHead},
    {"layers.{}.input_layernorm.weight", Role::kNorm, Need::kEveryLayer},
    {"layers.{}.self_attn.q_proj.weight", Role::kAttention, Need::kEveryLayer},
    {"layers.{}.self_attn.k_proj.weight", Role::kAttention, Need::kEveryLayer},
    {"layers.{}.self_attn.v_proj.weight", Role::kAttention, Need::kEveryLayer},
    {"layers.{}.self_attn.o_proj.weight", Role::kAttention, Need::kEveryLayer},
    {"layers.{}.self_attn.*", Role::kAttention},
    {"layers.{}.mlp.switch_mlp.gate_proj.weight", Role::kExperts, Need::kEveryLayer, 1},
    {"layers.{}.mlp.gate_proj.weight", Role::kMlp, Need::kEveryLayer, 1},
    {"layers.{}.mlp.switch_mlp.up_proj.weight", Role::kExperts, Need::kEveryLayer, 2},
    {"layers.{}.mlp.up_proj.weight", Role::kMlp, Need::kEveryLayer, 2},
    {"layers.{}.mlp.switch_mlp.down_proj.weight", Role::kExperts, Need::kEveryLayer, 3},
    {"layers.{}.mlp.down_proj.weight", Role::kMlp, Need::kEveryLayer, 3},
    {"layers.{}.mlp.gate.weight", Role::kRouter},
    {"layers.{}.mlp.shared_experts.*", Role::kSharedExperts},
};

}  // namespace

constinit const Family kCohere2Moe = {
    .id = "cohere2_moe",
    .architectures = kArchitectures,
    .model_types = kModelTypes,
    .rules = kRules,
    .tensors = kTensors,
};

}  // namespace ingot::family
