#include "engine/scheduler.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>
#include <utility>

#include "core/clock.h"
#include "core/strings.h"
#include "engine/generator.h"

namespace ingot::engine {
namespace {

double SecondsSince(int64_t start_ns) {
  return static_cast<double>(core::Clock::System().MonotonicNs() - start_ns) * 1e-9;
}

}  // namespace

// Shared by the service's handles and the engine thread.
class Scheduler final : public EngineThread::Worker {
 public:
  Scheduler(EngineThread& thread, std::shared_ptr<const LoadedModel> model,
            const SchedulerOptions& options)
      : thread_(thread), model_(std::move(model)), options_(options) {}

  const LoadedModel& model() const { return *model_; }

  core::Result<uint64_t> Submit(TokenRequest request, std::shared_ptr<TokenListener> listener) {
    const model::ModelShape& shape = model_->language().shape();
    const int context = request.limits.context > 0 ? std::min(request.limits.context, shape.context)
                                                   : shape.context;
    INGOT_TRY(Validate(request.sampling, shape.vocabulary));
    INGOT_TRY(CheckPrompt(request.prompt, shape.vocabulary, context));
    if (request.constraint) return core::Unsupported("constraints are not possible yet");
    if (request.prompt_logprobs)
      return core::Unsupported("logprobs of prompts are not possible yet");
    uint64_t id = 0;
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.size() >= options_.max_waiting) {
        return core::Status(core::Code::kBusy, core::StrCat("the queue is full: ", waiting_.size(),
                                                            " requests are waiting"))
            .WithHint(core::StrCat("Try again in ", RetryAfterSeconds(), " seconds."));
      }
      id = ++last_id_;
      waiting_.push_back(
          {id, std::move(request), std::move(listener), core::Clock::System().MonotonicNs()});
      ++stats_.waiting;
    }
    thread_.Wake();
    return id;
  }

  void Cancel(uint64_t id) {
    const std::lock_guard lock(mutex_);
    cancelled_.push_back(id);
  }

  void Close() {
    closing_ = true;
    thread_.Wake();
  }

  int RetryAfterSeconds() const { return 2; }

  ServiceStats stats() const {
    const std::lock_guard lock(mutex_);
    return stats_;
  }

  Next Step() override {
    std::optional<Waiting> next;
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.empty()) {
        cancelled_.clear();
        return closing_ ? Next::kEnd : Next::kWait;
      }
      next = std::move(waiting_.front());
      waiting_.pop_front();
      --stats_.waiting;
      ++stats_.running;
    }
    Run(*next);
    const std::lock_guard lock(mutex_);
    --stats_.running;
    return Next::kStep;
  }

 private:
  struct Waiting {
    uint64_t id;
    TokenRequest request;
    std::shared_ptr<TokenListener> listener;
    int64_t since_ns;
  };

  bool IsCancelled(uint64_t id) const {
    const std::lock_guard lock(mutex_);
    return closing_ || std::find(cancelled_.begin(), cancelled_.end(), id) != cancelled_.end();
  }

  void Run(Waiting& one) {
    const double queued = SecondsSince(one.since_ns);
    Generator generator(model_->language(), one.request.sampling, one.request.limits);
    bool reported = false;
    auto result = generator.Run(
        one.request.prompt,
        [&](const GeneratedToken& token) {
          if (!std::exchange(reported, true)) {
            one.listener->OnPrompt({.tokens = static_cast<int>(one.request.prompt.size()),
                                    .kept = 0,
                                    .miss = PrefixMiss::kEmpty,
                                    .logprobs = {}});
          }
          return one.listener->OnToken(token);
        },
        [&] { return IsCancelled(one.id); });
    if (result.ok()) {
      result->timings.queue_seconds = queued;
      result->miss = PrefixMiss::kEmpty;
    }
    one.listener->OnEnd(std::move(result));
  }

  EngineThread& thread_;
  const std::shared_ptr<const LoadedModel> model_;
  const SchedulerOptions options_;
  std::atomic<bool> closing_{false};
  mutable std::mutex mutex_;
  std::deque<Waiting> waiting_;
  std::vector<uint64_t> cancelled_;
  uint64_t last_id_ = 0;
  ServiceStats stats_;
};

void Ticket::Cancel() {
  if (const auto scheduler = scheduler_.lock()) scheduler->Cancel(id_);
}

ModelService::ModelService(std::shared_ptr<EngineThread> thread,
                           std::shared_ptr<const LoadedModel> model,
                           const SchedulerOptions& options)
    : thread_(std::move(thread)),
      scheduler_(std::make_shared<Scheduler>(*thread_, std::move(model), options)) {
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

ServiceStats ModelService::stats() const { return scheduler_->stats(); }
int ModelService::RetryAfterSeconds() const { return scheduler_->RetryAfterSeconds(); }

}  // namespace ingot::engine
