// Attention of a few queries over a run of keys, over the lanes of a vector class: one pass with a
// running maximum and sum, 64 keys at a time, in fp32; keys and values are read from where they
// lie.
#ifndef INGOT_KERNELS_SIMD_ATTEND_H_
#define INGOT_KERNELS_SIMD_ATTEND_H_

#include <limits>

#include "kernels/pack.h"
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

// How a column's numbers lie, as lanes: floats,
template <class V, FloatType kType>
struct FloatColumns {
  // The numbers that share a scale; 0: there are none.
  static constexpr size_t kGroup = 0;
  static F<V> Load(const std::byte* row, size_t k) {
    return V::template LoadAs<kType>(row + k * quant::SizeOf(kType));
  }
  // Up to 16 numbers from k on.
  static F<V> LoadPart(const std::byte* row, size_t k, size_t width) {
    if (width - k >= kVector) return Load(row, k);
    return LoadFloats<V>(kType, row + k * quant::SizeOf(kType), width - k);
  }
  // Asks for what stands there in the row that is looked at 16 rows later: rows of one head are no
  // longer than what processors see coming by themselves.
  static void Ahead(const std::byte* row, size_t k, ptrdiff_t stride) {
    __builtin_prefetch(row + k * quant::SizeOf(kType) + static_cast<ptrdiff_t>(kVector) * stride);
  }
};

// and packed, as kernels/pack.h says; their scales are for who adds them up.
template <class V>
struct PackedColumns {
  static constexpr size_t kGroup = kPackGroup;
  static F<V> Load(const std::byte* row, size_t k) {
    return V::FromInt(V::LoadSigned(reinterpret_cast<const uint8_t*>(row + k)));
  }
  static F<V> LoadPart(const std::byte* row, size_t k, size_t width) {
    if (width - k >= kVector) return Load(row, k);
    alignas(16) uint8_t padded[kVector] = {};
    std::memcpy(padded, row + k, width - k);
    return V::FromInt(V::LoadSigned(padded));
  }
  // Of the group that number k is in.
  static float Scale(const std::byte* scales, size_t k) {
    float scale = 0;
    std::memcpy(&scale, scales + k / kGroup * sizeof scale, sizeof scale);
    return scale;
  }
  static void Ahead(const std::byte* row, size_t k, ptrdiff_t stride) {
    if (k % kGroup == 0) {
      __builtin_prefetch(row + k + static_cast<ptrdiff_t>(kVector) * stride);
    }
  }
};

// How many queries are looked at together, at most, so that a key is read and widened once for all
// of them, and how many keys and vectors of values meanwhile stay in registers.
inline constexpr size_t kTogether = 4;
template <class V>
inline constexpr size_t kKeysAtOnce = V::kTileRows >= 12 ? 4 : 1;
template <class V, size_t kQueries>
inline constexpr size_t kValuesAtOnce = V::kTileRows >= 12 ? 4 : 4 / kQueries;

// scores[r][j] = query r · key j, for 16 keys; those beyond the last are taken for the last. A
// query's numbers are added in the same order however many are looked at.
template <class V, class Columns, size_t kQueries>
void ScoreSixteen(const AttendRun& run, const float* q, size_t first, float (*scores)[kKeys],
                  size_t at) {
  constexpr bool kPacked = Columns::kGroup > 0;
  // Packed ones need twice the sums.
  constexpr size_t kSome = kPacked && kQueries > 2 ? (kKeysAtOnce<V> + 1) / 2 : kKeysAtOnce<V>;
  F<V> all[kQueries][kVector];
  for (size_t j = 0; j < kVector; j += kSome) {
    const std::byte* rows[kSome];
    F<V> sums[kQueries][kSome];
    for (size_t i = 0; i < kSome; ++i) {
      const size_t key = first + j + i < run.keys ? first + j + i : run.keys - 1;
      rows[i] = run.key_rows + static_cast<ptrdiff_t>(key) * run.key_stride;
      for (size_t r = 0; r < kQueries; ++r) sums[r][i] = V::Set(0);
    }
    // Adds the products of numbers [k, end).
    const auto add = [&](size_t k, size_t end, F<V>(&to)[kQueries][kSome])
        __attribute__((always_inline)) {
      for (; k < end; k += kVector) {
        F<V> keys[kSome];
        for (size_t i = 0; i < kSome; ++i) {
          keys[i] = Columns::LoadPart(rows[i], k, run.key_width);
          Columns::Ahead(rows[i], k, run.key_stride);
        }
        for (size_t r = 0; r < kQueries; ++r) {
          const F<V> asked = V::Load(q + r * run.q_stride + k);
          for (size_t i = 0; i < kSome; ++i) to[r][i] = V::MulAdd(keys[i], asked, to[r][i]);
        }
      }
    };
    if constexpr (!kPacked) {
      add(0, run.key_width, sums);
    } else {
      for (size_t k = 0; k < run.key_width; k += Columns::kGroup) {
        F<V> part[kQueries][kSome];
        for (size_t i = 0; i < kSome; ++i) {
          for (size_t r = 0; r < kQueries; ++r) part[r][i] = V::Set(0);
        }
        const size_t left = run.key_width - k;
        add(k, k + (left < Columns::kGroup ? left : Columns::kGroup), part);
        for (size_t i = 0; i < kSome; ++i) {
          const F<V> scale = V::Set(Columns::Scale(rows[i] + run.key_scales, k));
          for (size_t r = 0; r < kQueries; ++r) {
            sums[r][i] = V::MulAdd(part[r][i], scale, sums[r][i]);
          }
        }
      }
    }
    for (size_t r = 0; r < kQueries; ++r) {
      for (size_t i = 0; i < kSome; ++i) all[r][j + i] = sums[r][i];
    }
  }
  for (size_t r = 0; r < kQueries; ++r) {
    V::Store(scores[r] + at, V::template ReduceTile<AddOp>(all[r]));
  }
}

