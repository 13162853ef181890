#include "server/heartbeat.h"

#include <algorithm>
#include <utility>

namespace ingot::server {

Heartbeat::~Heartbeat() {
  {
    const std::lock_guard<std::mutex> hold(lock_);
    ending_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Heartbeat::Add(std::weak_ptr<Heard> heard) {
  const std::lock_guard<std::mutex> hold(lock_);
  if (ending_) return;
  listeners_.push_back({std::move(heard), std::chrono::steady_clock::now() + period_});
  if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
  changed_.notify_all();
}

std::vector<std::shared_ptr<Heard>> Heartbeat::Due() {
  std::vector<std::shared_ptr<Heard>> due;
  const auto now = std::chrono::steady_clock::now();
  std::erase_if(listeners_, [](const Listener& one) { return one.heard.expired(); });
  for (Listener& one : listeners_) {
    if (one.due > now) continue;
    one.due = now + period_;
    if (auto heard = one.heard.lock()) due.push_back(std::move(heard));
  }
  return due;
}

void Heartbeat::Run() {
  std::unique_lock<std::mutex> hold(lock_);
  while (!ending_) {
    if (listeners_.empty()) {
      changed_.wait(hold);
      continue;
    }
    changed_.wait_for(hold, period_ / 4);
    if (ending_) return;
    std::vector<std::shared_ptr<Heard>> due = Due();
    // Without the lock: what is let go of here may end in more of them being added.
    hold.unlock();
    for (const std::shared_ptr<Heard>& heard : due) heard->OnBeat();
    due.clear();
    hold.lock();
  }
}

}  // namespace ingot::server
