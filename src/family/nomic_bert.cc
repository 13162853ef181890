// Nomic's BERT: rotary positions, gated MLP. As Nomic publishes it and as transformers writes it.
#include "family/families.h"

namespace ingot::family {
namespace {

constexpr std::string_view kArchitectures[] = {"NomicBertModel", "NomicBertForPreTraining"};
constexpr std::string_view kModelTypes[] = {"nomic_bert"};

constexpr TensorRow kTensors[] = {
    {"embeddings.word_embeddings.weight", Role::kEmbedding, Need::kModel},
    {"embeddings.*", Role::kEmbedding},
    {"emb_ln.weight", Role::kNorm, Need::kModel},
    {"emb_ln.bias", Role::kNorm},
    {"encoder.layers.{}.attn.Wqkv.weight", Role::kAttention, Need::kEveryLayer},
    {"encoder.layers.{}.attn.out_proj.weight", Role::kAttention, Need::kEveryLayer},
    {"encoder.layers.{}.attn.*", Role::kAttention},
    {"encoder.layers.{}.mlp.fc11.weight", Role::kMlp, Need::kEveryLayer, 1},
    {"encoder.layers.{}.mlp.fc1.weight", Role::kMlp, Need::kEveryLayer, 1},
    {"encoder.layers.{}.mlp.fc2.weight", Role::kMlp, Need::kEveryLayer},
    {"encoder.layers.{}.mlp.*", Role::kMlp},
    {"encoder.layers.{}.norm1.weight", Role::kNorm, Need::kEveryLayer},
    {"encoder.layers.{}.norm2.weight", Role::kNorm, Need::kEveryLayer},
    {"encoder.layers.{}.*", Role::kNorm},
};

}  // namespace

constinit const Family kNomicBert = {
    .id = "nomic_bert",
    .architectures = kArchitectures,
    .model_types = kModelTypes,
    .tensors = kTensors,
    .encoder = true,
};

}  // namespace ingot::family
