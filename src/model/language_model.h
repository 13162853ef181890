// What every architecture is, to those who run it: tokens in, hidden rows out, and rows to logits.
// Built by models/registry.h from a folder or a store; immutable afterwards, so that any number of
// sequences can use it, from the one thread that builds graphs.
#ifndef INGOT_MODEL_LANGUAGE_MODEL_H_
#define INGOT_MODEL_LANGUAGE_MODEL_H_

#include <string>

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
  // tokens [B, L] int32, which follow what state holds → hidden rows [B, L, H], normalised. state
  // is advanced by L.
  virtual Array Forward(const Array& tokens, SequenceState& state) const = 0;
  // Rows [..., H] → logits [..., vocabulary].
  virtual Array Logits(const Array& hidden) const = 0;

 protected:
  explicit LanguageModel(const ModelShape& shape) : shape_(shape) {}

 private:
  ModelShape shape_;
};

}  // namespace ingot::model

#endif  // INGOT_MODEL_LANGUAGE_MODEL_H_
