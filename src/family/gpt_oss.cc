// gpt-oss: experts with biases, gate and up in turns and used the other way round; published with
// its experts packed in blocks of mxfp4.
#include "family/blocks.h"
#include "family/families.h"

namespace ingot::family {
namespace {

constexpr std::string_view kArchitectures[] = {"GptOssForCausalLM"};
constexpr std::string_view kModelTypes[] = {"gpt_oss"};

constexpr ExpertMarker kMarkers[] = {
    {".mlp.experts.", ".mlp.switch_mlp.", ".mlp.experts."},
    {".mlp.switch_mlp.", ".mlp.switch_mlp.", ".mlp.experts."},
};
constexpr ExpertTable kExperts = {.markers = kMarkers, .fused = FusedForm::kInterleaved};

// The generic rules know routers by other names.
constexpr NameTest kRouter[] = {Ends(".mlp.router.weight")};
constexpr Rule kRules[] = {
    {.id = "gpt_oss: router", .names = {.any = kRouter}},
};

constexpr TensorRow kOwn[] = {
    {"layers.{}.self_attn.sinks", Role::kAttention, Need::kEveryLayer},
    {"layers.{}.mlp.router.weight", Role::kRouter, Need::kEveryLayer},
    {"layers.{}.mlp.router.bias", Role::kRouter},
    {"layers.{}.mlp.switch_mlp.gate_proj.weight", Role::kExperts, Need::kEveryLayer},
    {"layers.{}.mlp.switch_mlp.up_proj.weight", Role::kExperts, Need::kEveryLayer},
    {"layers.{}.mlp.switch_mlp.down_proj.weight", Role::kExperts, Need::kEveryLayer},
    {"layers.{}.mlp.switch_mlp.*", Role::kExperts},
};
constexpr auto kTensors = Joined(kDecoderFrameRows, kTwoNormsRows, kOwn, kAttentionRows);

}  // namespace

constinit const Family kGptOss = {
    .id = "gpt_oss",
    .architectures = kArchitectures,
    .model_types = kModelTypes,
    .experts = &kExperts,
    .rules = kRules,
    .tensors = kTensors,
};

}  // namespace ingot::family
