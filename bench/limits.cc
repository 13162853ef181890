// What this machine allows, by the number of threads: how fast memory is read from buffers of
// several sizes, and how fast products are added. The best of several rounds: limits are what was
// reached when nothing was in the way.
#include "bench/limits.h"

#include <cstdio>
#include <set>

int main() {
  using ingot::core::ThreadPool;
  const int all = ThreadPool::DefaultThreads();
  constexpr int kRounds = 7;
  constexpr size_t kSizes[] = {size_t{64} << 20, size_t{320} << 20, size_t{1} << 30};
  std::printf("%-28s", "threads");
  const std::set<int> counts = {1, std::max(1, all / 2), all};
  for (const int threads : counts) std::printf(" %9d", threads);
  std::printf("\n");
  for (const size_t size : kSizes) {
    std::printf("read %5zu MiB, GB/s         ", size >> 20);
    for (const int threads : counts) {
      ThreadPool pool(threads);
      std::printf(" %9.1f", ingot::bench::ReadBandwidth(pool, size, kRounds, false) * 1e-9);
    }
    std::printf("\n");
  }
  for (const ingot::bench::Peak& peak : ingot::bench::kPeaks) {
    if (!peak.supported()) continue;
    std::printf("%-19s GFLOP/s ", peak.name);
    for (const int threads : counts) {
      ThreadPool pool(threads);
      std::printf(" %9.0f", ingot::bench::MeasurePeak(peak, pool, kRounds, false) * 1e-9);
    }
    std::printf("\n");
  }
}
