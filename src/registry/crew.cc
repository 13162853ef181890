#include "registry/crew.h"

#include <algorithm>
#include <mutex>
#include <thread>
#include <vector>

namespace ingot::registry {

core::Status ForEachWithHttp(size_t count, int threads, const HttpOptions& options,
                             std::atomic<bool>& stop,
                             core::FunctionRef<core::Status(size_t, HttpClient&)> work) {
  std::atomic<size_t> next{0};
  std::mutex lock;
  core::Status failure;
  const auto run = [&] {
    HttpOptions own = options;
    own.stop = &stop;
    HttpClient http(own);
    for (size_t i = next++; i < count && !stop.load(); i = next++) {
      core::Status done = work(i, http);
      if (done.ok()) continue;
      const std::lock_guard<std::mutex> hold(lock);
      // What other threads say once they were told to stop is no reason.
      if (failure.ok()) failure = std::move(done);
      stop.store(true);
    }
  };
  const size_t most = std::min<size_t>(count, static_cast<size_t>(std::max(threads, 1)));
  std::vector<std::thread> crew;
  for (size_t i = 1; i < most; ++i) crew.emplace_back(run);
  run();
  for (std::thread& thread : crew) thread.join();
  return failure;
}

}  // namespace ingot::registry
