#include "engine/scheduler.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "core/clock.h"
#include "core/log.h"
#include "core/strings.h"
#include "engine/batch_step.h"
#include "engine/busy.h"
#include "engine/prefix_tree.h"
#include "engine/sequence.h"
#include "ops/gpu/choice.h"

namespace ingot::engine {
namespace {

namespace mx = ops::mx;
using core::StrCat;

// A request waits for one that is reading the same, where that saves so many tokens.
constexpr size_t kWorthWaiting = 32;

size_t Common(const std::vector<int>& a, const std::vector<int>& b) {
  const auto differ = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  return static_cast<size_t>(differ.first - a.begin());
}

std::unique_ptr<PrefixDisk> OpenDisk(const PrefixDiskOptions& options) {
  if (options.identity.empty() || options.folder.empty()) return nullptr;
  auto disk = PrefixDisk::Open(core::Env::Posix(), options);
  if (disk.ok()) return *std::move(disk);
  core::LogWarning(StrCat("prefixes are not kept on disk: ", disk.status().message()));
  return nullptr;
}

}  // namespace

// Shared by the service's handles and the engine thread. What is under "engine thread" below is
// that thread's own; the rest is guarded by the mutex.
class Scheduler final : public EngineThread::Worker {
 public:
  Scheduler(EngineThread& thread, std::shared_ptr<const LoadedModel> holder,
            const model::LanguageModel& model, const SchedulerOptions& options)
      : thread_(thread),
        holder_(std::move(holder)),
        model_(model),
        options_(options),
        goes_ahead_(options.ahead.value_or(ops::gpu::BackEndInUse() != ops::gpu::BackEnd::kCpu)),
        cache_limit_(options.cache_bytes),
        prefix_limit_(options.prefix_bytes) {
    thread_.Run([this] { Prepare(); });
  }

  const LoadedModel& model() const { return *holder_; }

