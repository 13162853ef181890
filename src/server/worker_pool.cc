#include "server/worker_pool.h"

#include <exception>
#include <system_error>
#include <thread>
#include <utility>

#include "core/log.h"

namespace ingot::server {

WorkerPool::~WorkerPool() {
  std::unique_lock<std::mutex> hold(lock_);
  stopping_ = true;
  more_.notify_all();
  gone_.wait(hold, [this] { return threads_ == 0; });
}

bool WorkerPool::Post(std::function<void()> work) {
  const std::lock_guard<std::mutex> hold(lock_);
  if (stopping_ || queue_.size() >= limits_.queue) return false;
  queue_.push_back(std::move(work));
  if (idle_ >= queue_.size() || threads_ >= limits_.threads) {
    more_.notify_one();
    return true;
  }
  try {
    std::thread([this] { Run(); }).detach();
    ++threads_;
  } catch (const std::system_error&) {
    // The system gives no more threads: those there are will come to it.
    if (threads_ == 0) {
      queue_.pop_back();
      return false;
    }
    more_.notify_one();
  }
  return true;
}

size_t WorkerPool::busy() const {
  const std::lock_guard<std::mutex> hold(lock_);
  return threads_ - idle_;
}

void WorkerPool::Run() {
  std::unique_lock<std::mutex> hold(lock_);
  while (true) {
    if (queue_.empty()) {
      if (stopping_) break;
      ++idle_;
      const bool woken =
          more_.wait_for(hold, limits_.idle, [this] { return stopping_ || !queue_.empty(); });
      --idle_;
      if (!woken) break;
      continue;
    }
    std::function<void()> work = std::move(queue_.front());
    queue_.pop_front();
    hold.unlock();
    try {
      work();
    } catch (const std::exception& error) {
      core::LogError("a handler failed", {{"error", error.what()}});
    }
    work = nullptr;  // what it held goes before the lock is taken
    hold.lock();
  }
  --threads_;
  // The last thing that touches this object.
  gone_.notify_all();
}

}  // namespace ingot::server
