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
  while (!idle_.empty()) WakeLast();
  gone_.wait(hold, [this] { return threads_ == 0; });
}

bool WorkerPool::Post(std::function<void()> work) {
  const std::lock_guard<std::mutex> hold(lock_);
  if (stopping_ || queue_.size() >= limits_.queue) return false;
  queue_.push_back(std::move(work));
  if (!idle_.empty()) {
    WakeLast();
    return true;
  }
  if (threads_ >= limits_.threads) return true;
  try {
    std::thread([this] { Run(); }).detach();
    ++threads_;
  } catch (const std::system_error&) {
    // The system gives no more threads: those there are will come to it.
    if (threads_ == 0) {
      queue_.pop_back();
      return false;
    }
  }
  return true;
}

size_t WorkerPool::busy() const {
  const std::lock_guard<std::mutex> hold(lock_);
  return threads_ - idle_.size();
}

size_t WorkerPool::threads() const {
  const std::lock_guard<std::mutex> hold(lock_);
  return threads_;
}

void WorkerPool::WakeLast() {
  Idle& last = *idle_.back();
  idle_.pop_back();
  last.woken = true;
  last.wake.notify_one();
}

bool WorkerPool::WaitForWork(std::unique_lock<std::mutex>& hold) {
  Idle self;
  idle_.push_back(&self);
  if (self.wake.wait_for(hold, limits_.idle, [&] { return self.woken; })) return true;
  std::erase(idle_, &self);
  return false;
}

void WorkerPool::Run() {
  std::unique_lock<std::mutex> hold(lock_);
  while (true) {
    if (queue_.empty()) {
      if (stopping_) break;
      if (!WaitForWork(hold)) break;
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
