#include "model/frame.h"

#include <utility>

#include "core/strings.h"
#include "model/dense_layers.h"
#include "ops/norm.h"

namespace ingot::model {

Frame Frame::Load(Weights& weights, const ModelShape& shape, float eps, bool zero_centred,
                  const FrameNames& names) {
  ops::Linear embedding = weights.Table(names.embedding, shape.vocabulary, shape.hidden);
  ops::Linear head = weights.Head(names.head, embedding, shape.vocabulary, shape.hidden);
  Array norm = LoadNorm(weights, core::StrCat(names.norm, ".weight"), shape.hidden, zero_centred);
  return {eps, std::move(embedding), std::move(norm), std::move(head), weights.type()};
}

Array Frame::Embed(const Array& tokens) const { return ops::Rows(embedding, tokens, type); }

Array Frame::Norm(const Array& x) const { return ops::RmsNorm(x, norm, eps); }

Array Frame::Logits(const Array& hidden) const { return ops::Apply(head, hidden); }

}  // namespace ingot::model
