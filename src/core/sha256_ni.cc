// SHA-256 by the SHA extensions of x86. Two rounds are one instruction that takes four cycles, of
// which another may begin every second one: two streams side by side are half as fast again
// together as one after the other.
#include "core/sha256_blocks.h"

#if defined(__x86_64__)

#include <immintrin.h>

namespace ingot::core {
namespace {

// The instructions want the eight words as ABEF and CDGH, the first letter in the highest bits.
struct Halves {
  __m128i abef;
  __m128i cdgh;
};

[[gnu::target("sha,sse4.1"), gnu::always_inline]] inline Halves Load(const Sha256State& state) {
  const auto* words = reinterpret_cast<const __m128i*>(state.data());
  const __m128i badc = _mm_shuffle_epi32(_mm_loadu_si128(words), 0xb1);      // from high: C D A B
  const __m128i fehg = _mm_shuffle_epi32(_mm_loadu_si128(words + 1), 0x1b);  // from high: E F G H
  return {.abef = _mm_alignr_epi8(badc, fehg, 8), .cdgh = _mm_blend_epi16(fehg, badc, 0xf0)};
}

[[gnu::target("sha,sse4.1"), gnu::always_inline]] inline void Store(const Halves& halves,
                                                                    Sha256State& state) {
  auto* words = reinterpret_cast<__m128i*>(state.data());
  const __m128i feba = _mm_shuffle_epi32(halves.abef, 0x1b);
  const __m128i dchg = _mm_shuffle_epi32(halves.cdgh, 0xb1);
  _mm_storeu_si128(words, _mm_blend_epi16(feba, dchg, 0xf0));
  _mm_storeu_si128(words + 1, _mm_alignr_epi8(dchg, feba, 8));
}

template <int kStreams>
[[gnu::target("sha,sse4.1"), gnu::always_inline]] inline void Compress(Sha256State* const* states,
                                                                       const std::byte* const* data,
                                                                       size_t blocks) {
  // Words are big-endian in a block.
  const __m128i order = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  Halves now[kStreams];
  const __m128i* from[kStreams];
#pragma GCC unroll 2
  for (int s = 0; s < kStreams; ++s) {
    now[s] = Load(*states[s]);
    from[s] = reinterpret_cast<const __m128i*>(data[s]);
  }
  for (; blocks > 0; --blocks) {
    Halves before[kStreams];
    __m128i w[kStreams][4];  // the last 16 words of the schedule
#pragma GCC unroll 2
    for (int s = 0; s < kStreams; ++s) before[s] = now[s];
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) {  // four rounds each
      const auto* constants = reinterpret_cast<const __m128i*>(kSha256Rounds.data()) + i;
#pragma GCC unroll 2
      for (int s = 0; s < kStreams; ++s) {
        __m128i& next = w[s][i % 4];
        if (i < 4) {
          next = _mm_shuffle_epi8(_mm_loadu_si128(from[s] + i), order);
        } else {
          const __m128i last = w[s][(i + 3) % 4];
          const __m128i seven_back = _mm_alignr_epi8(last, w[s][(i + 2) % 4], 4);
          next = _mm_sha256msg1_epu32(next, w[s][(i + 1) % 4]);
          next = _mm_sha256msg2_epu32(_mm_add_epi32(next, seven_back), last);
        }
        const __m128i sum = _mm_add_epi32(next, _mm_load_si128(constants));
        now[s].cdgh = _mm_sha256rnds2_epu32(now[s].cdgh, now[s].abef, sum);
        now[s].abef = _mm_sha256rnds2_epu32(now[s].abef, now[s].cdgh, _mm_shuffle_epi32(sum, 0x0e));
      }
    }
#pragma GCC unroll 2
    for (int s = 0; s < kStreams; ++s) {
      now[s].abef = _mm_add_epi32(now[s].abef, before[s].abef);
      now[s].cdgh = _mm_add_epi32(now[s].cdgh, before[s].cdgh);
      from[s] += 4;
    }
  }
#pragma GCC unroll 2
  for (int s = 0; s < kStreams; ++s) Store(now[s], *states[s]);
}

}  // namespace

[[gnu::target("sha,sse4.1")]] void Sha256CompressOne(Sha256State* const* states,
                                                     const std::byte* const* data, size_t blocks) {
  Compress<1>(states, data, blocks);
}

[[gnu::target("sha,sse4.1")]] void Sha256CompressTwo(Sha256State* const* states,
                                                     const std::byte* const* data, size_t blocks) {
  Compress<2>(states, data, blocks);
}

}  // namespace ingot::core

#endif
