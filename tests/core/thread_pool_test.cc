#include "core/thread_pool.h"

#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <latch>
#include <map>
#include <mutex>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ingot::core {
namespace {

using Border = std::pair<size_t, size_t>;

std::vector<Border> BordersOf(ThreadPool& pool, size_t count, size_t chunk) {
  std::mutex mutex;
  std::vector<Border> borders;
  pool.ParallelFor(count, chunk, [&](size_t begin, size_t end) {
    const std::lock_guard lock(mutex);
    borders.emplace_back(begin, end);
  });
  std::sort(borders.begin(), borders.end());
  return borders;
}

// Waits, giving way to others, for what another thread is about to do.
template <typename Condition>
void Await(Condition condition) {
  while (!condition()) std::this_thread::yield();
}

TEST(ThreadPoolTest, RunsEveryIndexExactlyOnce) {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    for (const size_t count : {0, 1, 2, 7, 64, 1000}) {
      for (const size_t chunk : {1, 3, 64, 5000}) {
        std::vector<std::atomic<int>> seen(count);
        pool.ParallelFor(count, chunk, [&](size_t begin, size_t end) {
          for (size_t i = begin; i < end; ++i) ++seen[i];
        });
        for (const auto& times : seen) ASSERT_EQ(times, 1) << count << " by " << chunk;
      }
    }
  }
}

TEST(ThreadPoolTest, ChunkBordersDoNotDependOnTheNumberOfThreads) {
  ThreadPool one(1);
  const std::vector<Border> expected = BordersOf(one, 1003, 10);
  ASSERT_EQ(expected.size(), 101u);
  EXPECT_EQ(expected.back(), Border(1000, 1003));
  for (const int threads : {2, 3, 16}) {
    ThreadPool pool(threads);
    EXPECT_EQ(BordersOf(pool, 1003, 10), expected) << threads;
  }
}

TEST(ThreadPoolTest, SumsOfFloatsAreTheSameForAnyNumberOfThreads) {
  std::vector<float> values(10'000);
  std::mt19937 random(7);  // NOLINT: the same numbers at every run
  for (float& value : values) value = static_cast<float>(random()) * 1e-6f;
  const auto sum = [&](int threads) {
    ThreadPool pool(threads);
    std::vector<float> partial(100);
    pool.ParallelFor(values.size(), 100, [&](size_t begin, size_t end) {
      partial[begin / 100] = std::accumulate(&values[begin], values.data() + end, 0.0f);
    });
    return std::accumulate(partial.begin(), partial.end(), 0.0f);
  };
  const float expected = sum(1);
  for (const int threads : {2, 5, 8}) EXPECT_EQ(sum(threads), expected) << threads;
}

TEST(ThreadPoolTest, AChunkOfZeroCountsAsOne) {
  ThreadPool pool(2);
  EXPECT_EQ(BordersOf(pool, 3, 0), (std::vector<Border>{{0, 1}, {1, 2}, {2, 3}}));
}

TEST(ThreadPoolTest, RangesLargerThanOneBlockOfChunks) {
  ThreadPool pool(2);
  constexpr size_t kCount = 2'500'000;
  std::vector<std::atomic<uint8_t>> seen(kCount);
  pool.ParallelFor(kCount, 1, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) seen[i].fetch_add(1, std::memory_order_relaxed);
  });
  EXPECT_TRUE(std::all_of(seen.begin(), seen.end(), [](const auto& n) { return n == 1; }));
}

TEST(ThreadPoolTest, BordersAtTheEndOfTheAddressRangeDoNotWrap) {
  ThreadPool pool(2);
  constexpr size_t kHalf = ~size_t{0} / 2 + 1;
  EXPECT_EQ(BordersOf(pool, ~size_t{0}, kHalf),
            (std::vector<Border>{{0, kHalf}, {kHalf, ~size_t{0}}}));
  // As many chunks as one block holds, whose sizes add up to one more than fits.
  std::atomic<size_t> chunks = 0;
  std::atomic<size_t> total = 0;
  pool.ParallelFor(~size_t{0}, size_t{1} << 44, [&](size_t begin, size_t end) {
    ++chunks;
    total += end - begin;
  });
  EXPECT_EQ(chunks, size_t{1} << 20);
  EXPECT_EQ(total, ~size_t{0});
}

