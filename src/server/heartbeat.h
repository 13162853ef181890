// Wakes what waits for a model now and then, so that a stream says that it is alive while a long
// prompt is read, and no proxy between gives it up.
//
// Thread-safe. Its thread runs only while somebody is to be woken.
#ifndef INGOT_SERVER_HEARTBEAT_H_
#define INGOT_SERVER_HEARTBEAT_H_

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace ingot::server {

class Heard {
 public:
  virtual ~Heard() = default;
  virtual void OnBeat() = 0;  // must not wait
};

class Heartbeat {
 public:
  explicit Heartbeat(std::chrono::milliseconds period = std::chrono::seconds(5))
      : period_(period) {}
  ~Heartbeat();
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;

  // For as long as it lives. Its first beat comes a whole period from now, or later.
  void Add(std::weak_ptr<Heard> heard);

 private:
  struct Listener {
    std::weak_ptr<Heard> heard;
    std::chrono::steady_clock::time_point due;
  };
  void Run();
  // Those whose time has come; the dead are forgotten.
  std::vector<std::shared_ptr<Heard>> Due();

  const std::chrono::milliseconds period_;
  std::mutex lock_;
  std::condition_variable changed_;
  std::vector<Listener> listeners_;
  bool ending_ = false;
  std::thread thread_;  // last: it uses what stands above
};

}  // namespace ingot::server

#endif  // INGOT_SERVER_HEARTBEAT_H_
