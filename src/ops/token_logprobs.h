// How likely tokens were. Values, which hold no arrays, for those who know nothing of MLX.
#ifndef INGOT_OPS_TOKEN_LOGPROBS_H_
#define INGOT_OPS_TOKEN_LOGPROBS_H_

#include <vector>

namespace ingot::ops {

// log_softmax in fp32.
struct TokenLogprob {
  int token = 0;
  float logprob = 0;
};
struct TokenLogprobs {
  TokenLogprob chosen;
  std::vector<TokenLogprob> top;  // falling; of equals the first
};

}  // namespace ingot::ops

#endif  // INGOT_OPS_TOKEN_LOGPROBS_H_
