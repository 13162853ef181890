// Qwen3.5, Qwen3.6 and Qwen3-Next: gated delta nets between full attention, dense or with experts,
// text or with vision.
#include "family/blocks.h"
#include "family/families.h"

namespace ingot::family {
namespace {

constexpr std::string_view kArchitectures[] = {
    "Qwen3_5ForCausalLM",      "Qwen3_5ForConditionalGeneration",
    "Qwen3_5MoeForCausalLM",   "Qwen3_5MoeForConditionalGeneration",
    "Qwen3NextForCausalLM",    "Qwen3NextForConditionalGeneration",
    "Qwen3NextMoeForCausalLM", "Qwen3NextMoeForConditionalGeneration",
};
constexpr std::string_view kModelTypes[] = {"qwen3_5", "qwen3_5_text", "qwen3_5_moe",
                                            "qwen3_5_moe_text", "qwen3_next"};

constexpr NameTest kLowRank[] = {Ends(".linear_attn.in_proj_a.weight"),
                                 Ends(".linear_attn.in_proj_b.weight"),
                                 Ends(".linear_attn.in_proj_ba.weight")};

constexpr Rule kRules[] = {
    {.id = "qwen3.5: decay and gate inputs", .names = {.any = kLowRank}},
};

constexpr TensorRow kOwn[] = {
    {"layers.{}.self_attn.q_proj.weight", Role::kAttention, Need::kEveryLayer, 1},
    {"layers.{}.linear_attn.in_proj_qkv.weight", Role::kRecurrent, Need::kEveryLayer, 1},
    {"layers.{}.linear_attn.in_proj_qkvz.weight", Role::kRecurrent, Need::kEveryLayer, 1},
    {"layers.{}.self_attn.k_proj.weight", Role::kAttention, Need::kEveryLayer, 2},
    {"layers.{}.linear_attn.conv1d.weight", Role::kRecurrent, Need::kEveryLayer, 2},
    {"layers.{}.self_attn.v_proj.weight", Role::kAttention, Need::kEveryLayer, 3},
    {"layers.{}.linear_attn.A_log", Role::kRecurrent, Need::kEveryLayer, 3},
    {"layers.{}.self_attn.o_proj.weight", Role::kAttention, Need::kEveryLayer, 4},
    {"layers.{}.linear_attn.out_proj.weight", Role::kRecurrent, Need::kEveryLayer, 4},
    {"layers.{}.mlp.gate.weight", Role::kRouter},
    {"layers.{}.mlp.shared_expert_gate.weight", Role::kRouter},
    {"layers.{}.mlp.shared_expert.*", Role::kSharedExperts},
    {"layers.{}.linear_attn.norm.weight", Role::kNorm},
    {"layers.{}.linear_attn.*", Role::kRecurrent},
    {"mtp.*", Role::kDraftHead},
    {"visual.*", Role::kVision},
    {"vision_tower.*", Role::kVision},
};
constexpr auto kTensors =
    Joined(kDecoderFrameRows, kTwoNormsRows, kMaybeHeadNormsRows, kExpertsOrMlpRows, kOwn);

}  // namespace

constinit const Family kQwen35 = {
    .id = "qwen3_5",
    .architectures = kArchitectures,
    .model_types = kModelTypes,
    .rules = kRules,
    .tensors = kTensors,
};

}  // namespace ingot::family
