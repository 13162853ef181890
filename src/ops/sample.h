// A draw of one token from logits, by a number that the caller has drawn.
//
// One thread builds graphs.
#ifndef INGOT_OPS_SAMPLE_H_
#define INGOT_OPS_SAMPLE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "ops/array.h"
#include "ops/token_logprobs.h"

namespace ingot::ops {

// What is done to the logit of one token, in this order.
struct LogitEdit {
  int token = 0;
  float plus = 0;    // added
  float factor = 1;  // over 0: what is below 0 is multiplied with it, what is not divided by it
  float minus = 0;   // taken off
  float extra = 0;   // taken off after that
  bool never = false;
};
float Edited(const LogitEdit& edit, float logit);

struct DrawSpec {
  float temperature = 1;  // 0: always the likeliest
  int top_k = 0;          // only the k largest can be drawn; 0: all
  float top_p = 1;        // of those, the largest until they have this much together
  float min_p = 0;        // of those, what has at least this much of what the largest has
  float number = 0;       // in [0, 1): the token at which the sum of weights, by number of token,
                          // crosses this share of the whole is drawn
  // Done first, by token in rising order, each within the vocabulary.
  std::vector<LogitEdit> edits = {};
  // A bit a token, those that may follow; null: all. Before anything else.
  std::shared_ptr<const std::vector<uint32_t>> allowed = {};
};

// logits [V] → the token, a scalar of int32. Equals stay or go together, so a few more than top_k
// may be left. Not a number never stays; where nothing but that is left the first token is drawn.
Array Draw(const Array& logits, const DrawSpec& spec);
// Logits in fp32 with what edits and allowed say: for draws of other kinds.
Array EditLogits(const Array& logits, const DrawSpec& spec);

// Of a token and of the `top` likeliest of logits [V], which are computed where that has not been
// done. Throws what MLX does.
TokenLogprobs LogprobsOf(Array logits, int chosen, int top);

// The likeliest token of each row of logits [n, V]: the first of equals. Computes the logits where
// that has not been done. Throws what MLX does.
std::vector<int> Likeliest(Array logits);

}  // namespace ingot::ops

#endif  // INGOT_OPS_SAMPLE_H_
