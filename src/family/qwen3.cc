// Qwen3, dense.
#include "family/blocks.h"
#include "family/families.h"

namespace ingot::family {
namespace {

constexpr std::string_view kArchitectures[] = {"Qwen3ForCausalLM"};
constexpr std::string_view kModelTypes[] = {"qwen3"};

constexpr auto kTensors =
    Joined(kDecoderFrameRows, kTwoNormsRows, kHeadNormsRows, kAttentionRows, kGatedMlpRows);

}  // namespace

constinit const Family kQwen3 = {
    .id = "qwen3",
    .architectures = kArchitectures,
    .model_types = kModelTypes,
    .tensors = kTensors,
};

}  // namespace ingot::family
