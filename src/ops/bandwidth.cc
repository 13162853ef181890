#include "ops/bandwidth.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <exception>
#include <new>
#include <span>
#include <vector>

#include "core/clock.h"
#include "core/strings.h"
#include "core/thread_pool.h"
#include "ops/array.h"

namespace ingot::ops {
namespace {

constexpr int kPasses = 5;
constexpr size_t kChunkBytes = size_t{1} << 20;

// Independent sums, so that the processor waits for memory and for nothing else.
uint64_t Sum(std::span<const uint64_t> words) {
  std::array<uint64_t, 8> sums = {};
  size_t i = 0;
  for (; i + sums.size() <= words.size(); i += sums.size()) {
    for (size_t lane = 0; lane < sums.size(); ++lane) sums[lane] += words[i + lane];
  }
  uint64_t total = 0;
  for (const uint64_t sum : sums) total += sum;
  for (; i < words.size(); ++i) total += words[i];
  return total;
}

double SecondsSince(int64_t start_ns) {
  return static_cast<double>(core::Clock::System().MonotonicNs() - start_ns) * 1e-9;
}

double BestOf(size_t bytes, core::FunctionRef<bool()> pass) {
  double best = 0;
  for (int i = 0; i < kPasses; ++i) {
    const int64_t start = core::Clock::System().MonotonicNs();
    if (!pass()) return 0;
    best = std::max(best, static_cast<double>(bytes) / std::max(SecondsSince(start), 1e-9));
  }
  return best;
}

double OnCpu(size_t bytes) {
  constexpr size_t kChunk = kChunkBytes / sizeof(uint64_t);
  std::vector<uint64_t> buffer(bytes / sizeof(uint64_t));
  core::ThreadPool& pool = core::ThreadPool::Shared();
  const std::span<uint64_t> words(buffer);
  // Touched first by the threads that read it later.
  pool.ParallelFor(words.size(), kChunk, [&](size_t begin, size_t end) {
    std::fill(words.begin() + static_cast<ptrdiff_t>(begin),
              words.begin() + static_cast<ptrdiff_t>(end), 1);
  });
  return BestOf(bytes, [&] {
    std::atomic<uint64_t> total{0};
    pool.ParallelFor(words.size(), kChunk, [&](size_t begin, size_t end) {
      total.fetch_add(Sum(words.subspan(begin, end - begin)), std::memory_order_relaxed);
    });
    return total.load() == words.size();
  });
}

double OnDevice(size_t bytes) {
  const auto count = static_cast<int>(bytes / sizeof(uint32_t));
  const Array words = mx::ones({count}, mx::uint32);
  mx::eval(words);
  return BestOf(bytes, [&] { return mx::max(words).item<uint32_t>() == 1; });
}

}  // namespace

core::Result<double> MeasureReadBandwidth(size_t bytes) {
  bytes = std::clamp(bytes, kChunkBytes, size_t{1} << 32);
  try {
    const double best = mx::default_device() == mx::Device::cpu ? OnCpu(bytes) : OnDevice(bytes);
    if (best > 0) return best;
    return core::Internal("the memory does not hold what was written to it");
  } catch (const std::bad_alloc&) {
    return core::Exhausted(core::StrCat("no ", core::HumanBytes(bytes), " to measure with"));
  } catch (const std::exception& error) {
    return core::Internal(core::StrCat("the bandwidth cannot be measured: ", error.what()));
  }
}

}  // namespace ingot::ops
