// What stands around a language model's layers: the table that its tokens are looked up in, the
// norm of the rows that come out, and the head that makes logits of them.
//
// Immutable once loaded, as model/language_model.h says.
#ifndef INGOT_MODEL_FRAME_H_
#define INGOT_MODEL_FRAME_H_

#include <array>
#include <string_view>
#include <vector>

#include "model/cache.h"
#include "model/language_model.h"
#include "model/weights.h"
#include "ops/linear.h"

namespace ingot::model {

// Where a checkpoint has its language model: alone, or inside a larger one. Tried in this order.
inline constexpr std::array<std::string_view, 6> kLanguageModelPrefixes = {
    "model.",          "language_model.model.", "model.language_model.model.",
    "language_model.", "model.language_model.", ""};

// The frame's tensors, as most checkpoints name them.
struct FrameNames {
  std::string_view embedding = "embed_tokens";
  std::string_view norm = "norm";
  std::string_view head = "lm_head";
};

struct Frame {
  float eps = 0;  // of this norm and those of the layers
  ops::Linear embedding;
  Array norm;
  ops::Linear head;  // the embedding, where there is none of its own
  ops::mx::Dtype type;

  // Norms that are zero-centred as model/dense_layers.h says.
  static Frame Load(Weights& weights, const ModelShape& shape, float eps, bool zero_centred = false,
                    const FrameNames& names = {});

  Array Embed(const Array& tokens) const;  // [B, L] → [B, L, H]
  Array Norm(const Array& x) const;
  Array Logits(const Array& hidden) const;  // [B, L, H] → [B, L, vocabulary]
};

// A new sequence: for each layer the cache that cache_of(layer) makes.
template <typename Layer, typename CacheOf>
SequenceState StateOf(const std::vector<Layer>& layers, CacheOf cache_of) {
  std::vector<LayerCache> caches;
  caches.reserve(layers.size());
  for (const Layer& layer : layers) caches.push_back(cache_of(layer));
  return SequenceState(std::move(caches));
}

}  // namespace ingot::model

#endif  // INGOT_MODEL_FRAME_H_
