// The one thread that owns arrays: it loads models, steps their sequences in turn, and does
// whatever else builds graphs, a job at a time between two steps.
//
// Any thread may call it. Nothing that it runs may wait for it, nor destroy it.
#ifndef INGOT_ENGINE_ENGINE_THREAD_H_
#define INGOT_ENGINE_ENGINE_THREAD_H_

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace ingot::engine {

class EngineThread {
 public:
  // Something with work to be done in steps.
  class Worker {
   public:
    enum class Next : uint8_t {
      kStep,  // there is more to do
      kWait,  // nothing, until Wake is called
      kEnd,   // never again: it is let go, on the engine thread
    };
    virtual ~Worker() = default;
    virtual Next Step() = 0;  // on the engine thread
  };

  EngineThread();
  // Runs what was posted and lets the workers go.
  ~EngineThread();
  EngineThread(const EngineThread&) = delete;
  EngineThread& operator=(const EngineThread&) = delete;

  bool IsThis() const { return std::this_thread::get_id() == thread_.get_id(); }
  void Post(std::function<void()> job);
  // Runs the job there and waits for it; on the engine thread itself, at once.
  void Run(const std::function<void()>& job);

  // Its steps are taken in turn with those of other workers.
  void Attach(std::shared_ptr<Worker> worker);
  void Wake();
  // Waits until every worker has had a step: those that were told to end are gone. Not on the
  // engine thread itself.
  void Settle();

 private:
  void Loop();
  void RunJobs(std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  bool woken_ = false;
  bool ending_ = false;
  std::vector<std::shared_ptr<Worker>> workers_;  // the engine thread's own
  std::thread thread_;                            // last: it uses what stands above
};

}  // namespace ingot::engine

#endif  // INGOT_ENGINE_ENGINE_THREAD_H_
