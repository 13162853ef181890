// kernels/chunk.h over the lanes of a vector class. Include after the vector class.
#ifndef INGOT_KERNELS_SIMD_CHUNK_H_
#define INGOT_KERNELS_SIMD_CHUNK_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "kernels/chunk.h"
#include "kernels/recur.h"
#include "kernels/simd/attend.h"
#include "kernels/simd/rows.h"

namespace ingot::kernels {

template <class V>
class ChunkOf {
 public:
  static constexpr ChunkForm Table() {
    return {.lanes = kLanes, .from = kFrom, .delta = Delta, .scan = Scan};
  }

 private:
  static constexpr size_t kVectors = V::kTileVectors;
  static constexpr size_t kLanes = kVectors * kVector;  // rows of the state in a panel
  // Measured (bench/recurrent.cc). A class whose sums do not stay in registers gains nothing.
  static constexpr size_t kFrom = V::kTileRows > 2 ? 32 : SIZE_MAX;
  static constexpr size_t kTriangle = kChunkSteps;  // from one row of a triangle to the next

  // What a chunk's steps share, whatever the row of the state.
  struct Work {
    Work(size_t row_width, float* at)
        : width(row_width), pitch((row_width + kVector - 1) / kVector * kVector) {
      const auto take = [&at](size_t count) {
        float* taken = at;
        at += count;
        return taken;
      };
      keys = take(kChunkSteps * pitch);
      queries = take(kChunkSteps * pitch);
      found = take(2 * kChunkSteps * kLanes);
      amounts = take(kChunkSteps * kLanes);
      back = take(kChunkSteps * kTriangle);
      reads = take(kChunkSteps * kTriangle);
      kept = take(kChunkSteps);
      share = take(kChunkSteps);
      products = take(kChunkSteps);
      opening = take(kChunkSteps);
      std::memset(keys, 0, 2 * kChunkSteps * pitch * sizeof(float));
      std::memset(share, 0, kChunkSteps * sizeof(float));
    }

    size_t width;
    size_t pitch;     // of keys and queries; zeros beyond the width
    float* keys;      // [step][pitch]
    float* queries;   // right behind the keys of a whole chunk
    float* found;     // [step][lanes]: S k, where it is wanted, then S q
    float* amounts;   // u [step][lanes]
    float* back;      // beta_t P(t, s) k_s·k_t
    float* reads;     // P(t, s) k_s·q_t
    float* kept;      // P(t, 0)
    float* share;     // P(t, s) of the step t last looked at: at the end P(n, s)
    float* products;  // of one vector with the chunk's keys
    float* opening;   // beta, or the step size
  };

  // Products of `row` with the first `count` keys; what stands behind them is of no meaning.
  static void WithKeys(const Work& work, const float* row, size_t count, float* out) {
    constexpr size_t kTogether = V::kTileRows >= 12 ? kVector : 4;
    for (size_t first = 0; first < count; first += kVector) {
      F<V> sums[kVector];
      for (size_t s = 0; s < kVector; s += kTogether) {
        const float* keys = work.keys + (first + s) * work.pitch;
        F<V> own[kTogether];
        for (size_t j = 0; j < kTogether; ++j) own[j] = V::Set(0);
        for (size_t i = 0; i < work.pitch; i += kVector) {
          const F<V> x = V::Load(row + i);
          for (size_t j = 0; j < kTogether; ++j) {
            own[j] = V::MulAdd(x, V::Load(keys + j * work.pitch + i), own[j]);
          }
        }
        for (size_t j = 0; j < kTogether; ++j) sums[s + j] = own[j];
      }
      V::Store(out + first, V::template ReduceTile<AddOp>(sums));
    }
  }

  // Takes step t's decay up: P(t, s) for all s so far.
  static void Decay(Work& work, size_t t, float decay) {
    const F<V> factor = V::Set(decay);
    for (size_t s = 0; s < t; s += kVector) {
      V::Store(work.share + s, V::Mul(factor, V::Load(work.share + s)));
    }
    work.share[t] = 1;
    work.kept[t] = t == 0 ? decay : decay * work.kept[t - 1];
  }

  // factor · P(t, s) · (the t-th row with key s), for s up to t.
  static void Triangle(const Work& work, size_t t, const float* row, float factor, float* out) {
    WithKeys(work, row, t + 1, work.products);
    for (size_t s = 0; s <= t; s += kVector) {
      const F<V> share = V::Mul(V::Set(factor), V::Load(work.share + s));
      V::Store(out + t * kTriangle + s, V::Mul(share, V::Load(work.products + s)));
    }
  }

  // sums[r][·] += Σ_d a[r · across + d · down] b[d][·]
  template <size_t kRows>
  static void Multiply(size_t depth, const float* a, size_t across, size_t down, const float* b,
                       F<V> (&sums)[kRows][kVectors]) {
    for (size_t d = 0; d < depth; ++d) {
      F<V> right[kVectors];
      for (size_t n = 0; n < kVectors; ++n) right[n] = V::Load(b + d * kLanes + n * kVector);
      for (size_t r = 0; r < kRows; ++r) {
        const F<V> left = V::Set(a[r * across + d * down]);
        for (size_t n = 0; n < kVectors; ++n) sums[r][n] = V::MulAdd(left, right[n], sums[r][n]);
      }
    }
  }

