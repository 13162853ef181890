// What every architecture is, to those who run it: tokens in, hidden rows out, and rows to logits.
// Built by models/registry.h from a folder or a store; immutable afterwards, so that any number of
// sequences can use it, from the one thread that builds graphs.
#ifndef INGOT_MODEL_LANGUAGE_MODEL_H_
#define INGOT_MODEL_LANGUAGE_MODEL_H_

#include <memory>
#include <string>
#include <utility>

#include "model/batch.h"
#include "model/cache.h"
#include "ops/array.h"

namespace ingot::model {

struct ModelShape {
  int vocabulary = 0;
  int hidden = 0;
  int layers = 0;
  int context = 0;  // positions that it was made for
};

class LanguageModel {
 public:
  virtual ~LanguageModel() = default;

  const ModelShape& shape() const { return shape_; }
  virtual SequenceState NewState() const = 0;
  // tokens [1, rows] int32, which follow what the batch's states hold → hidden rows [1, rows, H],
  // normalised. The states are advanced.
  //
  // In fp32, and with kernels of ours (ops/cpu), a row is the same to the last bit whatever other
  // rows there are: which sequences share the batch, and how a prompt was cut into calls.
  virtual Array Forward(const Array& tokens, const Batch& batch) const = 0;
  // Of one sequence, or of several alike: tokens [B, L] → [B, L, H].
  Array Forward(const Array& tokens, SequenceState& state) const {
    return Forward(tokens, Batch(state, tokens.shape(1)));
  }
  // Rows [..., H] → logits [..., vocabulary].
  virtual Array Logits(const Array& hidden) const = 0;

  // Something that is to live as long as the model.
  void Attach(std::shared_ptr<const void> companion) { companion_ = std::move(companion); }

 protected:
  explicit LanguageModel(const ModelShape& shape) : shape_(shape) {}

 private:
  ModelShape shape_;
  std::shared_ptr<const void> companion_;
};

}  // namespace ingot::model

#endif  // INGOT_MODEL_LANGUAGE_MODEL_H_
