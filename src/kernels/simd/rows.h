// kernels/rows.h over the lanes of a vector class. Include after the vector class.
#ifndef INGOT_KERNELS_SIMD_ROWS_H_
#define INGOT_KERNELS_SIMD_ROWS_H_

#include <cmath>
#include <limits>

#include "kernels/rows.h"
#include "kernels/simd/attend.h"
#include "kernels/simd/lanes.h"
#include "kernels/simd/pack.h"

namespace ingot::kernels {

// `visit(i, n)` for sixteen places at a time; n is 16, at the end perhaps less.
template <typename Visit>
inline void EachVector(size_t count, Visit visit) {
  size_t i = 0;
  for (; i + kVector <= count; i += kVector) visit(i, kVector);
  if (i < count) visit(i, count - i);
}

template <class V>
F<V> LoadSome(const float* p, size_t n) {
  if (n == kVector) return V::Load(p);
  alignas(64) float padded[kVector] = {};
  std::memcpy(padded, p, n * sizeof(float));
  return V::Load(padded);
}

template <class V>
void StoreSome(float* p, F<V> x, size_t n) {
  if (n == kVector) return V::Store(p, x);
  alignas(64) float padded[kVector];
  V::Store(padded, x);
  std::memcpy(p, padded, n * sizeof(float));
}

template <class V>
struct RowsOf {
  static void Load(FloatType type, const std::byte* from, float* to, size_t count) {
    const size_t size = quant::SizeOf(type);
    EachVector(
        count, [&](size_t i, size_t n) __attribute__((always_inline)) {
          StoreSome<V>(to + i, LoadFloats<V>(type, from + i * size, n), n);
        });
  }

  static void Store(FloatType type, const float* from, std::byte* to, size_t count) {
    switch (type) {
      case FloatType::kF32:
        std::memcpy(to, from, count * sizeof(float));
        return;
      case FloatType::kF16:
        return StoreTyped<FloatType::kF16>(from, to, count);
      case FloatType::kBF16:
        return StoreTyped<FloatType::kBF16>(from, to, count);
    }
  }

  static void Add(FloatType type, const std::byte* from, float* to, size_t count) {
    const size_t size = quant::SizeOf(type);
    EachVector(
        count, [&](size_t i, size_t n) __attribute__((always_inline)) {
          const F<V> sum = V::Add(LoadSome<V>(to + i, n), LoadFloats<V>(type, from + i * size, n));
          StoreSome<V>(to + i, sum, n);
        });
  }

  static void Norm(const NormRun& run) {
    F<V> sums = V::Set(0);
    EachVector(
        run.count, [&](size_t i, size_t n) __attribute__((always_inline)) {
          const F<V> x = LoadSome<V>(run.row + i, n);
          sums = V::Add(sums, V::Mul(x, x));
        });
    const float mean = Sum<V>(sums) / static_cast<float>(run.count);
    const F<V> inverse = V::Set(1.0F / std::sqrt(mean + run.eps));
    EachVector(
        run.count, [&](size_t i, size_t n) __attribute__((always_inline)) {
          const F<V> x = V::Mul(LoadSome<V>(run.row + i, n), inverse);
          StoreSome<V>(run.row + i, V::Mul(x, LoadSome<V>(run.factors + i, n)), n);
        });
  }

  // Twice over the row: the square of a mean that is large beside what deviates from it would cost
  // the variance its digits.
  static void Centre(const CentreRun& run) {
    const auto count = static_cast<float>(run.count);
    F<V> sums = V::Set(0);
    EachVector(
        run.count, [&](size_t i, size_t n) __attribute__((always_inline)) {
          sums = V::Add(sums, LoadSome<V>(run.row + i, n));
        });
    const F<V> mean = V::Set(Sum<V>(sums) / count);
    F<V> squares = V::Set(0);
    EachVector(
        run.count, [&](size_t i, size_t n) __attribute__((always_inline)) {
          const F<V> x = V::Sub(LoadSome<V>(run.row + i, n), mean);
          StoreSome<V>(run.row + i, x, n);
          // What is stored is in the row alone: places after its end deviate from nothing.
          const F<V> kept = n == kVector ? x : LoadSome<V>(run.row + i, n);
          squares = V::Add(squares, V::Mul(kept, kept));
        });
    const F<V> inverse = V::Set(1.0F / std::sqrt(Sum<V>(squares) / count + run.eps));
    EachVector(
        run.count, [&](size_t i, size_t n) __attribute__((always_inline)) {
          const F<V> x = V::Mul(LoadSome<V>(run.row + i, n), inverse);
          F<V> y = V::Mul(x, LoadSome<V>(run.factors + i, n));
          if (run.shifts != nullptr) y = V::Add(y, LoadSome<V>(run.shifts + i, n));
          StoreSome<V>(run.row + i, y, n);
        });
  }

