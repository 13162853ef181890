// Llama and what shares its tensors.
#include "family/blocks.h"
#include "family/families.h"

namespace ingot::family {
namespace {

constexpr std::string_view kArchitectures[] = {"LlamaForCausalLM", "MistralForCausalLM"};
constexpr std::string_view kModelTypes[] = {"llama", "mistral"};

constexpr TensorRow kOwn[] = {
    {"layers.{}.mlp.*", Role::kMlp},
};
constexpr auto kTensors =
    Joined(kDecoderFrameRows, kTwoNormsRows, kAttentionRows, kGatedMlpRows, kOwn);

}  // namespace

constinit const Family kLlama = {
    .id = "llama",
    .architectures = kArchitectures,
    .model_types = kModelTypes,
    .tensors = kTensors,
};

}  // namespace ingot::family
