#include "server/worker_pool.h"

#include <atomic>
#include <chrono>
#include <thread>

#include <gtest/gtest.h>

namespace ingot::server {
namespace {

using std::chrono::milliseconds;

// Ends what a test began, however long that takes.
void WaitUntil(const std::atomic<int>& count, int wanted) {
  while (count < wanted) std::this_thread::yield();
}

TEST(WorkerPoolTest, WorksOnAsManyAtOnceAsItMayAndOnTheRestLater) {
  std::atomic<int> begun = 0;
  std::atomic<int> ended = 0;
  std::atomic<bool> go = false;
  WorkerPool pool({.threads = 3, .queue = 10});
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(pool.Post([&] {
      ++begun;
      go.wait(false);
      ++ended;
    }));
  }
  WaitUntil(begun, 3);
  EXPECT_EQ(pool.busy(), 3U);
  go = true;
  go.notify_all();
  WaitUntil(ended, 8);
  EXPECT_LE(pool.threads(), 3U);
}

TEST(WorkerPoolTest, BeyondItsQueueItRefuses) {
  std::atomic<int> begun = 0;
  std::atomic<bool> go = false;
  WorkerPool pool({.threads = 1, .queue = 1});
  ASSERT_TRUE(pool.Post([&] {
    ++begun;
    go.wait(false);
  }));
  WaitUntil(begun, 1);
  EXPECT_TRUE(pool.Post([] {}));
  EXPECT_FALSE(pool.Post([] {}));
  go = true;
  go.notify_all();
}

TEST(WorkerPoolTest, ThreadsOfABusyMomentGoThoughThereGoesOnBeingWork) {
  constexpr int kMany = 16;
  std::atomic<int> begun = 0;
  std::atomic<bool> go = false;
  WorkerPool pool({.idle = milliseconds(100)});
  for (int i = 0; i < kMany; ++i) {
    ASSERT_TRUE(pool.Post([&] {
      ++begun;
      go.wait(false);
    }));
  }
  WaitUntil(begun, kMany);
  EXPECT_EQ(pool.threads(), static_cast<size_t>(kMany));
  go = true;
  go.notify_all();
  // One after the other, more often than any thread has to be idle for.
  for (int i = 0; i < 10'000 && pool.threads() > 3; ++i) {
    ASSERT_TRUE(pool.Post([&] { ++begun; }));
    WaitUntil(begun, kMany + i + 1);
    std::this_thread::sleep_for(milliseconds(2));
  }
  EXPECT_LE(pool.threads(), 3U);
}

TEST(WorkerPoolTest, ItsEndWaitsForItsWork) {
  std::atomic<int> ended = 0;
  {
    WorkerPool pool;
    for (int i = 0; i < 5; ++i) {
      ASSERT_TRUE(pool.Post([&] {
        std::this_thread::sleep_for(milliseconds(5));
        ++ended;
      }));
    }
  }
  EXPECT_EQ(ended, 5);
}

}  // namespace
}  // namespace ingot::server