TEST(ThreadPoolTest, NestedLoopsRunInOrderOnTheCallingThread) {
  ThreadPool pool(4);
  ThreadPool other(4);
  std::atomic<int> checked = 0;
  pool.ParallelFor(32, 1, [&](size_t, size_t) {
    for (ThreadPool* inner : {&pool, &other}) {
      const auto self = std::this_thread::get_id();
      std::vector<size_t> order;
      inner->ParallelFor(5, 1, [&](size_t begin, size_t) {
        EXPECT_EQ(std::this_thread::get_id(), self);
        order.push_back(begin);
      });
      EXPECT_THAT(order, ::testing::ElementsAre(0, 1, 2, 3, 4));
      ++checked;
    }
  });
  EXPECT_EQ(checked, 64);
}

TEST(ThreadPoolTest, ALoopOfOneChunkLeavesThePoolToWhatItCalls) {
  ThreadPool pool(2);
  std::atomic<int> arrived = 0;
  pool.ParallelFor(1, 1, [&](size_t, size_t) {
    // Each chunk waits for the other, so this ends only with two threads at work.
    pool.ParallelFor(2, 1, [&](size_t, size_t) {
      ++arrived;
      Await([&] { return arrived == 2; });
    });
  });
  EXPECT_EQ(arrived, 2);
}

TEST(ThreadPoolTest, EachThreadBeginsWithItsOwnContiguousShare) {
  constexpr int kThreads = 4;
  ThreadPool pool(kThreads);
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> arrived = 0;
    std::mutex mutex;
    std::map<std::thread::id, size_t> first_chunk;
    pool.ParallelFor(40, 1, [&](size_t begin, size_t) {
      {
        const std::lock_guard lock(mutex);
        if (!first_chunk.emplace(std::this_thread::get_id(), begin).second) return;
      }
      // Until all are here nobody can take a second chunk.
      ++arrived;
      Await([&] { return arrived == kThreads; });
    });
    std::vector<size_t> firsts;
    for (const auto& [thread, chunk] : first_chunk) firsts.push_back(chunk);
    EXPECT_THAT(firsts, ::testing::UnorderedElementsAre(0, 10, 20, 30));
    EXPECT_EQ(first_chunk[std::this_thread::get_id()], 0u) << "the caller has the first share";
  }
}

TEST(ThreadPoolTest, AThreadHeldUpInAChunkHoldsUpNoOtherChunk) {
  ThreadPool pool(2);
  for (const size_t stuck : {size_t{0}, size_t{50}}) {  // the first chunk of each share
    std::atomic<int> others = 0;
    pool.ParallelFor(100, 1, [&](size_t begin, size_t) {
      if (begin == stuck) {
        Await([&] { return others == 99; });
      } else {
        ++others;
      }
    });
    EXPECT_EQ(others, 99);
  }
}

TEST(ThreadPoolTest, ManyCallersAtOnceAllGetTheirWorkDone) {
  ThreadPool pool(3);
  constexpr int kCallers = 4;
  std::vector<uint64_t> sums(kCallers);
  std::latch start(kCallers);
  std::vector<std::thread> callers;
  for (int caller = 0; caller < kCallers; ++caller) {
    callers.emplace_back([&, caller] {
      start.arrive_and_wait();
      for (int round = 0; round < 300; ++round) {
        std::atomic<uint64_t> sum = 0;
        pool.ParallelFor(50, 1 + static_cast<size_t>(caller), [&](size_t begin, size_t end) {
          for (size_t i = begin; i < end; ++i) sum += i;
        });
        sums[static_cast<size_t>(caller)] += sum;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_THAT(sums, ::testing::Each(300u * 49 * 50 / 2));
}

TEST(ThreadPoolTest, ACallerMayHoldALockThatAnotherCallersBodyWants) {
  ThreadPool pool(2);
  std::mutex mutex;
  std::atomic<bool> first_runs = false;
  std::unique_lock held(mutex);
  std::thread first([&] {
    pool.ParallelFor(8, 1, [&](size_t, size_t) {
      first_runs = true;
      const std::lock_guard lock(mutex);
    });
  });
  Await([&] { return first_runs.load(); });
  std::atomic<int> done = 0;
  pool.ParallelFor(8, 1, [&](size_t, size_t) { ++done; });
  EXPECT_EQ(done, 8);
  held.unlock();
  first.join();
}

TEST(ThreadPoolTest, WhatBodiesWroteIsVisibleAfterwards) {
  ThreadPool pool(4);
  std::vector<uint64_t> values(512);  // plain memory: a race would be seen by ThreadSanitizer
  for (uint64_t round = 1; round <= 200; ++round) {
    pool.ParallelFor(values.size(), 16, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) values[i] += i;
    });
    ASSERT_EQ(std::accumulate(values.begin(), values.end(), uint64_t{0}), round * 511 * 512 / 2);
  }
}

TEST(ThreadPoolTest, LoopsBetweenRestsOfAnyLength) {
  ThreadPool pool(4);
  std::mt19937 random(3);  // NOLINT: the same numbers at every run
  for (int round = 0; round < 400; ++round) {
    // From hot to well beyond the time after which threads park.
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 4 == 0 ? random() % 300 : 0));
    const size_t count = random() % 40;
    std::atomic<size_t> sum = 0;
    pool.ParallelFor(count, 1 + random() % 3, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) sum += i + 1;
    });
    ASSERT_EQ(sum, count * (count + 1) / 2);
  }
}

