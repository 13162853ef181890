// kernels/recur.h over the lanes of a vector class. Include after the vector class.
#ifndef INGOT_KERNELS_SIMD_RECUR_H_
#define INGOT_KERNELS_SIMD_RECUR_H_

#include <cmath>

#include "kernels/recur.h"
#include "kernels/simd/attend.h"
#include "kernels/simd/chunk.h"
#include "kernels/simd/rows.h"

namespace ingot::kernels {

static_assert(kStateRows == kVector);

template <class V>
struct RecurOf {
  static void Conv(const ConvRun& run) {
    const size_t size = quant::SizeOf(run.type);
    EachVector(
        run.count, [&](size_t c, size_t n) __attribute__((always_inline)) {
          F<V> sum = V::Set(0);
          for (size_t i = 0; i < run.taps; ++i) {
            const F<V> weights = LoadSome<V>(run.weights + i * run.weight_stride + c, n);
            sum = V::MulAdd(weights, LoadFloats<V>(run.type, run.rows[i] + c * size, n), sum);
          }
          StoreSome<V>(run.out + c, sum, n);
        });
  }

  static void Delta(const DeltaRun& run) {
    size_t until_kept = run.keep_every;
    float* kept = run.kept;
    alignas(64) float corrections[kStateRows];
    for (size_t t = 0; t < run.steps; ++t) {
      const auto at = static_cast<ptrdiff_t>(t);
      const float* k = run.k + at * run.k_stride;
      const float* q = run.q + at * run.q_stride;
      const F<V> decay = V::Set(run.decay[at * run.decay_stride]);
      const F<V> beta = V::Set(run.beta[at * run.beta_stride]);
      const F<V> recalled = V::Mul(decay, Read(run.state, run.rows, run.width, k));
      const F<V> values = LoadSome<V>(run.v + at * run.v_stride, run.rows);
      V::Store(corrections, V::Mul(V::Sub(values, recalled), beta));
      const F<V> y = Turn(run.state, run.rows, run.width, decay, corrections, k, q);
      StoreSome<V>(run.y + at * run.y_stride, y, run.rows);
      if (kept != nullptr && --until_kept == 0) {
        std::memcpy(kept, run.state, run.rows * run.width * sizeof(float));
        kept += run.kept_stride;
        until_kept = run.keep_every;
      }
    }
  }

  static void Scan(const ScanRun& run) {
    alignas(64) float taken[kStateRows];
    for (size_t t = 0; t < run.steps; ++t) {
      const auto at = static_cast<ptrdiff_t>(t);
      const float step = run.step[at * run.step_stride];
      const F<V> decay = V::Set(std::exp(-step * run.rate));
      const F<V> x = LoadSome<V>(run.x + at * run.x_stride, run.rows);
      V::Store(taken, V::Mul(x, V::Set(step)));
      const F<V> read =
          Turn(run.state, run.rows, run.width, decay, taken, run.input + at * run.input_stride,
               run.output + at * run.output_stride);
      StoreSome<V>(run.y + at * run.y_stride, V::MulAdd(x, V::Set(run.direct), read), run.rows);
    }
  }

  static constexpr RecurForm Table() {
    return {.conv = Conv, .delta = Delta, .scan = Scan, .chunk = ChunkOf<V>::Table()};
  }

 private:
  // Each row's sum of its products with x.
  static F<V> Read(const float* state, size_t rows, size_t width, const float* x) {
    F<V> sums[kStateRows];
    for (size_t r = 0; r < kStateRows; ++r) sums[r] = V::Set(0);
    for (size_t r = 0; r < rows; ++r) {
      const float* row = state + r * width;
      EachVector(
          width, [&](size_t i, size_t n) __attribute__((always_inline)) {
            sums[r] = V::MulAdd(LoadSome<V>(row + i, n), LoadSome<V>(x + i, n), sums[r]);
          });
    }
    return V::template ReduceTile<AddOp>(sums);
  }

  // row ← decay · row + amounts[r] · in, and each row's sum of its products with out.
  static F<V> Turn(float* state, size_t rows, size_t width, F<V> decay, const float* amounts,
                   const float* in, const float* out) {
    F<V> sums[kStateRows];
    for (size_t r = 0; r < kStateRows; ++r) sums[r] = V::Set(0);
    for (size_t r = 0; r < rows; ++r) {
      float* row = state + r * width;
      const F<V> amount = V::Set(amounts[r]);
      EachVector(
          width, [&](size_t i, size_t n) __attribute__((always_inline)) {
            const F<V> kept = V::Mul(decay, LoadSome<V>(row + i, n));
            const F<V> s = V::MulAdd(amount, LoadSome<V>(in + i, n), kept);
            StoreSome<V>(row + i, s, n);
            sums[r] = V::MulAdd(s, LoadSome<V>(out + i, n), sums[r]);
          });
    }
    return V::template ReduceTile<AddOp>(sums);
  }
};

}  // namespace ingot::kernels

#endif  // INGOT_KERNELS_SIMD_RECUR_H_
