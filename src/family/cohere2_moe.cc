// Cohere Command A with experts.
#include "family/blocks.h"
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

constexpr TensorRow kOwn[] = {
    {"layers.{}.mlp.gate.weight", Role::kRouter},
    {"layers.{}.mlp.shared_experts.*", Role::kSharedExperts},
};
constexpr auto kTensors =
    Joined(kDecoderFrameRows, kInputNormRows, kAttentionRows, kExpertsOrMlpRows, kOwn);

}  // namespace

constinit const Family kCohere2Moe = {
    .id = "cohere2_moe",
    .architectures = kArchitectures,
    .model_types = kModelTypes,
    .rules = kRules,
    .tensors = kTensors,
};

}  // namespace ingot::family
