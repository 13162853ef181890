// One sequence from prompt to end: reads the prompt in chunks, then makes a token at a time, each
// queued before the one before it has been read.
//
// Owned and used by one thread, the one that builds graphs. The model outlives it.
#ifndef INGOT_ENGINE_GENERATOR_H_
#define INGOT_ENGINE_GENERATOR_H_

#include <functional>
#include <optional>
#include <vector>

#include "core/status.h"
#include "engine/prefix_memory.h"
#include "engine/sampler.h"
#include "model/language_model.h"

namespace ingot::engine {

enum class Finish { kStop, kLength, kCancelled };
std::string_view FinishName(Finish finish);  // "stop", "length", "cancelled"

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
  double prefill_seconds = 0;
  double first_token_seconds = 0;  // from the beginning
  double decode_seconds = 0;
};

struct GenerationResult {
  Finish finish = Finish::kStop;
  GenerationTimings timings;
};

class Generator {
 public:
  Generator(const model::LanguageModel& model, const SamplingOptions& sampling,
            GenerationLimits limits);

  // Called for every token; false ends the answer there (a stop string was found, the reader left).
  using OnToken = std::function<bool(const GeneratedToken&)>;
  // Polled between chunks and steps; true cancels.
  using Cancelled = std::function<bool()>;

  // Fails before anything is computed when the prompt is empty, holds tokens that do not exist or
  // does not fit the context. With a memory, what it still knows of the prompt is not read again,
  // and it knows this prompt and its answer afterwards.
  core::Result<GenerationResult> Run(const std::vector<int>& prompt, const OnToken& on_token,
                                     const Cancelled& cancelled = {},
                                     PrefixMemory* memory = nullptr);

 private:
  core::Status CheckPrompt(const std::vector<int>& prompt, int context) const;
  // kept: how much of the prompt the memory holds already.
  core::Result<GenerationResult> RunFrom(PrefixMemory& memory, const std::vector<int>& prompt,
                                         size_t kept, int most, const OnToken& on_token,
                                         const Cancelled& cancelled);

  const model::LanguageModel& model_;
  SamplingOptions sampling_;
  GenerationLimits limits_;
};

}  // namespace ingot::engine

#endif  // INGOT_ENGINE_GENERATOR_H_
