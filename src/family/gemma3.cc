// Gemma 3.
#include "family/blocks.h"
#include "family/families.h"

namespace ingot::family {
namespace {

constexpr std::string_view kArchitectures[] = {"Gemma3ForCausalLM",
                                               "Gemma3ForConditionalGeneration"};
constexpr std::string_view kModelTypes[] = {"gemma3", "gemma3_text"};

constexpr TensorRow kOwn[] = {
    {"vision_tower.*", Role::kVision},
    {"multi_modal_projector.*", Role::kVision},
};
constexpr auto kTensors =
    Joined(kDecoderFrameRows, kFourNormsRows, kHeadNormsRows, kAttentionRows, kGatedMlpRows, kOwn);

}  // namespace

constinit const Family kGemma3 = {
    .id = "gemma3",
    .architectures = kArchitectures,
    .model_types = kModelTypes,
    .tensors = kTensors,
};

}  // namespace ingot::family
