// A draw of one token from logits, by a number that the caller has drawn.
//
// One thread builds graphs.
#ifndef INGOT_OPS_SAMPLE_H_
#define INGOT_OPS_SAMPLE_H_

#include <vector>

#include "ops/array.h"

namespace ingot::ops {

struct DrawSpec {
  float temperature = 1;  // over 0
  int top_k = 0;          // only the k largest can be drawn; 0: all
  float top_p = 1;        // of those, the largest until they have this much together
  float min_p = 0;        // of those, what has at least this much of what the largest has
  float number = 0;       // in [0, 1): the token at which the sum of weights, by number of token,
                          // crosses this share of the whole is drawn
};

// logits [V] → the token, a scalar of int32. Equals stay or go together, so a few more than top_k
// may be left. Not a number never stays; where nothing but that is left the first token is drawn.
Array Draw(const Array& logits, const DrawSpec& spec);

// The likeliest token of each row of logits [n, V]: the first of equals. Computes the logits where
// that has not been done. Throws what MLX does.
std::vector<int> Likeliest(Array logits);

// Whether a draw is one operation on the device in use, which is then to be preferred.
bool DrawsAtOnce();

}  // namespace ingot::ops

#endif  // INGOT_OPS_SAMPLE_H_
