// What a parallel loop costs, and what is left of the speed when another process wants a processor.
//
//   1. The cost of a loop that does nothing, right after another one ("hot": the threads still
//      spin) and after a rest ("parked"), beside starting and joining threads for each loop. Such a
//      loop is often over before another thread has seen it, so the cost of a loop in which all
//      threads meet, each holding a chunk until the last has come, is there too.
//   2. The same arithmetic through the pool and through a static split over as many threads, with
//      the machine to ourselves and with a spinning process bound to one of our processors.
//
// Rounds of the things compared alternate; medians are printed, and ratios, which say more than the
// times on a machine that others use too.
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "core/thread_pool.h"

namespace {

using ingot::core::ThreadPool;

double Seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double Time(const std::function<void()>& work) {
  const double start = Seconds();
  work();
  return Seconds() - start;
}

double Quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1))];
}
double Median(const std::vector<double>& values) { return Quantile(values, 0.5); }

// What the pool is compared with: each thread gets one fixed part, and all wait for the last.
class StaticSplit {
 public:
  using Body = std::function<void(size_t, size_t)>;

  explicit StaticSplit(int threads) {
    for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { Main(i); });
  }
  ~StaticSplit() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    start_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }
  void Run(size_t count, const Body& body) {
    {
      const std::lock_guard lock(mutex_);
      count_ = count;
      body_ = &body;
      running_ = workers_.size();
      ++loop_;
    }
    start_.notify_all();
    Part(0);
    std::unique_lock lock(mutex_);
    end_.wait(lock, [&] { return running_ == 0; });
  }

 private:
  void Main(int self) {
    for (uint64_t served = 0;;) {
      std::unique_lock lock(mutex_);
      start_.wait(lock, [&] { return stop_ || loop_ != served; });
      if (stop_) return;
      served = loop_;
      lock.unlock();
      Part(static_cast<size_t>(self));
      lock.lock();
      if (--running_ == 0) end_.notify_one();
    }
  }
  void Part(size_t self) {
    const size_t threads = workers_.size() + 1;
    (*body_)(count_* self / threads, count_ * (self + 1) / threads);
  }

  std::mutex mutex_;
  std::condition_variable start_;
  std::condition_variable end_;
  const Body* body_ = nullptr;
  size_t count_ = 0;
  uint64_t loop_ = 0;
  size_t running_ = 0;
  bool stop_ = false;
  std::vector<std::thread> workers_;
};

// A process that does nothing but keep one of our processors busy.
class Hog {
 public:
  Hog() : pid_(fork()) {
    if (pid_ != 0) return;
    cpu_set_t allowed;
    cpu_set_t one;
    CPU_ZERO(&one);
    sched_getaffinity(0, sizeof allowed, &allowed);
    for (int cpu = CPU_SETSIZE - 1; cpu >= 0; --cpu) {
      if (!CPU_ISSET(cpu, &allowed)) continue;
      CPU_SET(cpu, &one);
      break;
    }
    sched_setaffinity(0, sizeof one, &one);
    while (true) {
      asm volatile("");  // a loop with no effect at all could be assumed to end
    }
  }
  ~Hog() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Hog(const Hog&) = delete;
  Hog& operator=(const Hog&) = delete;

 private:
  pid_t pid_;
};

// About a microsecond of arithmetic an item, whose result cannot be left out.
void Work(std::vector<uint64_t>& out, size_t begin, size_t end) {
  for (size_t i = begin; i < end; ++i) {
    uint64_t x = i + 1;
    for (int turn = 0; turn < 400; ++turn) x = x * 6364136223846793005u + 1442695040888963407u;
    out[i] = x;
  }
}

