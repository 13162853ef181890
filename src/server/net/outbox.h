// What of an answer waits to be sent, between the threads that make it and the one that sends it.
// Thread-safe.
#ifndef INGOT_SERVER_NET_OUTBOX_H_
#define INGOT_SERVER_NET_OUTBOX_H_

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace ingot::server {

class Outbox {
 public:
  explicit Outbox(size_t limit) : limit_(limit) {}

  // False when nothing more is taken: the reader has gone, or fell too far behind.
  bool Put(std::string_view bytes);
  // No more comes. complete: what was put is all there is to the answer.
  void End(bool complete);
  // What to send next; empty where nothing is there.
  std::string Take();
  // The reader has gone: calls back whoever asked to know, once, and wakes who waits.
  void Gone();
  void OnGone(std::function<void()> callback);
  // Waits until half the limit is free again; false as Put.
  bool WaitForRoom();

  bool gone() const;
  bool overflowed() const;
  bool ended() const;      // End was called
  bool complete() const;   // with true
  bool drained() const;    // ended, and all was taken
  uint64_t total() const;  // bytes put

 private:
  const size_t limit_;
  mutable std::mutex lock_;
  std::condition_variable room_;
  std::string waiting_;
  std::function<void()> on_gone_;
  uint64_t total_ = 0;
  bool gone_ = false;
  bool overflowed_ = false;
  bool ended_ = false;
  bool complete_ = false;
};

}  // namespace ingot::server

#endif  // INGOT_SERVER_NET_OUTBOX_H_
