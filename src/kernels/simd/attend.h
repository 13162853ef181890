// Attention of a few queries over a run of keys, over the lanes of a vector class: one pass with a
// running maximum and sum, 64 keys at a time, in fp32; keys and values are read from where they
// lie.
#ifndef INGOT_KERNELS_SIMD_ATTEND_H_
#define INGOT_KERNELS_SIMD_ATTEND_H_

#include <limits>

#include "kernels/simd/lanes.h"

namespace ingot::kernels {

struct AddOp {
  template <class V>
  static typename V::F Apply(typename V::F a, typename V::F b) {
    return V::Add(a, b);
  }
};

inline constexpr size_t kKeys = 64;  // of a step

// e^x within 2 units in the last place; 0 below -87, NaN stays. x is at most 88.
template <class V>
F<V> Exp(F<V> x) {
  const F<V> least = V::Set(-87.0F);
  const F<V> bounded = V::Select(V::Less(x, least), least, x);
  const F<V> shifted = V::MulAdd(bounded, V::Set(1.44269504F), V::Set(12582912.0F));
  const F<V> n = V::Sub(shifted, V::Set(12582912.0F));
  const F<V> high = V::MulAdd(n, V::Set(-0.693359375F), bounded);
  const F<V> r = V::MulAdd(n, V::Set(2.12194440e-4F), high);
  F<V> p = V::Set(1.0F / 720);
  p = V::MulAdd(p, r, V::Set(1.0F / 120));
  p = V::MulAdd(p, r, V::Set(1.0F / 24));
  p = V::MulAdd(p, r, V::Set(1.0F / 6));
  p = V::MulAdd(p, r, V::Set(0.5F));
  p = V::Add(V::MulAdd(V::Mul(p, r), r, r), V::Set(1.0F));
  const auto exponent =
      V::AddInt(V::template ShiftLeft<23>(V::BitsOf(shifted)), V::SetInt(0x3f800000U));
  const F<V> value = V::Mul(p, V::FloatOf(exponent));
  return V::Select(V::Less(x, least), V::Set(0.0F), value);
}

// Up to 16 numbers from k on, as lanes.
template <class V, FloatType kType>
F<V> LoadPart(const std::byte* row, size_t k, size_t width) {
  const std::byte* from = row + k * quant::SizeOf(kType);
  if (width - k >= kVector) return V::template LoadAs<kType>(from);
  return LoadFloats<V>(kType, from, width - k);
}

// scores[j] = q · key j, for 16 keys; those beyond the last are taken for the last.
template <class V, FloatType kType>
void ScoreSixteen(const AttendRun& run, const float* q, size_t first, float* scores) {
  F<V> sums[kVector];
  for (size_t j = 0; j < kVector; ++j) {
    const size_t key = first + j < run.keys ? first + j : run.keys - 1;
    const std::byte* row = run.key_rows + static_cast<ptrdiff_t>(key) * run.key_stride;
    F<V> sum = V::Set(0);
    for (size_t k = 0; k < run.key_width; k += kVector) {
      sum = V::MulAdd(LoadPart<V, kType>(row, k, run.key_width), V::Load(q + k), sum);
    }
    sums[j] = sum;
  }
  V::Store(scores, V::template ReduceTile<AddOp>(sums));
}

template <class V, FloatType kType>
struct Attending {
  const AttendRun& run;
  float largest[kAttendRows];
  float total[kAttendRows];

  // 64 keys from `first` on for query r, whose results so far are in out.
  void Step(size_t r, size_t first, float* out) {
    alignas(64) float scores[kKeys];
    const AttendQuery& query = run.queries[r];
    const float none = -std::numeric_limits<float>::infinity();
    const float* q = run.q + r * run.q_stride;
    float most = largest[r];
    for (size_t j = 0; j < kKeys; j += kVector) {
      if (first + j < run.keys) ScoreSixteen<V, kType>(run, q, first + j, scores + j);
      for (size_t i = j; i < j + kVector; ++i) {
        const bool seen = first + i >= query.begin && first + i < query.end;
        scores[i] = seen ? scores[i] * run.scale : none;
        most = scores[i] > most ? scores[i] : most;
      }
    }
    if (most == none) most = 0;  // nothing seen so far, or nothing but NaN
    const F<V> base = V::Set(most);
    F<V> sum = V::Set(0);
    for (size_t j = 0; j < kKeys; j += kVector) {
      const F<V> weight = Exp<V>(V::Sub(V::Load(scores + j), base));
      sum = V::Add(sum, weight);
      V::Store(scores + j, weight);
    }
    alignas(64) float kept[kVector];
    V::Store(kept, Exp<V>(V::Set(largest[r] - most)));
    total[r] = total[r] * kept[0] + Sum<V>(sum);
    largest[r] = most;
    AddValues(query, first, scores, kept[0], out);
  }