void LatencyOf(int threads) {
  ThreadPool pool(threads);
  const auto count = static_cast<size_t>(threads);
  const auto trivial = [](size_t, size_t) {};
  const auto loop = [&] { pool.ParallelFor(count, 1, trivial); };
  std::atomic<size_t> arrived = 0;
  const auto meet = [&](size_t, size_t) {
    ++arrived;
    while (arrived.load() < count) {
    }
  };
  const auto meeting = [&] {
    arrived = 0;
    pool.ParallelFor(count, 1, meet);
  };
  std::vector<double> hot;
  std::vector<double> hot_meeting;
  std::vector<double> parked;
  std::vector<double> parked_meeting;
  std::vector<double> spawned;
  const auto rest = [] { std::this_thread::sleep_for(std::chrono::milliseconds(1)); };
  for (int i = 0; i < 20'000; ++i) hot.push_back(Time(loop));
  for (int i = 0; i < 20'000; ++i) hot_meeting.push_back(Time(meeting));
  for (int i = 0; i < 300; ++i) {
    rest();
    parked.push_back(Time(loop));
    rest();
    parked_meeting.push_back(Time(meeting));
    rest();
    spawned.push_back(Time([&] {
      std::vector<std::thread> made;
      for (int t = 1; t < threads; ++t) made.emplace_back([] {});
      for (std::thread& thread : made) thread.join();
    }));
  }
  const auto cell = [](const std::vector<double>& times) {
    std::printf(" %8.2f %7.2f", Median(times) * 1e6, Quantile(times, 0.99) * 1e6);
  };
  std::printf("%7d", threads);
  for (const auto* times : {&hot, &hot_meeting, &parked, &parked_meeting, &spawned}) cell(*times);
  std::printf(" %8.0fx\n", Median(spawned) / Median(hot_meeting));
}

struct Shape {
  const char* name;
  size_t items;
  size_t chunk;
  int loops;
};

void HogOf(const Shape& shape, int threads) {
  ThreadPool pool(threads);
  StaticSplit split(threads);
  std::vector<uint64_t> out(shape.items);
  const auto body = [&](size_t begin, size_t end) { Work(out, begin, end); };
  const StaticSplit::Body split_body = body;
  const auto by_pool = [&] {
    for (int i = 0; i < shape.loops; ++i) pool.ParallelFor(shape.items, shape.chunk, body);
  };
  const auto by_split = [&] {
    for (int i = 0; i < shape.loops; ++i) split.Run(shape.items, split_body);
  };
  std::vector<double> pool_free;
  std::vector<double> split_free;
  std::vector<double> pool_hog;
  std::vector<double> split_hog;
  for (int round = 0; round < 15; ++round) {
    pool_free.push_back(Time(by_pool));
    split_free.push_back(Time(by_split));
    const Hog hog;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    pool_hog.push_back(Time(by_pool));
    split_hog.push_back(Time(by_split));
  }
  std::printf("%-26s %10.1f %10.1f %9.2fx %10.1f %10.1f %9.2fx %10.0f%%\n", shape.name,
              Median(pool_free) * 1e3, Median(split_free) * 1e3,
              Median(split_free) / Median(pool_free), Median(pool_hog) * 1e3,
              Median(split_hog) * 1e3, Median(split_hog) / Median(pool_hog),
              100 * Median(pool_free) / Median(pool_hog));
}

}  // namespace

int main() {
  const int all = ThreadPool::DefaultThreads();
  std::printf("A loop of one empty chunk a thread, µs (median, 99th percentile):\n");
  std::printf("%7s %16s %16s %16s %16s %16s %9s\n", "threads", "hot", "hot, all meet", "parked",
              "parked, all meet", "new threads", "to meet");
  for (const int threads : std::set<int>{1, std::min(2, all), all}) LatencyOf(threads);

  std::printf(
      "\nArithmetic on %d threads, ms; a fair half of one processor is lost to the hog, so\n"
      "%.0f%% of the speed is what can be kept:\n",
      all, 100 * (all - 0.5) / all);
  std::printf("%-26s %10s %10s %10s %10s %10s %10s %11s\n", "", "pool", "static", "ratio",
              "pool+hog", "static+hog", "ratio", "pool kept");
  constexpr Shape kShapes[] = {
      {"one loop of 100,000 items", 100'000, 500, 1},
      {"500 loops of 200 items", 200, 10, 500},
  };
  for (const Shape& shape : kShapes) HogOf(shape, all);
}