  static float Tidy(float* row, size_t count) {
    const F<V> never = V::Set(-std::numeric_limits<float>::infinity());
    F<V> most = never;
    float last = -std::numeric_limits<float>::infinity();
    EachVector(
        count, [&](size_t i, size_t n) __attribute__((always_inline)) {
          if (n < kVector) {  // zeros after the end would count
            for (size_t k = i; k < count; ++k) {
              if (std::isnan(row[k])) row[k] = -std::numeric_limits<float>::infinity();
              last = row[k] > last ? row[k] : last;
            }
            return;
          }
          const F<V> x = V::Load(row + i);
          const F<V> tidied = V::Select(V::Equal(x, x), x, never);
          V::Store(row + i, tidied);
          most = V::Select(V::Less(most, tidied), tidied, most);
        });
    alignas(64) float lanes[kVector];
    V::Store(lanes, most);
    for (const float lane : lanes) last = lane > last ? lane : last;
    return last;
  }

  // Sums are fp32 over so many numbers, and double beyond.
  static constexpr size_t kSummed = 1024;

  static double Weigh(const WeighRun& run) {
    double total = 0;
    for (size_t from = 0; from < run.count; from += kSummed) {
      const size_t size = run.count - from < kSummed ? run.count - from : kSummed;
      F<V> sums = V::Set(0);
      EachVector(
          size, [&](size_t k, size_t n) __attribute__((always_inline)) {
            const size_t i = from + k;
            const F<V> over = V::Sub(LoadSome<V>(run.row + i, n), V::Set(run.largest));
            const F<V> weight = Exp<V>(V::Div(over, V::Set(run.temperature)));
            const F<V> kept = V::Select(V::Less(weight, V::Set(run.least)), V::Set(0), weight);
            StoreSome<V>(run.weights + i, kept, n);
            sums = V::Add(sums, n == kVector ? kept : LoadSome<V>(run.weights + i, n));
          });
      total += static_cast<double>(Sum<V>(sums));
    }
    return total;
  }

  static void Bend(const BendRun& run) {
    switch (run.kind) {
      case BendKind::kSilu:
        return BendWith<BendKind::kSilu>(run);
      case BendKind::kGeluTanh:
        return BendWith<BendKind::kGeluTanh>(run);
      case BendKind::kGelu:
        return BendWith<BendKind::kGelu>(run);
      case BendKind::kReluSquared:
        return BendWith<BendKind::kReluSquared>(run);
      case BendKind::kSigmoid:
        return BendWith<BendKind::kSigmoid>(run);
      case BendKind::kSoftcap:
        return BendWith<BendKind::kSoftcap>(run);
      case BendKind::kClampedSilu:
        return BendWith<BendKind::kClampedSilu>(run);
    }
  }

  static constexpr RowForm Table() {
    return {.load = Load,
            .store = Store,
            .add = Add,
            .norm = Norm,
            .bend = Bend,
            .centre = Centre,
            .tidy = Tidy,
            .weigh = Weigh,
            .pack = PackOf<V>::Pack,
            .unpack = PackOf<V>::Unpack};
  }

 private:
  // Rounded to nearest, ties to even; NaN stays NaN.
  template <FloatType kType>
  static void Round(F<V> x, std::byte* to) {
    if constexpr (kType == FloatType::kBF16) {
      const F<V> nan = V::FloatOf(V::SetInt(0x7fc00000));
      x = V::Select(V::Equal(x, x), quant::RoundLanes<V, kType>(x), nan);
    }
    V::template StoreAs<kType>(to, x);
  }

  template <FloatType kType>
  static void StoreTyped(const float* from, std::byte* to, size_t count) {
    EachVector(
        count, [&](size_t i, size_t n) __attribute__((always_inline)) {
          const F<V> x = LoadSome<V>(from + i, n);
          if (n == kVector) return Round<kType>(x, to + 2 * i);
          std::byte padded[2 * kVector];
          Round<kType>(x, padded);
          std::memcpy(to + 2 * i, padded, 2 * n);
        });
  }