template <class V, class Columns>
struct Attending {
  const AttendRun& run;
  float largest[kAttendRows];
  float total[kAttendRows];

  // 64 keys from `first` on for kQueries queries from r on, which all begin at the same key.
  template <size_t kQueries>
  void Step(size_t r, size_t first) {
    alignas(64) float scores[kQueries][kKeys];
    const float* q = run.q + r * run.q_stride;
    for (size_t j = 0; j < kKeys; j += kVector) {
      if (first + j < run.keys) {
        ScoreSixteen<V, Columns, kQueries>(run, q, first + j, scores, j);
      }
    }
    float kept[kQueries];
    for (size_t i = 0; i < kQueries; ++i) kept[i] = Weigh(r + i, first, scores[i]);
    AddValues<kQueries>(r, first, scores, kept);
  }

  // Makes weights of one query's scores; what its results so far are worth beside them.
  float Weigh(size_t r, size_t first, float* scores) {
    const AttendQuery& query = run.queries[r];
    const float none = -std::numeric_limits<float>::infinity();
    float most = largest[r];
    for (size_t i = 0; i < kKeys; ++i) {
      const bool seen = first + i >= query.begin && first + i < query.end;
      scores[i] = seen ? scores[i] * run.scale : none;
      most = scores[i] > most ? scores[i] : most;
    }
    const float finite = most == none ? 0 : most;  // nothing seen so far, or nothing but NaN
    const F<V> base = V::Set(finite);
    F<V> sum = V::Set(0);
    for (size_t j = 0; j < kKeys; j += kVector) {
      const F<V> weight = Exp<V>(V::Sub(V::Load(scores + j), base));
      sum = V::Add(sum, weight);
      V::Store(scores + j, weight);
    }
    alignas(64) float kept[kVector];
    V::Store(kept, Exp<V>(V::Set(largest[r] - finite)));
    total[r] = total[r] * kept[0] + Sum<V>(sum);
    largest[r] = most;
    return kept[0];
  }

  float* Out(size_t r) const { return run.out + r * run.out_stride; }
  size_t End(size_t r, size_t first) const {
    const size_t end = run.queries[r].end;
    return first + kKeys < end ? first + kKeys : end;
  }

  // What all of them see for all together, then the rest for each: a value that is not seen is not
  // touched, lest it be NaN.
  template <size_t kQueries>
  void AddValues(size_t r, size_t first, const float (*weights)[kKeys], const float* kept) const {
    size_t common = End(r, first);
    for (size_t i = 1; i < kQueries; ++i) {
      const size_t end = End(r + i, first);
      common = end < common ? end : common;
    }
    AddRange<kQueries>(r, first, common, weights, 0, kept);
    if constexpr (kQueries > 1) {
      const float whole = 1;
      for (size_t i = 0; i < kQueries; ++i) {
        const size_t end = End(r + i, first);
        if (end > common) AddRange<1>(r + i, common, end, weights + i, common - first, &whole);
      }
    }
  }

