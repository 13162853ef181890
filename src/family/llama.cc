// Llama and what shares its tensors.
#include "family/blocks.h"
#include "family/families.h"

namespace ingot::family {
namespace {

constexpr std::string_view kArchitectures[] = {"LlamaForCausalLM", "MistralForCausalLM",
                                               "MinistralForCausalLM", "Ministral3ForCausalLM",
                                               "Mistral3ForConditionalGeneration"};
constexpr std::string_view kModelTypes[] = {"llama", "mistral", "ministral", "ministral3",
                                            "mistral3"};

constexpr TensorRow kOwn[] = {
    {"layers.{}.mlp.*", Role::kMlp},
    {"vision_tower.*", Role::kVision},
    {"multi_modal_projector.*", Role::kVision},
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
