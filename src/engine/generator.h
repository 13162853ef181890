// One sequence from prompt to end: reads the prompt in chunks, then makes a token at a time, each
// queued before the one before it has been read.
//
// Owned and used by one thread, the one that builds graphs. The model outlives it.
#ifndef INGOT_ENGINE_GENERATOR_H_
#define INGOT_ENGINE_GENERATOR_H_

#include <functional>
#include <vector>

#include "core/status.h"
#include "engine/generation.h"
#include "engine/prefix_memory.h"
#include "engine/sampling_options.h"
#include "model/language_model.h"

namespace ingot::engine {

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