  // x is at least -88, or NaN: what is smaller has the same sigmoid in fp32 but for nothing.
  static F<V> Sigmoid(F<V> x) {
    const F<V> most = V::Set(88.0F);
    const F<V> minus = V::Sub(V::Set(0), x);
    const F<V> bounded = V::Select(V::Less(most, minus), most, minus);
    return V::Div(V::Set(1), V::Add(V::Set(1), Exp<V>(bounded)));
  }

  // Abramowitz and Stegun, 7.1.26: a polynomial in 1 / (1 + p |x|), times e^-x².
  static F<V> Erf(F<V> x) {
    const F<V> minus = V::Sub(V::Set(0), x);
    const F<V> size = V::Select(V::Less(x, V::Set(0)), minus, x);
    const F<V> t = V::Div(V::Set(1), V::MulAdd(size, V::Set(0.3275911F), V::Set(1)));
    F<V> p = V::Set(1.061405429F);
    p = V::MulAdd(p, t, V::Set(-1.453152027F));
    p = V::MulAdd(p, t, V::Set(1.421413741F));
    p = V::MulAdd(p, t, V::Set(-0.284496736F));
    p = V::MulAdd(p, t, V::Set(0.254829592F));
    const F<V> tail = V::Mul(V::Mul(p, t), Exp<V>(V::Mul(minus, x)));
    const F<V> found = V::Sub(V::Set(1), tail);
    return V::Select(V::Less(x, V::Set(0)), V::Sub(V::Set(0), found), found);
  }

  // NaN stays NaN: comparisons with it are false.
  static F<V> AtMost(F<V> x, F<V> most) { return V::Select(V::Less(most, x), most, x); }
  static F<V> AtLeast(F<V> x, F<V> least) { return V::Select(V::Less(x, least), least, x); }

  template <BendKind kKind>
  static F<V> BendOne(F<V> x) {
    if constexpr (kKind == BendKind::kGeluTanh) {
      // (1 + tanh u) / 2 is the sigmoid of 2u; the factor is 2 sqrt(2/π).
      const F<V> cube = V::Mul(V::Mul(V::Mul(V::Set(0.044715F), x), x), x);
      return V::Mul(x, Sigmoid(V::Mul(V::Set(1.5957691216F), V::Add(x, cube))));
    } else if constexpr (kKind == BendKind::kGelu) {
      const F<V> share = V::Add(V::Set(1), Erf(V::Mul(x, V::Set(0.70710678F))));
      return V::Mul(V::Mul(V::Set(0.5F), x), share);
    } else if constexpr (kKind == BendKind::kReluSquared) {
      const F<V> positive = AtLeast(x, V::Set(0));
      return V::Mul(positive, positive);
    } else if constexpr (kKind == BendKind::kSigmoid) {
      return Sigmoid(x);
    } else {
      return V::Mul(x, Sigmoid(x));
    }
  }

  template <BendKind kKind>
  static void BendWith(const BendRun& run) {
    EachVector(
        run.count, [&](size_t i, size_t n) __attribute__((always_inline)) {
          const F<V> up = LoadSome<V>(run.up + i, n);
          F<V> result;
          if constexpr (kKind == BendKind::kSoftcap) {
            // tanh u is 2 sigmoid(2u) - 1.
            const F<V> twice = V::Mul(V::Div(up, V::Set(run.limit)), V::Set(2));
            const F<V> bent = V::Sub(V::Mul(Sigmoid(twice), V::Set(2)), V::Set(1));
            result = V::Mul(bent, V::Set(run.limit));
          } else if (run.gate == nullptr) {
            result = BendOne<kKind>(up);
          } else if constexpr (kKind == BendKind::kClampedSilu) {
            const F<V> limit = V::Set(run.limit);
            const F<V> g = AtMost(LoadSome<V>(run.gate + i, n), limit);
            const F<V> u = AtMost(AtLeast(up, V::Set(-run.limit)), limit);
            const F<V> bent = V::Mul(g, Sigmoid(V::Mul(g, V::Set(run.alpha))));
            result = V::Mul(bent, V::Add(u, V::Set(1)));
          } else {
            result = V::Mul(BendOne<kKind>(LoadSome<V>(run.gate + i, n)), up);
          }
          StoreSome<V>(run.out + i, result, n);
        });
  }
};

}  // namespace ingot::kernels

#endif  // INGOT_KERNELS_SIMD_ROWS_H_
