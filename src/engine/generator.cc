#include "engine/generator.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

#include "core/clock.h"
#include "core/strings.h"
#include "engine/sampler.h"
#include "ops/cpu/step.h"
#include "ops/gpu/choice.h"
#include "ops/sample.h"

namespace ingot::engine {
namespace {

namespace mx = ops::mx;

double SecondsSince(int64_t start_ns) {
  return static_cast<double>(core::Clock::System().MonotonicNs() - start_ns) * 1e-9;
}

Array TokenRow(const int* tokens, int count) { return Array(tokens, {1, count}, mx::int32); }

// A step that has been queued: its token, not yet read, and the logits behind it.
struct Step {
  Array token;   // scalar int32
  Array logits;  // [vocabulary]
};

// One run, so that the steps share what they need without passing it around.
class Run {
 public:
  Run(const model::LanguageModel& model, const SamplingOptions& sampling,
      const std::vector<int>& prompt, PrefixMemory& memory)
      : model_(model), memory_(memory), state_(memory.state()), sampler_(sampling, prompt) {}

  // Everything from a place to the last token of the prompt, without that. False when cancelled.
  bool Prefill(const std::vector<int>& prompt, size_t from, int chunk,
               const Generator::Cancelled& cancelled) {
    const size_t until = prompt.size() - 1;
    auto stop = memory_.stops().begin();
    for (size_t i = from; i < until;) {
      if (cancelled && cancelled()) return false;
      const size_t next = stop == memory_.stops().end() ? until : *stop;
      const size_t n = std::min(static_cast<size_t>(chunk), next - i);
      // The hidden rows are not wanted: only what they leave in the caches is computed.
      model_.Forward(TokenRow(prompt.data() + i, static_cast<int>(n)), state_);
      mx::eval(state_.Pending());
      mx::clear_cache();
      i += n;
      if (i != next || stop == memory_.stops().end()) continue;
      memory_.Mark();
      ++stop;
    }
    return true;
  }

  Step Queue(const Array& token_row) {
    const Array rows = Forward(token_row);
    const Array logits = mx::reshape(rows, {model_.shape().vocabulary});
    std::vector<Array> pending = state_.Pending();
    if (on_cpu_ && sampler_.IsPlain()) {
      mx::async_eval(pending);
      return {Array(ops::Likeliest(rows).front()), logits};
    }
    Step step{sampler_.Next(logits), logits};
    pending.push_back(step.token);
    mx::async_eval(pending);
    return step;
  }

  Sampler& sampler() { return sampler_; }
  bool on_cpu() const { return on_cpu_; }

 private:
  Array Forward(const Array& token_row) {
    ops::cpu::StepScope step(1);
    Array logits = model_.Logits(model_.Forward(token_row, state_));
    step.Finish();
    return logits;
  }

  const model::LanguageModel& model_;
  PrefixMemory& memory_;
  model::SequenceState& state_;
  Sampler sampler_;
  const bool on_cpu_ = ops::gpu::BackEndInUse() == ops::gpu::BackEnd::kCpu;
};

}  // namespace

Generator::Generator(const model::LanguageModel& model, const SamplingOptions& sampling,
                     GenerationLimits limits)
    : model_(model), sampling_(sampling), limits_(std::move(limits)) {}

core::Result<GenerationResult> Generator::Run(const std::vector<int>& prompt,
                                              const OnToken& on_token, const Cancelled& cancelled,
                                              PrefixMemory* memory) {
  const int context = limits_.context > 0 ? std::min(limits_.context, model_.shape().context)
                                          : model_.shape().context;
  INGOT_TRY(Validate(sampling_, model_.shape().vocabulary));
  INGOT_TRY(CheckPrompt(prompt, model_.shape().vocabulary, context));
  const int room = context - static_cast<int>(prompt.size());
  const int most = limits_.max_tokens < 0 ? room : std::min(limits_.max_tokens, room);
  PrefixMemory own(model_);
  PrefixMemory& used = memory != nullptr ? *memory : own;
  try {
    const size_t kept = memory != nullptr ? memory->Rewind(prompt) : 0;
    auto result = RunFrom(used, prompt, kept, most, on_token, cancelled);
    // A step that was queued ahead may still run; the caller may end the model, or the program.
    mx::synchronize();
    return result;
  } catch (const std::exception& error) {
    used.Forget();
    return core::Internal(core::StrCat("the model failed: ", error.what()));
  }
}

core::Result<GenerationResult> Generator::RunFrom(PrefixMemory& memory,
                                                  const std::vector<int>& prompt, size_t kept,
                                                  int most, const OnToken& on_token,
                                                  const Cancelled& cancelled) {
  GenerationResult result;
  result.timings.prompt_tokens = static_cast<int>(prompt.size());
  const int64_t start = core::Clock::System().MonotonicNs();
  result.timings.kept_tokens = static_cast<int>(kept);
  std::vector<int> known = prompt;
  engine::Run run(model_, sampling_, prompt, memory);
  if (!run.Prefill(prompt, kept, std::max(limits_.prefill_chunk, 1), cancelled)) {
    memory.Keep(std::move(known));
    result.finish = Finish::kCancelled;
    return result;
  }
  result.timings.prefill_seconds = SecondsSince(start);
  if (most == 0) {
    memory.Keep(std::move(known));
    result.finish = Finish::kLength;
    return result;
  }
  int64_t decode_start = core::Clock::System().MonotonicNs();
  std::optional<Step> queued = run.Queue(TokenRow(&prompt.back(), 1));
  while (true) {
    const Step step = std::exchange(queued, std::nullopt).value();
    const bool last = result.timings.generated_tokens + 1 == most;
    // On a GPU the next step runs while this one's token is read and shown, unless its choice
    // depends on that token by way of a penalty. On a CPU that would take the time of a thread that
    // computes, and keep the caches from being written in place.
    const bool ahead = !run.on_cpu() && !last && !run.sampler().NeedsHistory();
    if (ahead) queued = run.Queue(mx::reshape(step.token, {1, 1}));
    const int token = Array(step.token).item<int>();
    known.push_back(token);
    if (result.timings.generated_tokens == 0) {
      // The first step is the last of the prompt's work.
      result.timings.first_token_seconds = SecondsSince(start);
      result.timings.prefill_seconds = result.timings.first_token_seconds;
      decode_start = core::Clock::System().MonotonicNs();
    }
    run.sampler().Chosen(token);
    const bool ends = !limits_.ignore_end &&
                      std::find(limits_.end.begin(), limits_.end.end(), token) != limits_.end.end();
    if (ends) break;
    ++result.timings.generated_tokens;
    GeneratedToken generated{token, {}};
    if (limits_.logprobs >= 0) {
      generated.logprobs = ReadLogprobs(step.logits, token, limits_.logprobs);
    }
    result.timings.decode_seconds = SecondsSince(decode_start);
    if (!on_token(generated)) break;
    if (last) {
      result.finish = Finish::kLength;
      break;
    }
    if (cancelled && cancelled()) {
      result.finish = Finish::kCancelled;
      break;
    }
    if (!ahead) queued = run.Queue(TokenRow(&token, 1));
  }
  memory.Keep(std::move(known));
  return result;
}

}  // namespace ingot::engine
