#include "core/hash_crew.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace ingot::core {
namespace {

constexpr size_t kLong = size_t{20} << 10;  // long enough to wait for others

std::vector<std::byte> RandomBytes(uint64_t seed, size_t size) {
  std::mt19937_64 random(seed);
  std::vector<std::byte> bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

TEST(HashCrew, EveryThreadGetsTheHashOfItsOwnStream) {
  const std::vector<std::byte> bytes = RandomBytes(1, size_t{256} << 10);
  for (const int processors : {1, 3}) {
    for (const size_t together : {size_t{0}, size_t{1}, size_t{3}, size_t{16}}) {
      for (const size_t threads : {1, 2, 7, 40}) {
        HashCrew crew(processors, together);
        std::vector<Sha256Bytes> digests(threads);
        {
          std::vector<std::jthread> running;
          for (size_t t = 0; t < threads; ++t) {
            running.emplace_back([&, t] {
              HashCrew::Member member(crew);
              std::mt19937_64 random(t);
              Sha256 hash;
              // Threads come and go at different times.
              for (size_t at = t; at < bytes.size() / threads * (t + 1);) {
                const size_t size = std::min(random() % (3 * kLong), bytes.size() - at);
                member.Update(hash, std::span(bytes).subspan(at, size));
                at += size + 1;
              }
              digests[t] = hash.Finish();
            });
          }
        }
        for (size_t t = 0; t < threads; ++t) {
          std::mt19937_64 random(t);
          Sha256 hash;
          for (size_t at = t; at < bytes.size() / threads * (t + 1);) {
            const size_t size = std::min(random() % (3 * kLong), bytes.size() - at);
            hash.Update(std::span(bytes).subspan(at, size));
            at += size + 1;
          }
          EXPECT_EQ(HexLower(digests[t]), HexLower(hash.Finish()))
              << processors << " " << together << " " << threads << " " << t;
        }
      }
    }
  }
}

TEST(HashCrew, WhoHasNobodyToRunInHisPlaceDoesNotWait) {
  const std::vector<std::byte> bytes = RandomBytes(2, kLong);
  HashCrew crew(2, 16);
  HashCrew::Member one(crew);
  const HashCrew::Member other(crew);
  Sha256 hash;
  one.Update(hash, bytes);  // would not come back
  EXPECT_EQ(hash.Finish(), Sha256::Of(bytes));
}

TEST(HashCrew, AsManyRunAsThereAreProcessors) {
  constexpr int kProcessors = 3;
  const std::vector<std::byte> bytes = RandomBytes(3, kLong);
  HashCrew crew(kProcessors, 4);
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 20; ++t) {
      threads.emplace_back([&] {
        HashCrew::Member member(crew);
        for (int i = 0; i < 10; ++i) {
          const int now = ++running;
          for (int before = most; before < now && !most.compare_exchange_weak(before, now);) {
          }
          std::this_thread::sleep_for(std::chrono::microseconds(200));
          --running;
          Sha256 hash;
          member.Update(hash, bytes);
          EXPECT_EQ(hash.Finish(), Sha256::Of(bytes));
        }
      });
    }
  }
  EXPECT_EQ(most, kProcessors);
}

TEST(HashCrew, WhoLeavesLetsTheOthersEnd) {
  const std::vector<std::byte> bytes = RandomBytes(4, kLong);
  HashCrew crew(1, 16);
  std::vector<Sha256Bytes> digests(3);
  std::vector<std::jthread> threads;
  {
    const HashCrew::Member leaves(crew);
    for (Sha256Bytes& digest : digests) {
      threads.emplace_back([&] {
        HashCrew::Member member(crew);
        Sha256 hash;
        member.Update(hash, bytes);
        digest = hash.Finish();
      });
    }
  }
  threads.clear();
  for (const Sha256Bytes& digest : digests) EXPECT_EQ(digest, Sha256::Of(bytes));
}

}  // namespace
}  // namespace ingot::core
