// Threads for handlers, which may wait: for the disk, for a model to load, for a registry. As many
// as there is work, up to a limit. Who was idle last works first, so that threads of a busy moment
// go soon after it, and with them what the C library keeps for each. Beyond the limit work waits in
// a queue, and beyond the queue it is refused.
//
// Thread-safe. The destructor waits for all work to end.
#ifndef INGOT_SERVER_WORKER_POOL_H_
#define INGOT_SERVER_WORKER_POOL_H_

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <vector>

namespace ingot::server {

struct WorkerLimits {
  size_t threads = 64;
  size_t queue = 1024;
  std::chrono::milliseconds idle{10'000};
};

class WorkerPool {
 public:
  explicit WorkerPool(WorkerLimits limits = {}) : limits_(limits) {}
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // False when there is too much to do already.
  [[nodiscard]] bool Post(std::function<void()> work);
  size_t busy() const;
  size_t threads() const;

 private:
  // A thread that waits for work, on its stack.
  struct Idle {
    std::condition_variable wake;
    bool woken = false;
  };

  void Run();
  // False when it was for too long.
  bool WaitForWork(std::unique_lock<std::mutex>& hold);
  void WakeLast();

  const WorkerLimits limits_;
  mutable std::mutex lock_;
  std::condition_variable gone_;
  std::deque<std::function<void()>> queue_;
  size_t threads_ = 0;
  std::vector<Idle*> idle_;  // the last one waits for the shortest time
  bool stopping_ = false;
};

}  // namespace ingot::server

#endif  // INGOT_SERVER_WORKER_POOL_H_
