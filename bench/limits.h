// What this machine allows, for benchmarks to hold themselves against: how fast memory is read and
// how fast fp32 and bf16 products are added, by a given number of threads.
//
// Everything is measured when it is asked for, in the calling process; nothing else should run.
#ifndef INGOT_BENCH_LIMITS_H_
#define INGOT_BENCH_LIMITS_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "core/cpu.h"
#include "core/thread_pool.h"

namespace ingot::bench {

// Seconds of the wall clock, or of the calling thread's own processor time: what is left of a
// measurement by one thread on a machine that others use too.
inline double Now(bool cpu_time) {
  timespec now{};
  clock_gettime(cpu_time ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// The least time of `rounds` calls, after one that is not counted.
template <typename Work>
double BestTime(int rounds, bool cpu_time, const Work& work) {
  work();
  double best = 1e30;
  for (int i = 0; i < rounds; ++i) {
    const double start = Now(cpu_time);
    work();
    best = std::min(best, Now(cpu_time) - start);
  }
  return best;
}

// Sums of 64-bit words, wide enough apart that only memory is waited for.
__attribute__((noinline)) inline uint64_t SumWords(const uint64_t* words, size_t count) {
  uint64_t sums[16] = {};
  for (size_t i = 0; i + 16 <= count; i += 16) {
    __builtin_prefetch(words + i + 512);
    __builtin_prefetch(words + i + 520);
    for (size_t lane = 0; lane < 16; ++lane) sums[lane] += words[i + lane];
  }
  uint64_t total = 0;
  for (const uint64_t sum : sums) total += sum;
  return total;
}

// Bytes a second out of a buffer that is read from one end to the other.
inline double ReadBandwidth(core::ThreadPool& pool, size_t bytes, int rounds, bool cpu_time) {
  constexpr size_t kChunk = size_t{1} << 17;  // words: 1 MiB
  std::vector<uint64_t> words(bytes / 8, 1);
  std::atomic<uint64_t> total{0};
  const double best = BestTime(rounds, cpu_time, [&] {
    pool.ParallelFor(words.size(), kChunk, [&](size_t begin, size_t end) {
      total += SumWords(words.data() + begin, end - begin);
    });
  });
  return total > 0 ? static_cast<double>(bytes) / best : 0;
}

// A loop of products added to independent sums, whose results are used; floating-point operations
// a call (a product and its sum are two).
struct Peak {
  const char* name;
  bool (*supported)();
  double (*run)(size_t turns);
};

#if defined(__x86_64__)
// The sums have names of their own: an array that a loop goes through is stored at every turn, and
// what is measured then is stores.
__attribute__((target("avx2,fma"), noinline)) inline double RunAvx2(size_t turns) {
  const __m256 a = _mm256_set1_ps(1.0F);
  __m256 s0 = a, s1 = a, s2 = a, s3 = a, s4 = a, s5 = a, s6 = a, s7 = a, s8 = a, s9 = a;
  for (size_t i = 0; i < turns; ++i) {
    s0 = _mm256_fmadd_ps(a, a, s0);
    s1 = _mm256_fmadd_ps(a, a, s1);
    s2 = _mm256_fmadd_ps(a, a, s2);
    s3 = _mm256_fmadd_ps(a, a, s3);
    s4 = _mm256_fmadd_ps(a, a, s4);
    s5 = _mm256_fmadd_ps(a, a, s5);
    s6 = _mm256_fmadd_ps(a, a, s6);
    s7 = _mm256_fmadd_ps(a, a, s7);
    s8 = _mm256_fmadd_ps(a, a, s8);
    s9 = _mm256_fmadd_ps(a, a, s9);
    asm volatile(""
                 : "+x"(s0), "+x"(s1), "+x"(s2), "+x"(s3), "+x"(s4), "+x"(s5), "+x"(s6), "+x"(s7),
                   "+x"(s8), "+x"(s9));
  }
  return 10.0 * 8 * 2 * static_cast<double>(turns);
}
__attribute__((target("avx512f"), noinline)) inline double RunAvx512(size_t turns) {
  const __m512 a = _mm512_set1_ps(1.0F);
  __m512 s0 = a, s1 = a, s2 = a, s3 = a, s4 = a, s5 = a, s6 = a, s7 = a, s8 = a, s9 = a;
  for (size_t i = 0; i < turns; ++i) {
    s0 = _mm512_fmadd_ps(a, a, s0);
    s1 = _mm512_fmadd_ps(a, a, s1);
    s2 = _mm512_fmadd_ps(a, a, s2);
    s3 = _mm512_fmadd_ps(a, a, s3);
    s4 = _mm512_fmadd_ps(a, a, s4);
    s5 = _mm512_fmadd_ps(a, a, s5);
    s6 = _mm512_fmadd_ps(a, a, s6);
    s7 = _mm512_fmadd_ps(a, a, s7);
    s8 = _mm512_fmadd_ps(a, a, s8);
    s9 = _mm512_fmadd_ps(a, a, s9);
    asm volatile(""
                 : "+v"(s0), "+v"(s1), "+v"(s2), "+v"(s3), "+v"(s4), "+v"(s5), "+v"(s6), "+v"(s7),
                   "+v"(s8), "+v"(s9));
  }
  return 10.0 * 16 * 2 * static_cast<double>(turns);
}
__attribute__((target("avx512f,avx512bf16"), noinline)) inline double RunBf16(size_t turns) {
  const auto a = reinterpret_cast<__m512bh>(_mm512_set1_epi16(0x3f80));
  __m512 s0 = _mm512_setzero_ps();
  __m512 s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0, s8 = s0, s9 = s0;
  __m512 s10 = s0, s11 = s0, s12 = s0, s13 = s0;
  for (size_t i = 0; i < turns; ++i) {
    s0 = _mm512_dpbf16_ps(s0, a, a);
    s1 = _mm512_dpbf16_ps(s1, a, a);
    s2 = _mm512_dpbf16_ps(s2, a, a);
    s3 = _mm512_dpbf16_ps(s3, a, a);
    s4 = _mm512_dpbf16_ps(s4, a, a);
    s5 = _mm512_dpbf16_ps(s5, a, a);
    s6 = _mm512_dpbf16_ps(s6, a, a);
    s7 = _mm512_dpbf16_ps(s7, a, a);
    s8 = _mm512_dpbf16_ps(s8, a, a);
    s9 = _mm512_dpbf16_ps(s9, a, a);
    s10 = _mm512_dpbf16_ps(s10, a, a);
    s11 = _mm512_dpbf16_ps(s11, a, a);
    s12 = _mm512_dpbf16_ps(s12, a, a);
    s13 = _mm512_dpbf16_ps(s13, a, a);
    asm volatile("" : "+v"(s0), "+v"(s1), "+v"(s2), "+v"(s3), "+v"(s4), "+v"(s5), "+v"(s6));
    asm volatile("" : "+v"(s7), "+v"(s8), "+v"(s9), "+v"(s10), "+v"(s11), "+v"(s12), "+v"(s13));
  }
  return 14.0 * 32 * 2 * static_cast<double>(turns);
}
inline constexpr Peak kPeaks[] = {
    {"AVX2 fp32", [] { return core::Cpu().avx2; }, RunAvx2},
    {"AVX-512 fp32", [] { return core::Cpu().avx512; }, RunAvx512},
    {"AVX-512 BF16", [] { return core::Cpu().avx512_bf16; }, RunBf16},
};
#else
inline double RunPlain(size_t turns) {
  float sums[16] = {};
  for (size_t i = 0; i < turns; ++i) {
    for (float& sum : sums) {
      sum += 1.0F * 0.5F;
      asm volatile("" : "+m"(sum));
    }
  }
  return 16.0 * 2 * static_cast<double>(turns);
}
inline constexpr Peak kPeaks[] = {{"fp32, one number at a time", [] { return true; }, RunPlain}};
#endif

// Operations a second.
inline double MeasurePeak(const Peak& peak, core::ThreadPool& pool, int rounds, bool cpu_time) {
  constexpr size_t kTurns = 1'000'000;
  std::atomic<double> done{0};
  const auto threads = static_cast<size_t>(pool.threads());
  const double best = BestTime(rounds, cpu_time, [&] {
    done = 0;
    pool.ParallelFor(threads, 1, [&](size_t, size_t) { done += peak.run(kTurns); });
  });
  return done / best;
}

// The best of them.
inline double BestPeak(core::ThreadPool& pool, int rounds, bool cpu_time) {
  double best = 0;
  for (const Peak& peak : kPeaks) {
    if (peak.supported()) best = std::max(best, MeasurePeak(peak, pool, rounds, cpu_time));
  }
  return best;
}

}  // namespace ingot::bench

#endif  // INGOT_BENCH_LIMITS_H_
