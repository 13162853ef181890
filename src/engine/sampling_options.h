// How the next token is chosen from the logits: every option, its default, and its bounds. Values.
#ifndef INGOT_ENGINE_SAMPLING_OPTIONS_H_
#define INGOT_ENGINE_SAMPLING_OPTIONS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "core/status.h"

namespace ingot::engine {

// Don't repeat yourself: tokens that would continue a repetition of at least allowed_length tokens
// lose multiplier · base^(length - allowed_length).
struct DryOptions {
  float multiplier = 0;  // 0: off
  float base = 1.75F;
  int allowed_length = 2;
  int last_n = -1;                 // tokens looked back at; -1: all
  std::vector<int> breakers = {};  // tokens that no repetition reaches across
};

// Exclude top choices: with this probability, of all tokens above the threshold only the least
// likely stays.
struct XtcOptions {
  float probability = 0;  // 0: off
  float threshold = 0.1F;
};

struct SamplingOptions {
  float temperature = 0.8F;  // 0: always the most likely token
  int top_k = 40;            // 0: all
  float top_p = 0.9F;        // 1: all
  float min_p = 0;           // 0: all
  float typical_p = 1;       // 1: all
  int repeat_last_n = 64;    // tokens that penalties look back at; -1: all, 0: none
  float repeat_penalty = 1;
  float presence_penalty = 0;
  float frequency_penalty = 0;
  std::map<int, float> logit_bias = {};  // added to the logit of a token
  std::vector<int> suppressed = {};      // never chosen
  DryOptions dry = {};
  XtcOptions xtc = {};
  std::optional<uint64_t> seed;  // absent: a fresh one each time

  bool greedy() const { return temperature == 0; }
};

// kInvalidArgument naming the option, its bounds and what was given. vocabulary bounds token ids.
core::Status Validate(const SamplingOptions& options, int vocabulary);

}  // namespace ingot::engine

#endif  // INGOT_ENGINE_SAMPLING_OPTIONS_H_