  // body.operator()<rows>(first) for all of `count`, as many at once as registers hold.
  template <size_t kRows, typename Body>
  static void InTiles(size_t first, size_t count, const Body& body) {
    for (; count - first >= kRows; first += kRows) body.template operator()<kRows>(first);
    if constexpr (kRows > 1) InTiles<kRows / 2>(first, count, body);
  }

  // found ← vectors · panel
  static void Read(const Work& work, const float* vectors, size_t count, const float* panel,
                   float* found) {
    InTiles<V::kTileRows>(0, count, [&]<size_t kRows>(size_t first) {
      F<V> sums[kRows][kVectors];
      for (auto& row : sums) {
        for (F<V>& sum : row) sum = V::Set(0);
      }
      Multiply<kRows>(work.width, vectors + first * work.pitch, work.pitch, 1, panel, sums);
      for (size_t r = 0; r < kRows; ++r) {
        for (size_t n = 0; n < kVectors; ++n) {
          V::Store(found + (first + r) * kLanes + n * kVector, sums[r][n]);
        }
      }
    });
  }

  // panel ← P(n, 0) panel + Σ_s P(n, s) u_s k_sᵀ. Changes the amounts.
  static void Update(const Work& work, size_t count, float* panel) {
    for (size_t s = 0; s < count; ++s) {
      const F<V> share = V::Set(work.share[s]);
      for (size_t n = 0; n < kVectors; ++n) {
        float* amount = work.amounts + s * kLanes + n * kVector;
        V::Store(amount, V::Mul(share, V::Load(amount)));
      }
    }
    const F<V> kept = V::Set(work.kept[count - 1]);
    InTiles<V::kTileRows>(0, work.width, [&]<size_t kRows>(size_t first) {
      float* to = panel + first * kLanes;
      F<V> sums[kRows][kVectors];
      for (size_t r = 0; r < kRows; ++r) {
        for (size_t n = 0; n < kVectors; ++n) {
          sums[r][n] = V::Mul(kept, V::Load(to + r * kLanes + n * kVector));
        }
      }
      Multiply<kRows>(count, work.keys + first, 1, work.pitch, work.amounts, sums);
      for (size_t r = 0; r < kRows; ++r) {
        for (size_t n = 0; n < kVectors; ++n) {
          V::Store(to + r * kLanes + n * kVector, sums[r][n]);
        }
      }
    });
  }

  // Rows of the state that vector n of a panel stands for, of those that are left.
  static size_t RowsIn(size_t left, size_t n) {
    return left > n * kVector ? std::min(kVector, left - n * kVector) : 0;
  }

  // The amounts and results of steps before t that step t takes: with `back`, and with `reads`.
  struct Before {
    F<V> taken[kVectors];
    F<V> read[kVectors];
  };
  template <bool kRule>
  static Before Sum(const Work& work, size_t t) {
    Before even;
    Before odd;
    for (size_t n = 0; n < kVectors; ++n) {
      even.taken[n] = even.read[n] = odd.taken[n] = odd.read[n] = V::Set(0);
    }
    const float* back = work.back + t * kTriangle;
    const float* reads = work.reads + t * kTriangle;
    const auto add = [&](size_t s, Before & sums) __attribute__((always_inline)) {
      for (size_t n = 0; n < kVectors; ++n) {
        const F<V> amount = V::Load(work.amounts + s * kLanes + n * kVector);
        if constexpr (kRule) sums.taken[n] = V::MulAdd(V::Set(back[s]), amount, sums.taken[n]);
        sums.read[n] = V::MulAdd(V::Set(reads[s]), amount, sums.read[n]);
      }
    };
    size_t s = 0;
    for (; s + 2 <= t; s += 2) {
      add(s, even);
      add(s + 1, odd);
    }
    if (s < t) add(s, even);
    for (size_t n = 0; n < kVectors; ++n) {
      if constexpr (kRule) even.taken[n] = V::Add(even.taken[n], odd.taken[n]);
      even.read[n] = V::Add(even.read[n], odd.read[n]);
    }
    return even;
  }

  static void Copy(const Work& work, float* to, const float* from, ptrdiff_t stride, size_t count) {
    for (size_t t = 0; t < count; ++t) {
      std::memcpy(to + t * work.pitch, from + static_cast<ptrdiff_t>(t) * stride,
                  work.width * sizeof(float));
    }
  }

  static void Delta(const DeltaRun& run, float* panels, float* memory) {
    Work work(run.width, memory);
    float* kept = run.kept;
    for (size_t begin = 0; begin < run.steps;) {
      size_t count = std::min(kChunkSteps, run.steps - begin);
      if (kept != nullptr) count = std::min(count, run.keep_every - begin % run.keep_every);
      DeltaChunk(run, begin, count, work, panels);
      begin += count;
      if (kept != nullptr && begin % run.keep_every == 0) {
        UnpackPanels(panels, run.rows, run.width, kLanes, kept);
        kept += run.kept_stride;
      }
    }
  }

