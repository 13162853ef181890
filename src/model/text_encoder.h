// Models that read a text whole and answer with a row for each token, for embeddings. Built by
// models/registry.h; immutable afterwards, used by the one thread that builds graphs.
#ifndef INGOT_MODEL_TEXT_ENCODER_H_
#define INGOT_MODEL_TEXT_ENCODER_H_

#include "model/language_model.h"
#include "ops/array.h"

namespace ingot::model {

class TextEncoder {
 public:
  virtual ~TextEncoder() = default;

  const ModelShape& shape() const { return shape_; }
  // tokens [B, L] int32, B texts of one length → rows [B, L, H].
  virtual ops::Array Forward(const ops::Array& tokens) const = 0;

 protected:
  explicit TextEncoder(const ModelShape& shape) : shape_(shape) {}

 private:
  ModelShape shape_;
};

}  // namespace ingot::model

#endif  // INGOT_MODEL_TEXT_ENCODER_H_
