// How likely a token was, and what else was: values.
#ifndef INGOT_ENGINE_LOGPROBS_H_
#define INGOT_ENGINE_LOGPROBS_H_

#include <vector>

namespace ingot::engine {

// log_softmax of raw logits in fp32: the token's own, and the `top` largest in falling order.
struct TokenLogprob {
  int token = 0;
  float logprob = 0;
};
struct Logprobs {
  TokenLogprob chosen;
  std::vector<TokenLogprob> top;
};

}  // namespace ingot::engine

#endif  // INGOT_ENGINE_LOGPROBS_H_
