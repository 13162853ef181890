// How likely a token was, and what else was: values.
#ifndef INGOT_ENGINE_LOGPROBS_H_
#define INGOT_ENGINE_LOGPROBS_H_

#include "ops/token_logprobs.h"

namespace ingot::engine {

// log_softmax of raw logits in fp32: the token's own, and the `top` largest in falling order.
using TokenLogprob = ops::TokenLogprob;
using Logprobs = ops::TokenLogprobs;

}  // namespace ingot::engine

#endif  // INGOT_ENGINE_LOGPROBS_H_