  void AddValues(const AttendQuery& query, size_t first, const float* weights, float kept,
                 float* out) const {
    const size_t begin = first > query.begin ? first : query.begin;
    const size_t end = first + kKeys < query.end ? first + kKeys : query.end;
    const std::byte* row = run.value_rows + static_cast<ptrdiff_t>(begin) * run.value_stride;
    constexpr size_t kTogether = 4 * kVector;
    size_t n = 0;
    for (; n + kTogether <= run.value_width; n += kTogether) {
      F<V> sums[4];
      for (size_t v = 0; v < 4; ++v) {
        sums[v] = V::Mul(V::Load(out + n + v * kVector), V::Set(kept));
      }
      const std::byte* from = row + n * quant::SizeOf(kType);
      for (size_t key = begin; key < end; ++key, from += run.value_stride) {
        const F<V> weight = V::Set(weights[key - first]);
        for (size_t v = 0; v < 4; ++v) {
          const F<V> value = V::template LoadAs<kType>(from + v * kVector * quant::SizeOf(kType));
          sums[v] = V::MulAdd(weight, value, sums[v]);
        }
      }
      for (size_t v = 0; v < 4; ++v) V::Store(out + n + v * kVector, sums[v]);
    }
    for (; n < run.value_width; n += kVector) {
      F<V> sum = V::Mul(V::Load(out + n), V::Set(kept));
      const std::byte* from = row;
      for (size_t key = begin; key < end; ++key, from += run.value_stride) {
        sum = V::MulAdd(V::Set(weights[key - first]), LoadPart<V, kType>(from, n, run.value_width),
                        sum);
      }
      V::Store(out + n, sum);
    }
  }
};

template <class V, FloatType kType>
void AttendTyped(const AttendRun& run) {
  Attending<V, kType> attending{.run = run, .largest = {}, .total = {}};
  size_t longest = 0;
  for (size_t r = 0; r < run.rows; ++r) {
    const AttendQuery& query = run.queries[r];
    // A sink is a key that was seen before all others and has no value.
    attending.largest[r] =
        query.sink != nullptr ? *query.sink : -std::numeric_limits<float>::infinity();
    attending.total[r] = query.sink != nullptr ? 1.0F : 0.0F;
    const size_t sees = query.end > query.begin ? query.end - query.begin : 0;
    longest = sees > longest ? sees : longest;
    float* out = run.out + r * run.out_stride;
    for (size_t n = 0; n < run.out_stride; ++n) out[n] = 0;
  }
  // Each query's steps begin at its own first key: what it finds does not depend on which queries
  // are looked at together.
  for (size_t step = 0; step < longest; step += kKeys) {
    for (size_t r = 0; r < run.rows; ++r) {
      const size_t first = run.queries[r].begin + step;
      if (first >= run.queries[r].end) continue;
      attending.Step(r, first, run.out + r * run.out_stride);
    }
  }
  for (size_t r = 0; r < run.rows; ++r) {
    float* out = run.out + r * run.out_stride;
    for (size_t n = 0; n < run.value_width; ++n) out[n] /= attending.total[r];
  }
}

template <class V>
void Attend(const AttendRun& run) {
  switch (run.type) {
    case FloatType::kF32:
      return AttendTyped<V, FloatType::kF32>(run);
    case FloatType::kF16:
      return AttendTyped<V, FloatType::kF16>(run);
    case FloatType::kBF16:
      return AttendTyped<V, FloatType::kBF16>(run);
  }
}

}  // namespace ingot::kernels

#endif  // INGOT_KERNELS_SIMD_ATTEND_H_
