// BERT encoders, with or without the "bert." in front.
#include "family/families.h"

namespace ingot::family {
namespace {

constexpr std::string_view kArchitectures[] = {"BertModel", "BertForMaskedLM"};
constexpr std::string_view kModelTypes[] = {"bert"};

constexpr TensorRow kTensors[] = {
    {"embeddings.word_embeddings.weight", Role::kEmbedding, Need::kModel},
    {"embeddings.position_embeddings.weight", Role::kEmbedding, Need::kModel},
    {"embeddings.LayerNorm.weight", Role::kNorm, Need::kModel},
    {"embeddings.*", Role::kEmbedding},
    {"encoder.layer.{}.attention.self.query.weight", Role::kAttention, Need::kEveryLayer},
    {"encoder.layer.{}.attention.self.key.weight", Role::kAttention, Need::kEveryLayer},
    {"encoder.layer.{}.attention.self.value.weight", Role::kAttention, Need::kEveryLayer},
    {"encoder.layer.{}.attention.output.dense.weight", Role::kAttention, Need::kEveryLayer},
    {"encoder.layer.{}.attention.*", Role::kAttention},
    {"encoder.layer.{}.intermediate.dense.weight", Role::kMlp, Need::kEveryLayer},
    {"encoder.layer.{}.output.dense.weight", Role::kMlp, Need::kEveryLayer},
    {"encoder.layer.{}.*", Role::kMlp},
};

}  // namespace

constinit const Family kBert = {
    .id = "bert",
    .architectures = kArchitectures,
    .model_types = kModelTypes,
    .tensors = kTensors,
    .encoder = true,
};

}  // namespace ingot::family