  core::Result<uint64_t> Submit(TokenRequest request, std::shared_ptr<TokenListener> listener) {
    const model::ModelShape& shape = model_.shape();
    const GenerationLimits& limits = request.limits;
    const int context =
        limits.context > 0 ? std::min(limits.context, shape.context) : shape.context;
    INGOT_TRY(Validate(request.sampling, shape.vocabulary));
    INGOT_TRY(CheckPrompt(request.prompt, shape.vocabulary, context));
    const auto prompt = static_cast<int>(request.prompt.size());
    const int most =
        limits.max_tokens < 0 ? context - prompt : std::min(limits.max_tokens, context - prompt);
    const uint64_t bytes = probe_.BytesAt(prompt + most, options_.prefill_rows);
    const uint64_t limit = cache_limit_;
    if (limit > 0 && bytes > limit) {
      return core::Exhausted(StrCat("a context of ", prompt + most, " tokens needs ",
                                    core::HumanBytes(bytes), ", and ", core::HumanBytes(limit),
                                    " are there for all"))
          .WithHint("Ask for fewer tokens or a smaller context.");
    }
    uint64_t id = 0;
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.size() >= options_.max_waiting) {
        return core::Status(core::Code::kBusy, StrCat("the queue is full: ", waiting_.size(),
                                                      " requests are waiting"));
      }
      id = ++last_id_;
      waiting_.push_back({.id = id,
                          .request = std::move(request),
                          .listener = std::move(listener),
                          .since_ns = core::Clock::System().MonotonicNs(),
                          .cache_bytes = bytes,
                          .most = most});
      stats_.prompt_tokens += static_cast<uint64_t>(prompt);
    }
    thread_.Wake();
    return id;
  }

  void Cancel(uint64_t id) {
    // While there are requests the thread takes steps, and looks here before each.
    const std::lock_guard lock(mutex_);
    cancelled_.push_back(id);
  }

  void Close() {
    closing_ = true;
    thread_.Wake();
  }

  void SetLimits(uint64_t cache_bytes, uint64_t prefix_bytes) {
    cache_limit_ = cache_bytes;
    prefix_limit_ = prefix_bytes;
    thread_.Run([this, prefix_bytes] {
      if (!tree_) return;  // it is ending
      tree_->SetLimit(prefix_bytes);
      Publish();
    });
  }

  int RetryAfterSeconds() const {
    const std::lock_guard lock(mutex_);
    return RetryAfter();
  }

  ServiceStats stats() const {
    const std::lock_guard lock(mutex_);
    ServiceStats stats = stats_;
    stats.waiting = waiting_.size();
    stats.cache_limit = cache_limit_;
    stats.prefix_limit = prefix_limit_;
    return stats;
  }

  Next Step() override {
    DropCancelled();
    if (closing_) {
      DropAhead();
      tree_.reset();
      return Next::kEnd;
    }
    Admit();
    if (running_.empty()) return Next::kWait;
    try {
      StepOnce();
    } catch (const std::exception& error) {
      // Which of them was at fault cannot be told, and all have lost their states.
      const core::Status status = core::Internal(StrCat("the model failed: ", error.what()));
      ahead_.reset();
      while (!running_.empty()) Remove(running_.begin(), status, /*keep=*/false);
    }
    Publish();
    return Next::kStep;
  }

 private:
  using Running = std::list<Sequence>;

  // --- the engine thread's own ---

  void Prepare() {
    // One token through all layers shows what a column takes. It also is a first use of all
    // weights.
    probe_ = model_.NewState();
    const int token = 0;
    mx::eval(model_.Logits(model_.Forward(Array(&token, {1, 1}, mx::int32), probe_)));
    mx::eval(probe_.Pending());
    tree_.emplace(model_, options_.prefix_bytes, OpenDisk(options_.prefix_disk));
  }

  void DropCancelled() {
    std::vector<uint64_t> ids;
    std::list<WaitingRequest> gone;
    const bool all = closing_;
    {
      const std::lock_guard lock(mutex_);
      ids.swap(cancelled_);
      const auto is_gone = [&](uint64_t id) {
        return all || std::find(ids.begin(), ids.end(), id) != ids.end();
      };
      for (auto one = waiting_.begin(); one != waiting_.end();) {
        const auto next = std::next(one);
        if (is_gone(one->id)) gone.splice(gone.end(), waiting_, one);
        one = next;
      }
    }
    for (WaitingRequest& one : gone) {
      GenerationResult result;
      result.finish = Finish::kCancelled;
      result.timings.prompt_tokens = static_cast<int>(one.request.prompt.size());
      one.listener->OnEnd(result);
    }
    for (auto one = running_.begin(); one != running_.end();) {
      const auto next = std::next(one);
      if (all || std::find(ids.begin(), ids.end(), one->id()) != ids.end()) {
        Remove(one, one->ResultNow(Finish::kCancelled), /*keep=*/true);
      }
      one = next;
    }
  }

  bool Fits(uint64_t bytes) const {
    const uint64_t limit = cache_limit_;
    return limit == 0 || running_.empty() || reserved_ + bytes <= limit;
  }

  // Another request is reading what this one begins with.
  bool IsBeingRead(const WaitingRequest& one) const {
    if (!one.request.reuse_prefix || one.request.prompt_logprobs) return false;
    std::optional<size_t> known;
    for (const Sequence& other : running_) {
      if (!other.reads_prompt() || !other.shares_prefix() ||
          other.prefix_owner() != one.request.prefix_owner()) {
        continue;
      }
      const size_t common = Common(other.tokens(), one.request.prompt);
      if (common < kWorthWaiting) continue;
      if (!known) known = tree_->Find(one.request.prefix_owner(), one.request.prompt).length;
      if (common >= *known + kWorthWaiting) return true;
    }
    return false;
  }

  // The next to begin: of the owner who has the fewest running, among those who were served longest
  // ago; within an owner, in order.
  std::optional<WaitingRequest> TakeWaiting() {
    std::map<std::string, size_t> counts;
    for (const Sequence& one : running_) ++counts[one.owner()];
    const std::lock_guard lock(mutex_);
    auto best = waiting_.end();
    const auto rank = [&](const WaitingRequest& one) {
      const std::string& owner = one.request.owner;
      return std::pair(counts[owner], served_[owner]);
    };
    for (auto one = waiting_.begin(); one != waiting_.end(); ++one) {
      if (best != waiting_.end() && rank(*one) >= rank(*best)) continue;
      if (!IsBeingRead(*one)) best = one;
    }
    if (best == waiting_.end() || !Fits(best->cache_bytes)) return std::nullopt;
    WaitingRequest taken = std::move(*best);
    waiting_.erase(best);
    if (served_.size() > kMostOwners) served_.clear();
    served_[taken.request.owner] = ++turn_;
    return taken;
  }

  void Admit() {
    while (running_.size() < options_.max_running) {
      std::optional<WaitingRequest> next = TakeWaiting();
      if (!next) return;
      reserved_ += next->cache_bytes;
      running_.emplace_back(*std::move(next), model_, *tree_);
      const Sequence& begun = running_.back();
      {
        const std::lock_guard lock(mutex_);
        stats_.kept_tokens += begun.found().length;
        ++stats_.misses[static_cast<size_t>(begun.found().miss)];
      }
      if (!begun.reads_prompt()) PromptIsRead(std::prev(running_.end()));
    }
  }

  // Who reads how much: every answer its token, and prompts within what is left, the one that
  // waited longest for its turn first.
  BatchStep Plan() {
    BatchStep step;
    std::vector<Sequence*> readers;
    for (Sequence& one : running_) {
      if (one.reads_prompt()) {
        readers.push_back(&one);
      } else {
        step.Add(one, 1);
      }
    }
    int left = step.empty() ? options_.prefill_rows : options_.shared_rows;
    std::sort(readers.begin(), readers.end(),
              [](const Sequence* a, const Sequence* b) { return a->last_turn < b->last_turn; });
    for (Sequence* one : readers) {
      if (left <= 0) break;
      const int rows = one->RowsOf(left);
      one->last_turn = ++turn_;
      left -= rows;
      step.Add(*one, rows);
    }
    return step;
  }

  // A step that was queued for sequences which are all gone. What it computes may still be read by
  // it, so it is let finish.
  void DropAhead() {
    if (!ahead_) return;
    ahead_.reset();
    mx::synchronize();
  }

  // All that runs makes tokens in this step, and nothing keeps the next from being queued.
  bool CanFollow(const BatchStep& step) const {
    return goes_ahead_ && step.live() == running_.size() && step.CanBeFollowed();
  }

  void StepOnce() {
    if (ahead_ && ahead_->live() == 0) DropAhead();
    BatchStep step = ahead_ ? *std::exchange(ahead_, std::nullopt) : Plan();
    if (!step.started()) step.Start(model_, /*wait=*/!CanFollow(step));
    if (CanFollow(step)) ahead_ = step.Follow(model_);
    const std::vector<BatchStep::Outcome> outcomes = step.Read();
    {
      const std::lock_guard lock(mutex_);
      ++stats_.steps;
      stats_.step_rows += static_cast<uint64_t>(step.rows());
    }
    for (const BatchStep::Outcome& outcome : outcomes) {
      const auto at = std::find_if(running_.begin(), running_.end(),
                                   [&](const Sequence& one) { return &one == outcome.sequence; });
      if (!outcome.failed.ok()) {
        Remove(at, outcome.failed, /*keep=*/true);
      } else if (!outcome.token) {
        if (at->Read(outcome.rows, outcome.logits)) PromptIsRead(at);
      } else {
        at->ReportPrompt();
        auto ended = at->Made(*outcome.token, *outcome.logits);
        CountToken();
        if (ended) Remove(at, *std::move(ended), /*keep=*/true);
      }
    }
  }

  // All but its last token. Others that begin alike need not wait for the answer.
  void PromptIsRead(Running::iterator one) {
    if (one->state().length() > static_cast<int>(one->found().length)) one->Keep(*tree_);
    if (!one->wants_no_tokens()) return;
    one->ReportPrompt();
    Remove(one, one->ResultNow(Finish::kLength), /*keep=*/false);
  }

  void Remove(Running::iterator one, core::Result<GenerationResult> result, bool keep) {
    if (ahead_ && ahead_->Drop(*one)) one->GoBack();
    if (keep) one->Keep(*tree_);
    reserved_ -= one->cache_bytes();
    Running gone;
    gone.splice(gone.end(), running_, one);
    if (result.ok()) {
      const GenerationTimings& timings = result->timings;
      const double seconds = timings.prefill_seconds + timings.decode_seconds;
      const std::lock_guard lock(mutex_);
      usual_seconds_ = usual_seconds_ ? *usual_seconds_ * 0.9 + seconds * 0.1 : seconds;
    }
    Publish();
    gone.front().End(std::move(result));
  }

  void CountToken() {
    const std::lock_guard lock(mutex_);
    ++stats_.generated_tokens;
  }

  void Publish() {
    uint64_t bytes = 0;
    for (Sequence& one : running_) bytes += one.state().bytes();
    const std::lock_guard lock(mutex_);
    stats_.running = running_.size();
    oldest_ns_ = running_.empty() ? 0 : running_.front().start_ns();
    stats_.cache_bytes = bytes;
    stats_.reserved_bytes = reserved_;
    stats_.prefix_bytes = tree_->memory_bytes();
  }

  // --- with the mutex held ---

  // How long answers take is what the last ones took; before there is any, no less than the first
  // has taken by now.
  int RetryAfter() const {
    double usual = usual_seconds_.value_or(0);
    if (!usual_seconds_ && oldest_ns_ != 0) {
      usual = static_cast<double>(core::Clock::System().MonotonicNs() - oldest_ns_) * 1e-9;
    }
    return SecondsUntilTurn(waiting_.size(), stats_.running, usual);
  }

  static constexpr size_t kMostOwners = 10'000;

  EngineThread& thread_;
  const std::shared_ptr<const LoadedModel> holder_;
  const model::LanguageModel& model_;
  const SchedulerOptions options_;
  const bool goes_ahead_;
  std::atomic<bool> closing_{false};
  std::atomic<uint64_t> cache_limit_;
  std::atomic<uint64_t> prefix_limit_;

  model::SequenceState probe_;  // constant once made
  std::optional<PrefixTree> tree_;
  Running running_;
  std::optional<BatchStep> ahead_;  // queued already
  uint64_t reserved_ = 0;
  uint64_t turn_ = 0;
  std::map<std::string, uint64_t> served_;  // when each owner was served last

  mutable std::mutex mutex_;
  std::list<WaitingRequest> waiting_;
  std::vector<uint64_t> cancelled_;
  uint64_t last_id_ = 0;
  std::optional<double> usual_seconds_;  // of an answer, the last ones counting most
  int64_t oldest_ns_ = 0;                // when what runs for longest began; 0: nothing runs
  ServiceStats stats_;
};

