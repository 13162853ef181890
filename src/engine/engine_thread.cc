#include "engine/engine_thread.h"

#include <future>
#include <utility>

namespace ingot::engine {

EngineThread::EngineThread() : thread_([this] { Loop(); }) {}

EngineThread::~EngineThread() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void EngineThread::Post(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  changed_.notify_all();
}

void EngineThread::Run(const std::function<void()>& job) {
  if (IsThis()) return job();
  std::promise<void> done;
  Post([&] {
    job();
    done.set_value();
  });
  done.get_future().wait();
}

void EngineThread::Attach(std::shared_ptr<Worker> worker) {
  Post([this, worker = std::move(worker)] { workers_.push_back(worker); });
}

void EngineThread::Settle() {
  Run([] {});  // before a step
  Run([] {});  // after it
}

void EngineThread::Wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  changed_.notify_all();
}

// Those that are there now; what comes meanwhile waits until the workers have had a step.
void EngineThread::RunJobs(std::unique_lock<std::mutex>& lock) {
  std::deque<std::function<void()>> jobs = std::exchange(jobs_, {});
  lock.unlock();
  for (std::function<void()>& job : jobs) {
    job();
    job = nullptr;
  }
  lock.lock();
}

void EngineThread::Loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    RunJobs(lock);
    if (ending_ && jobs_.empty()) {
      lock.unlock();
      // Those that were told to end have not been asked since.
      for (const std::shared_ptr<Worker>& worker : workers_) worker->Step();
      workers_.clear();
      return;
    }
    woken_ = false;
    lock.unlock();
    bool busy = false;
    std::erase_if(workers_, [&](const std::shared_ptr<Worker>& worker) {
      const Worker::Next next = worker->Step();
      busy = busy || next == Worker::Next::kStep;
      return next == Worker::Next::kEnd;
    });
    lock.lock();
    if (busy) continue;
    changed_.wait(lock, [&] { return woken_ || ending_ || !jobs_.empty(); });
  }
}

}  // namespace ingot::engine