  // What number n of a value is worth for one whose key has that weight.
  static float Worth(float weight, const std::byte* row, size_t scales, size_t n) {
    if constexpr (Columns::kGroup > 0) return weight * Columns::Scale(row + scales, n);
    return weight;
  }

  // out = kept · out + the values of the keys in [begin, end), whose weights stand from `at` on.
  template <size_t kQueries>
  void AddRange(size_t r, size_t begin, size_t end, const float (*weights)[kKeys], size_t at,
                const float* kept) const {
    const std::byte* rows = run.value_rows + static_cast<ptrdiff_t>(begin) * run.value_stride;
    constexpr size_t kSome = kValuesAtOnce<V, kQueries>;
    static_assert(kPackGroup % (kSome * kVector) == 0);
    size_t n = 0;
    for (; n + kSome * kVector <= run.value_width; n += kSome * kVector) {
      F<V> sums[kQueries][kSome];
      for (size_t i = 0; i < kQueries; ++i) {
        for (size_t v = 0; v < kSome; ++v) {
          sums[i][v] = V::Mul(V::Load(Out(r + i) + n + v * kVector), V::Set(kept[i]));
        }
      }
      const std::byte* row = rows;
      for (size_t key = 0; key < end - begin; ++key, row += run.value_stride) {
        F<V> values[kSome];
        for (size_t v = 0; v < kSome; ++v) {
          values[v] = Columns::Load(row, n + v * kVector);
          Columns::Ahead(row, n + v * kVector, run.value_stride);
        }
        for (size_t i = 0; i < kQueries; ++i) {
          const F<V> weight = V::Set(Worth(weights[i][at + key], row, run.value_scales, n));
          for (size_t v = 0; v < kSome; ++v) {
            sums[i][v] = V::MulAdd(weight, values[v], sums[i][v]);
          }
        }
      }
      for (size_t i = 0; i < kQueries; ++i) {
        for (size_t v = 0; v < kSome; ++v) V::Store(Out(r + i) + n + v * kVector, sums[i][v]);
      }
    }
    for (; n < run.value_width; n += kVector) {
      for (size_t i = 0; i < kQueries; ++i) {
        F<V> sum = V::Mul(V::Load(Out(r + i) + n), V::Set(kept[i]));
        const std::byte* row = rows;
        for (size_t key = 0; key < end - begin; ++key, row += run.value_stride) {
          const float weight = Worth(weights[i][at + key], row, run.value_scales, n);
          sum = V::MulAdd(V::Set(weight), Columns::LoadPart(row, n, run.value_width), sum);
        }
        V::Store(Out(r + i) + n, sum);
      }
    }
  }
};

template <class V, class Columns>
void AttendColumns(const AttendRun& run) {
  Attending<V, Columns> attending{.run = run, .largest = {}, .total = {}};
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
    for (size_t r = 0; r < run.rows;) {
      const auto goes_on = [&](size_t i) {
        return run.queries[i].begin + step < run.queries[i].end;
      };
      size_t count = 0;
      while (count < kTogether && r + count < run.rows && goes_on(r + count) &&
             run.queries[r + count].begin == run.queries[r].begin) {
        ++count;
      }
      const size_t first = run.queries[r].begin + step;
      if (count >= 4) {
        attending.template Step<4>(r, first);
      } else if (count >= 2) {
        attending.template Step<2>(r, first);
      } else if (count == 1) {
        attending.template Step<1>(r, first);
      }
      r += count >= 4 ? 4 : count >= 2 ? 2 : 1;
    }
  }
  for (size_t r = 0; r < run.rows; ++r) {
    if (run.total != nullptr) {
      run.largest[r] = attending.largest[r];
      run.total[r] = attending.total[r];
      continue;
    }
    float* out = run.out + r * run.out_stride;
    for (size_t n = 0; n < run.value_width; ++n) out[n] /= attending.total[r];
  }
}

template <class V>
void Attend(const AttendRun& run) {
  if (run.key_scales > 0) return AttendColumns<V, PackedColumns<V>>(run);
  switch (run.type) {
    case FloatType::kF32:
      return AttendColumns<V, FloatColumns<V, FloatType::kF32>>(run);
    case FloatType::kF16:
      return AttendColumns<V, FloatColumns<V, FloatType::kF16>>(run);
    case FloatType::kBF16:
      return AttendColumns<V, FloatColumns<V, FloatType::kBF16>>(run);
  }
}

}  // namespace ingot::kernels

#endif  // INGOT_KERNELS_SIMD_ATTEND_H_