// The states ('S' sleeps, 'R' runs) of this process's threads of the given name.
std::string StatesOfThreads(const std::string& prefix) {
  std::string states;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string stat;
    std::getline(std::ifstream(task.path() / "stat"), stat);
    const size_t open = stat.find('(');
    const size_t close = stat.rfind(')');
    if (open == std::string::npos || close == std::string::npos) continue;
    if (stat.compare(open + 1, prefix.size(), prefix) == 0) states.push_back(stat[close + 2]);
  }
  return states;
}

TEST(ThreadPoolTest, ThreadsAreNamedAndSleepWhenThereIsNothingToDo) {
  const size_t before = StatesOfThreads("ingot-pool-").size();  // the shared pool's
  ThreadPool pool(3);
  std::atomic<int> arrived = 0;
  pool.ParallelFor(3, 1, [&](size_t, size_t) {
    ++arrived;
    Await([&] { return arrived == 3; });
  });
  Await([&] { return StatesOfThreads("ingot-pool-") == std::string(before + 2, 'S'); });
  // And they wake up from it.
  arrived = 0;
  pool.ParallelFor(3, 1, [&](size_t, size_t) {
    ++arrived;
    Await([&] { return arrived == 3; });
  });
  EXPECT_EQ(arrived, 3);
}

TEST(ThreadPoolTest, WhatIsFetchedAheadIsAskedOnceAShareAndNeedNotBeThere) {
  ThreadPool pool(3);
  std::vector<size_t> asked;
  pool.Expect(7, [&](size_t share, Ahead* ahead) {
    asked.push_back(share);
    // Addresses that nobody may read, and more pieces than there is room for.
    for (size_t i = 0; i < ThreadPool::kMostAhead; ++i) {
      ahead[i] = {reinterpret_cast<const std::byte*>((share + 1) << 12), size_t{1} << 16};
    }
    return ThreadPool::kMostAhead + 1;
  });
  EXPECT_EQ(asked, (std::vector<size_t>{0, 1, 2})) << "a pool of three has no more shares";
  for (int round = 0; round < 100; ++round) {
    std::atomic<int> sum = 0;
    pool.ParallelFor(100, 1, [&](size_t begin, size_t) { sum += static_cast<int>(begin); });
    EXPECT_EQ(sum, 4950);
  }
}

TEST(ThreadPoolTest, FewerThanOneThreadIsTheCallerAlone) {
  for (const int threads : {-3, 0, 1}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), 1);
    const auto self = std::this_thread::get_id();
    pool.ParallelFor(4, 1, [&](size_t, size_t) { EXPECT_EQ(std::this_thread::get_id(), self); });
  }
  EXPECT_EQ(ThreadPool(5).threads(), 5);
}

TEST(ThreadPoolTest, TheSharedPoolIsRemadeOnRequest) {
  ThreadPool::SetSharedThreads(3);
  EXPECT_EQ(ThreadPool::Shared().threads(), 3);
  EXPECT_EQ(&ThreadPool::Shared(), &ThreadPool::Shared());
  ThreadPool::SetSharedThreads(2);
  EXPECT_EQ(ThreadPool::Shared().threads(), 2);
  ThreadPool::SetSharedThreads(0);
  EXPECT_EQ(ThreadPool::Shared().threads(), ThreadPool::DefaultThreads());
  EXPECT_GE(ThreadPool::DefaultThreads(), 1);
}

TEST(ThreadPoolDeathTest, AnExceptionOutOfABodyEndsTheProcess) {
  for (const int threads : {1, 2}) {
    ThreadPool pool(threads);
    EXPECT_EXIT(pool.ParallelFor(4, 1, [](size_t, size_t) { throw 1; }),
                ::testing::KilledBySignal(SIGABRT), "");
  }
}

}  // namespace
}  // namespace ingot::core