void Ticket::Cancel() {
  if (const auto scheduler = scheduler_.lock()) scheduler->Cancel(id_);
}

ModelService::ModelService(std::shared_ptr<EngineThread> thread,
                           const std::shared_ptr<const LoadedModel>& model,
                           const SchedulerOptions& options)
    : thread_(std::move(thread)),
      scheduler_(std::make_shared<Scheduler>(*thread_, model, model->language(), options)) {
  thread_->Attach(scheduler_);
}

ModelService::ModelService(std::shared_ptr<EngineThread> thread, const model::LanguageModel& model,
                           const SchedulerOptions& options)
    : thread_(std::move(thread)),
      scheduler_(std::make_shared<Scheduler>(*thread_, nullptr, model, options)) {
  thread_->Attach(scheduler_);
}

ModelService::~ModelService() { scheduler_->Close(); }

const LoadedModel& ModelService::model() const { return scheduler_->model(); }

core::Result<Ticket> ModelService::Submit(TokenRequest request,
                                          std::shared_ptr<TokenListener> listener) {
  INGOT_ASSIGN(const uint64_t id, scheduler_->Submit(std::move(request), std::move(listener)));
  Ticket ticket;
  ticket.scheduler_ = scheduler_;
  ticket.id_ = id;
  return ticket;
}

void ModelService::SetLimits(uint64_t cache_bytes, uint64_t prefix_bytes) {
  scheduler_->SetLimits(cache_bytes, prefix_bytes);
}

ServiceStats ModelService::stats() const { return scheduler_->stats(); }
int ModelService::RetryAfterSeconds() const { return scheduler_->RetryAfterSeconds(); }

}  // namespace ingot::engine
