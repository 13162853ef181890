// Many answers of one model at once. Requests come in from any thread and wait in a bounded queue;
// the engine thread reads prompts and makes tokens, and tells each request's listener.
//
// ModelService and Ticket: any thread. TokenListener: called by the engine thread, one call at a
// time.
#ifndef INGOT_ENGINE_SCHEDULER_H_
#define INGOT_ENGINE_SCHEDULER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/status.h"
#include "engine/engine_thread.h"
#include "engine/generation.h"
#include "engine/loaded_model.h"
#include "engine/prefix_disk.h"
#include "engine/sampling_options.h"
#include "engine/token_constraint.h"

namespace ingot::engine {

// One sequence.
struct TokenRequest {
  std::vector<int> prompt;
  SamplingOptions sampling;
  GenerationLimits limits;
  std::string owner;           // whose: turns are fair among owners, and prefixes are kept apart,
  bool shared_prefix = false;  // but for those who share them with all who do
  std::unique_ptr<TokenConstraint> constraint;  // may be null
  bool reuse_prefix = true;
  bool prompt_logprobs = false;  // with limits.logprobs alternatives; the whole prompt is read

  std::string prefix_owner() const { return shared_prefix ? std::string() : owner; }
};

// What is known once the prompt has been read.
struct PromptReport {
  int tokens = 0;
  int kept = 0;  // did not have to be read again
  PrefixMiss miss = PrefixMiss::kNone;
  std::vector<Logprobs> logprobs;  // where asked for: of every token but the first, given those
                                   // before it
};

// Must not block, nor destroy what it was called for.
class TokenListener {
 public:
  virtual ~TokenListener() = default;
  // Once, before the first token; not at all when the prompt could not be read.
  virtual void OnPrompt(const PromptReport& report) = 0;
  // False: the answer ends here, because a stop string was found or the reader has enough.
  virtual bool OnToken(const GeneratedToken& token) = 0;
  // Exactly once, and nothing after it.
  virtual void OnEnd(core::Result<GenerationResult> result) = 0;
};

struct SchedulerOptions {
  size_t max_running = 64;   // sequences in one step
  size_t max_waiting = 512;  // beyond, requests are refused
  int prefill_rows = 512;    // prompt tokens of one step while nothing else runs,
  int shared_rows = 128;     // and while answers wait for their next token
  // Whether a step is queued before the tokens of the last one are read, so that a GPU need not
  // wait for us; unsaid: on a GPU. An answer that ends has then had one step too many.
  std::optional<bool> ahead = {};
  uint64_t cache_bytes = 0;  // caches of running sequences, at full length; 0: no bound
  uint64_t prefix_bytes = uint64_t{8} << 30;  // kept in memory of what was read; 0: nothing
  // Where prefixes go that memory has no room for, and that outlive the process; no identity: they
  // do not. A folder that cannot be used is logged, and done without.
  PrefixDiskOptions prefix_disk = {};
};

struct ServiceStats {
  size_t running = 0;
  size_t waiting = 0;
  uint64_t steps = 0;
  uint64_t step_rows = 0;      // tokens that all steps read together
  uint64_t prompt_tokens = 0;  // asked
  uint64_t kept_tokens = 0;    // of those, known already
  uint64_t generated_tokens = 0;
  uint64_t misses[kPrefixMisses] = {};  // prompts by why not more was known
  uint64_t cache_bytes = 0;             // of running sequences
  uint64_t reserved_bytes = 0;          // the same at full length, as estimated
  uint64_t cache_limit = 0;             // of reserved_bytes; 0: none
  uint64_t prefix_bytes = 0;            // of kept prefixes, in memory
  uint64_t prefix_limit = 0;
};

class Scheduler;

// Handle on a request that was submitted. Letting it go does nothing.
class Ticket {
 public:
  Ticket() = default;
  // The listener hears of it within one step: OnEnd with Finish::kCancelled.
  void Cancel();

 private:
  friend class ModelService;
  std::weak_ptr<Scheduler> scheduler_;
  uint64_t id_ = 0;
};

// A model that answers. Sequences that run when the last handle goes end with kCancelled. The model
// was loaded on the engine thread: what MLX has not computed yet belongs to the thread that asked.
class ModelService {
 public:
  ModelService(std::shared_ptr<EngineThread> thread,
               const std::shared_ptr<const LoadedModel>& model, const SchedulerOptions& options);
  // Without text, for tests and benchmarks: it has no model(). The model outlives the thread's use
  // of it.
  ModelService(std::shared_ptr<EngineThread> thread, const model::LanguageModel& model,
               const SchedulerOptions& options);
  ~ModelService();
  ModelService(const ModelService&) = delete;
  ModelService& operator=(const ModelService&) = delete;

  // Its text functions are for any thread.
  const LoadedModel& model() const;
  // kInvalidArgument for what can never be answered; kExhausted for what would not fit into memory
  // even alone; kBusy while the queue is full (RetryAfterSeconds says for how long). The listener
  // hears nothing then.
  core::Result<Ticket> Submit(TokenRequest request, std::shared_ptr<TokenListener> listener);
  // What caches of running sequences and kept prefixes may take from now on. Prefixes beyond that
  // are gone when it returns; sequences that run already keep what they have.
  void SetLimits(uint64_t cache_bytes, uint64_t prefix_bytes);
  ServiceStats stats() const;
  // After kBusy: seconds until there should be room.
  int RetryAfterSeconds() const;

 private:
  std::shared_ptr<EngineThread> thread_;
  std::shared_ptr<Scheduler> scheduler_;
};

}  // namespace ingot::engine

#endif  // INGOT_ENGINE_SCHEDULER_H_