  static void DeltaChunk(const DeltaRun& run, size_t begin, size_t count, Work& work,
                         float* panels) {
    const auto at = static_cast<ptrdiff_t>(begin);
    Copy(work, work.keys, run.k + at * run.k_stride, run.k_stride, count);
    // Right behind the keys, so that both are one matrix.
    float* queries = work.keys + count * work.pitch;
    Copy(work, queries, run.q + at * run.q_stride, run.q_stride, count);
    for (size_t t = 0; t < count; ++t) {
      const ptrdiff_t step = at + static_cast<ptrdiff_t>(t);
      Decay(work, t, run.decay[step * run.decay_stride]);
      work.opening[t] = run.beta[step * run.beta_stride];
      Triangle(work, t, work.keys + t * work.pitch, work.opening[t], work.back);
      Triangle(work, t, queries + t * work.pitch, 1, work.reads);
    }
    for (size_t first = 0; first < run.rows; first += kLanes) {
      float* panel = panels + first * run.width;
      Read(work, work.keys, 2 * count, panel, work.found);
      DeltaRows(run, begin, count, first, work);
      Update(work, count, panel);
    }
  }

  // The rows from `first` on, of one panel, through a chunk's steps.
  static void DeltaRows(const DeltaRun& run, size_t begin, size_t count, size_t first,
                        const Work& work) {
    for (size_t t = 0; t < count; ++t) {
      const auto step = static_cast<ptrdiff_t>(begin + t);
      const float* values = run.v + step * run.v_stride + first;
      float* results = run.y + step * run.y_stride + first;
      const Before before = Sum<true>(work, t);
      const F<V> kept = V::Set(work.kept[t]);
      const F<V> now = V::Set(work.reads[t * kTriangle + t]);
      for (size_t n = 0; n < kVectors; ++n) {
        const size_t some = RowsIn(run.rows - first, n);
        const size_t lane = n * kVector;
        const F<V> recalled = V::Mul(kept, V::Load(work.found + t * kLanes + lane));
        const F<V> missing = V::Sub(LoadSome<V>(values + lane, some), recalled);
        const F<V> amount = V::Sub(V::Mul(V::Set(work.opening[t]), missing), before.taken[n]);
        V::Store(work.amounts + t * kLanes + lane, amount);
        const F<V> found = V::Load(work.found + (count + t) * kLanes + lane);
        const F<V> read = V::MulAdd(kept, found, before.read[n]);
        StoreSome<V>(results + lane, V::MulAdd(now, amount, read), some);
      }
    }
  }

  static void Scan(const ScanRun& run, float* panels, float* memory) {
    Work work(run.width, memory);
    for (size_t begin = 0; begin < run.steps; begin += kChunkSteps) {
      ScanChunk(run, begin, std::min(kChunkSteps, run.steps - begin), work, panels);
    }
  }

  static void ScanChunk(const ScanRun& run, size_t begin, size_t count, Work& work, float* panels) {
    const auto at = static_cast<ptrdiff_t>(begin);
    Copy(work, work.keys, run.input + at * run.input_stride, run.input_stride, count);
    Copy(work, work.queries, run.output + at * run.output_stride, run.output_stride, count);
    for (size_t t = 0; t < count; ++t) {
      work.opening[t] = run.step[(at + static_cast<ptrdiff_t>(t)) * run.step_stride];
      Decay(work, t, std::exp(-work.opening[t] * run.rate));
      Triangle(work, t, work.queries + t * work.pitch, 1, work.reads);
    }
    for (size_t first = 0; first < run.rows; first += kLanes) {
      float* panel = panels + first * run.width;
      Read(work, work.queries, count, panel, work.found);
      ScanRows(run, begin, count, first, work);
      Update(work, count, panel);
    }
  }

  static void ScanRows(const ScanRun& run, size_t begin, size_t count, size_t first,
                       const Work& work) {
    for (size_t t = 0; t < count; ++t) {
      const auto step = static_cast<ptrdiff_t>(begin + t);
      const float* values = run.x + step * run.x_stride + first;
      float* results = run.y + step * run.y_stride + first;
      const Before before = Sum<false>(work, t);
      const F<V> kept = V::Set(work.kept[t]);
      const F<V> now = V::Set(work.reads[t * kTriangle + t]);
      for (size_t n = 0; n < kVectors; ++n) {
        const size_t some = RowsIn(run.rows - first, n);
        const size_t lane = n * kVector;
        const F<V> x = LoadSome<V>(values + lane, some);
        const F<V> amount = V::Mul(V::Set(work.opening[t]), x);
        V::Store(work.amounts + t * kLanes + lane, amount);
        const F<V> found = V::Load(work.found + t * kLanes + lane);
        const F<V> read = V::MulAdd(now, amount, V::MulAdd(kept, found, before.read[n]));
        StoreSome<V>(results + lane, V::MulAdd(x, V::Set(run.direct), read), some);
      }
    }
  }
};

}  // namespace ingot::kernels

#endif  // INGOT_KERNELS_SIMD_CHUNK_H_
