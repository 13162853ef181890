#include "server/net/outbox.h"

namespace ingot::server {

bool Outbox::Put(std::string_view bytes) {
  const std::lock_guard<std::mutex> hold(lock_);
  if (gone_ || ended_ || overflowed_) return false;
  // One piece may be larger than the limit; a queue of them may not.
  if (!waiting_.empty() && waiting_.size() + bytes.size() > limit_) {
    overflowed_ = true;
    return false;
  }
  waiting_.append(bytes);
  total_ += bytes.size();
  return true;
}

void Outbox::End(bool complete) {
  const std::lock_guard<std::mutex> hold(lock_);
  if (ended_) return;
  ended_ = true;
  complete_ = complete;
  on_gone_ = nullptr;
}

std::string Outbox::Take() {
  const std::lock_guard<std::mutex> hold(lock_);
  std::string taken = std::exchange(waiting_, std::string());
  room_.notify_all();
  return taken;
}

void Outbox::Gone() {
  std::function<void()> callback;
  {
    const std::lock_guard<std::mutex> hold(lock_);
    if (gone_) return;
    gone_ = true;
    if (!ended_) callback = std::exchange(on_gone_, nullptr);
    waiting_.clear();
    room_.notify_all();
  }
  if (callback) callback();
}

void Outbox::OnGone(std::function<void()> callback) {
  {
    const std::lock_guard<std::mutex> hold(lock_);
    if (ended_) return;
    if (!gone_) {
      on_gone_ = std::move(callback);
      return;
    }
  }
  if (callback) callback();
}

bool Outbox::WaitForRoom() {
  std::unique_lock<std::mutex> hold(lock_);
  room_.wait(hold, [this] { return gone_ || overflowed_ || waiting_.size() <= limit_ / 2; });
  return !gone_ && !overflowed_;
}

bool Outbox::gone() const {
  const std::lock_guard<std::mutex> hold(lock_);
  return gone_;
}
bool Outbox::overflowed() const {
  const std::lock_guard<std::mutex> hold(lock_);
  return overflowed_;
}
bool Outbox::ended() const {
  const std::lock_guard<std::mutex> hold(lock_);
  return ended_;
}
bool Outbox::complete() const {
  const std::lock_guard<std::mutex> hold(lock_);
  return complete_;
}
bool Outbox::drained() const {
  const std::lock_guard<std::mutex> hold(lock_);
  return ended_ && waiting_.empty();
}
uint64_t Outbox::total() const {
  const std::lock_guard<std::mutex> hold(lock_);
  return total_;
}

}  // namespace ingot::server
