// What an answer is made of, whoever makes it: its limits, its tokens, how it ended, and what it
// cost. Values.
#ifndef INGOT_ENGINE_GENERATION_H_
#define INGOT_ENGINE_GENERATION_H_

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "engine/logprobs.h"

namespace ingot::engine {

enum class Finish { kStop, kLength, kCancelled };
std::string_view FinishName(Finish finish);  // "stop", "length", "cancelled"

// Why the beginning of a prompt had to be read although earlier ones were known.
enum class PrefixMiss : uint8_t {
  kNone,      // nothing was missed: all but what is new was known
  kDisabled,  // the request did not want it
  kEmpty,     // nobody of that owner has asked anything yet
  kDiverged,  // the prompt is another one from there on
  kNoMark,    // a recurrent or windowed layer could only go back to an earlier place
  kEvicted,   // it was known, and gave way to something newer
  kCorrupt,   // what was read back from disk was not what had been written
};
std::string_view PrefixMissName(PrefixMiss miss);  // "none", "disabled", "no-mark"
inline constexpr int kPrefixMisses = 7;

struct GenerationLimits {
  int max_tokens = -1;        // -1: as far as the context goes
  int context = 0;            // positions; 0: what the model was made for
  std::vector<int> end = {};  // tokens that end the answer; they are not part of it
  bool ignore_end = false;
  int prefill_chunk = 512;
  int logprobs = -1;  // -1: none; otherwise that many alternatives a token
};

struct GeneratedToken {
  int token = 0;
  std::optional<Logprobs> logprobs;
};

struct GenerationTimings {
  int prompt_tokens = 0;
  int kept_tokens = 0;       // of those, what did not have to be read again
  int generated_tokens = 0;  // without the one that ended it
  double queue_seconds = 0;  // before anything was computed for it
  double prefill_seconds = 0;
  double first_token_seconds = 0;  // from the beginning
  double decode_seconds = 0;
};

struct GenerationResult {
  Finish finish = Finish::kStop;
  GenerationTimings timings;
  PrefixMiss miss = PrefixMiss::kNone;  // why kept_tokens is not larger
};

// Fails when the prompt is empty, holds tokens that do not exist or leaves no room in the context
// for an answer.
core::Status CheckPrompt(const std::vector<int>& prompt, int vocabulary, int context);

}  // namespace ingot::engine

#endif  // INGOT_ENGINE_GENERATION_H_
