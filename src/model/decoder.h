// The shape that most language models share: layers of x + mix(norm(x)), then x + feed(norm(x)),
// within a frame (model/frame.h). An architecture gives its mixer and its feed:
//
//   Mixer: LayerCache NewCache() const;  Array operator()(const Array& x, const Batch&, size_t
//          layer) const;   both may be std::variants of such types
//   Feed:  Array operator()(const Array& x) const;
//
// Either may have Onto(x, norm, …) as well, which gives x + what it makes of x's norm in fewer,
// larger operations.
//
// Immutable once built, as model/language_model.h says.
#ifndef INGOT_MODEL_DECODER_H_
#define INGOT_MODEL_DECODER_H_

#include <utility>
#include <variant>
#include <vector>

#include "model/batch.h"
#include "model/cache.h"
#include "model/frame.h"
#include "model/language_model.h"
#include "ops/fused.h"
#include "ops/norm.h"

namespace ingot::model {

// Calls f with the alternative of a variant, or with the thing itself.
template <typename T, typename F>
decltype(auto) Whichever(const T& one, F f) {
  if constexpr (requires { std::variant_size<T>::value; }) {
    return std::visit(f, one);
  } else {
    return f(one);
  }
}

template <typename Mixer, typename Feed>
struct DecoderLayer {
  Array mixer_norm;
  Mixer mixer;
  Array feed_norm;
  Feed feed;
};

template <typename Mixer, typename Feed>
class Decoder final : public LanguageModel {
 public:
  using Layer = DecoderLayer<Mixer, Feed>;

  Decoder(const ModelShape& shape, Frame frame, std::vector<Layer> layers)
      : LanguageModel(shape), frame_(std::move(frame)), layers_(std::move(layers)) {}

  SequenceState NewState() const override {
    return StateOf(layers_, [](const Layer& layer) {
      return Whichever(layer.mixer, [](const auto& mixer) { return mixer.NewCache(); });
    });
  }

  Array Forward(const Array& tokens, const Batch& batch) const override {
    Array x = frame_.Embed(tokens);
    for (size_t i = 0; i < layers_.size(); ++i) {
      const Layer& layer = layers_[i];
      x = Whichever(layer.mixer, [&](const auto& mix) {
        const ops::NormWeights norm{layer.mixer_norm, frame_.eps};
        if constexpr (requires { mix.Onto(x, norm, batch, i); }) {
          return mix.Onto(x, norm, batch, i);
        } else {
          return x + mix(ops::RmsNorm(x, norm.weight, norm.eps), batch, i);
        }
      });
      x = Whichever(layer.feed, [&](const auto& feed) {
        const ops::NormWeights norm{layer.feed_norm, frame_.eps};
        if constexpr (requires { feed.Onto(x, norm); }) {
          return feed.Onto(x, norm);
        } else {
          return x + feed(ops::RmsNorm(x, norm.weight, norm.eps));
        }
      });
    }
    batch.Advance();
    return frame_.Norm(x);
  }

  Array Logits(const Array& hidden) const override { return frame_.Logits(hidden); }

 private:
  Frame frame_;
  std::vector<Layer> layers_;
};

}  // namespace ingot::model

#endif  // INGOT_MODEL_DECODER_H_
