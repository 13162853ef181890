// How well a model foretells a text: the perplexity of its tokens. The text is cut into windows
// that do not overlap; of each, every token but the first is scored, given those before it in the
// window.
//
// One thread, the one that builds graphs. Values.
#ifndef INGOT_ENGINE_PERPLEXITY_H_
#define INGOT_ENGINE_PERPLEXITY_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "core/status.h"
#include "model/language_model.h"

namespace ingot::engine {

struct PerplexityOptions {
  int window = 0;   // tokens of a window; 0: 2048, or the model's context where that is less
  int chunk = 512;  // tokens computed at a time
  std::function<void(int)> progress = {};  // tokens that were just computed
  std::function<bool()> cancelled = {};    // polled between chunks
};

struct Perplexity {
  int64_t scored = 0;   // tokens
  int window = 0;       // as it was in the end
  double surprise = 0;  // Σ -ln p, in nats
  double squares = 0;   // Σ (ln p)²

  double mean() const;   // nats a token
  double value() const;  // e to the mean
  double error() const;  // standard error of the value
};

// kInvalidArgument when there are fewer than two tokens, or one that does not exist.
core::Result<Perplexity> MeasurePerplexity(const model::LanguageModel& model,
                                           const std::vector<int>& tokens,
                                           const PerplexityOptions& options);

}  // namespace ingot::engine

#endif  // INGOT_ENGINE_PERPLEXITY_H_
