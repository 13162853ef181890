// The product for few rows of bf16 activations with codes that are whole numbers of up to 8 bits,
// by dot products of bytes. Include after the target is set.
//
// A group's activations are brought to whole numbers of 16 bits by a power of two, 2^(e-14) where
// the largest of them has the exponent e, and are split into a high and a low byte: two dot
// products, summed exactly. Whatever is at least 1/128 of its group's largest is exact so; what is
// smaller is off by at most half of that step, and one number, 255/128 · 2^e, by a whole one. A
// result therefore is off by at most the sum over groups of 2^(e-14) · sum(|scale · code|), beside
// what additions cost. A group that holds NaN or an infinity gives NaN.
//
// A 4-bit float is half of a whole number from -12 to 12: what is multiplied is that plus 12, and
// the sums of the activations take it off again, as they do for zero points.
#ifndef INGOT_KERNELS_SIMD_VNNI_FEW_H_
#define INGOT_KERNELS_SIMD_VNNI_FEW_H_

#include "kernels/simd/bf16_codes.h"
#include "kernels/simd/bf16_few.h"
#include "kernels/simd/whole_codes.h"

namespace ingot::kernels::vnni {

using bf16::ScalesOf;

// Values whose codes share a register's lanes; an arranged block of these has two planes a byte.
template <class Codes>
inline constexpr size_t kTogether = Codes::kBits == 4 ? 128 : 64;

struct Halves {
  __m512i even, odd;  // only the first with 8 bits
};

struct Whole4 {
  static constexpr int kBits = 4;
  static constexpr float kScale = 1;
  static Halves Load(const uint8_t* p) {
    const __m512i bytes = _mm512_loadu_si512(p);
    const __m512i low = _mm512_set1_epi8(15);
    return {_mm512_and_si512(bytes, low), _mm512_and_si512(_mm512_srli_epi16(bytes, 4), low)};
  }
};

// Twice the values of 4-bit floats, plus 12.
inline constexpr std::array<uint8_t, 16> kShiftedE2M1 = [] {
  std::array<uint8_t, 16> table{};
  for (size_t i = 0; i < 16; ++i) {
    table[i] = static_cast<uint8_t>(2 * quant::kE2M1Values[i] + 12);
  }
  return table;
}();
struct Floats4 {
  static constexpr int kBits = 4;
  static constexpr float kScale = 0.5F;
  static Halves Load(const uint8_t* p) {
    const __m512i table = _mm512_broadcast_i32x4(
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(kShiftedE2M1.data())));
    const Halves codes = Whole4::Load(p);
    return {_mm512_shuffle_epi8(table, codes.even), _mm512_shuffle_epi8(table, codes.odd)};
  }
};

// Of 2, 3, 5 or 6 bits: spread to a byte each.
template <int kOf>
struct WholeBits {
  static constexpr int kBits = kOf;
  static constexpr float kScale = 1;
  static Halves Load(const uint8_t* p) { return {WholeCodes<kOf>(p), _mm512_setzero_si512()}; }
};

struct Whole8 {
  static constexpr int kBits = 8;
  static constexpr float kScale = 1;
  static Halves Load(const uint8_t* p) { return {_mm512_loadu_si512(p), _mm512_setzero_si512()}; }
};

// The dot products, lane by lane, of a block of codes and both planes of the activations at x.
template <class Codes>
__m512 DotBlock(const Halves& w, const std::byte* x) {
  const auto plane = [&](size_t i) __attribute__((always_inline)) {
    return _mm512_loadu_si512(x + 64 * i);
  };
  __m512i sum = _mm512_dpbusd_epi32(_mm512_setzero_si512(), w.even, plane(0));
  if constexpr (Codes::kBits == 4) {
    sum = _mm512_dpbusd_epi32(sum, w.odd, plane(1));
    sum = _mm512_dpbusd_epi32(_mm512_slli_epi32(sum, 8), w.even, plane(2));
    sum = _mm512_dpbusd_epi32(sum, w.odd, plane(3));
  } else {
    sum = _mm512_dpbusd_epi32(_mm512_slli_epi32(sum, 8), w.even, plane(1));
  }
  return _mm512_cvtepi32_ps(sum);
}

// Calls f for 0 to kCount - 1, each a constant.
template <size_t kCount, class F>
__attribute__((always_inline)) inline void Each(const F& f) {
  [&]<size_t... kIndex>(std::index_sequence<kIndex...>) __attribute__((always_inline)) {
    (f(std::integral_constant<size_t, kIndex>()), ...);
  }
  (std::make_index_sequence<kCount>());
}

// Scales, or biases, of 16 groups that follow each other. Those in bf16, which most files have, are
// read without looking at what they are.
template <bool kBF16>
__m512 SixteenOf(FloatType type, const std::byte* at, size_t count) {
  if constexpr (kBF16) {
    if (count == kVector) return bf16::WidenBF16(at);
  }
  return bf16::LoadSixteen(type, at, count);
}

// The product over all outputs of a run, kOuts rows of weights at once, for kRows rows of
// activations. What rows have in common is found once: a row of 1024 codes takes some tens of
// processor cycles.
template <class Codes, size_t kGroup, size_t kRows, bool kBF16>
class Rows {
 public:
  explicit Rows(const ProductRun& run)
      : run_(run),
        matrix_(*run.matrix),
        groups_(matrix_.inputs / kGroup),
        padded_(RoundUp(groups_, kVector)),
        row_bytes_(matrix_.row_bytes()),
        scale_bytes_(kFloats ? 1 : quant::SizeOf(matrix_.type)) {
    alignas(64) uint32_t lanes[kVector];
    for (uint32_t i = 0; i < kVector; ++i) {
      lanes[i] = kLanes >= kVector ? 0 : i / static_cast<uint32_t>(kLanes);
    }
    lane_groups_ = _mm512_load_si512(lanes);
  }

  void All() const {
    constexpr size_t kOuts = kRows < 4 ? 4 / kRows : kRows == 4 ? 2 : 1;
    size_t n = 0;
    for (; n + kOuts <= run_.count; n += kOuts) Dot<kOuts>(run_.first + n);
    if constexpr (kOuts > 1) {
      for (; n < run_.count; ++n) One(n);
    }
  }

 private:
  template <class, size_t, size_t, bool>
  friend class Rows;

  // What is left over when outputs are taken kOuts at a time: row by row, as it is seldom there.
  __attribute__((noinline)) void One(size_t n) const {
    for (size_t r = 0; r < kRows; ++r) {
      ProductRun one = run_;
      one.first += n;
      one.count = 1;
      one.rows = 1;
      one.x += r * run_.x_stride;
      one.sums += r * run_.sums_stride;
      one.out += r * run_.out_stride + n;
      Rows<Codes, kGroup, 1, kBF16>(one).template Dot<1>(one.first);
    }
  }

  static constexpr bool kFloats = std::is_same_v<Codes, Floats4>;
  static constexpr size_t kValues = kTogether<Codes>;
  static constexpr size_t kBlockBytes = kValues * Codes::kBits / 8;
  static constexpr size_t kLanes = kVector * kGroup / kValues;  // of a group; over 16: all

  // The sums of a batch of at most 16 groups.
  template <size_t kOuts>
  struct Batch {
    __m512 totals[kOuts][kRows];
    __m512 scales[kOuts][kRows];  // of each group, times the step of its activations
  };

  template <size_t kOuts>
  __attribute__((always_inline)) void LoadScales(Batch<kOuts>& batch, size_t first, size_t g,
                                                 size_t count) const {
    Each<kOuts>([&](auto o) __attribute__((always_inline)) {
      const size_t at = ((first + o) * groups_ + g) * scale_bytes_;
      __m512 own, bias;
      if constexpr (kFloats) {
        own = bf16::ScalesOf(matrix_, (first + o) * groups_ + g, count);
        bias = _mm512_mul_ps(own, _mm512_set1_ps(-6));
      } else {
        own = SixteenOf<kBF16>(matrix_.type, matrix_.scales + at, count);
        bias = SixteenOf<kBF16>(matrix_.type, matrix_.biases + at, count);
      }
      Each<kRows>([&](auto r) __attribute__((always_inline)) {
        const float* sums = run_.sums + r * run_.sums_stride + g;
        batch.totals[o][r] = _mm512_fmadd_ps(bias, _mm512_loadu_ps(sums), batch.totals[o][r]);
        __m512 steps = _mm512_loadu_ps(sums + padded_);
        if (Codes::kScale != 1) steps = _mm512_mul_ps(steps, _mm512_set1_ps(Codes::kScale));
        batch.scales[o][r] = _mm512_mul_ps(own, steps);
      });
    });
  }

  template <size_t kOuts>
  __attribute__((always_inline)) void Add(Batch<kOuts>& batch, size_t o, const Halves& w,
                                          size_t block, const std::byte* x) const {
    const __m512i from = _mm512_add_epi32(
        lane_groups_, _mm512_set1_epi32(static_cast<int>(block * kValues / kGroup)));
    Each<kRows>([&](auto r) __attribute__((always_inline)) {
      batch.totals[o][r] =
          _mm512_fmadd_ps(DotBlock<Codes>(w, x + r * run_.x_stride),
                          _mm512_permutexvar_ps(from, batch.scales[o][r]), batch.totals[o][r]);
    });
  }

  template <size_t kOuts>
  __attribute__((always_inline)) void Dot(size_t first) const {
    Batch<kOuts> batch;
    Each<kOuts>([&](auto o) __attribute__((always_inline)) {
      Each<kRows>([&](auto r)
                      __attribute__((always_inline)) { batch.totals[o][r] = _mm512_setzero_ps(); });
    });
    const auto* codes = reinterpret_cast<const uint8_t*>(matrix_.values) + first * row_bytes_;
    const std::byte* x = run_.x;
    bf16::Ahead<kRows> ahead(row_bytes_, kOuts);
    for (size_t g = 0; g < groups_; g += kVector) {
      LoadScales<kOuts>(batch, first, g, std::min(kVector, groups_ - g));
      const size_t values = std::min(kVector * kGroup, matrix_.inputs - g * kGroup);
      const size_t whole = values / kValues;
      for (size_t b = 0; b < whole; ++b, codes += kBlockBytes, x += 2 * kValues) {
        const size_t distance = ahead.Next(kBlockBytes);
        Each<kOuts>([&](auto o) __attribute__((always_inline)) {
          const uint8_t* from = codes + o * row_bytes_;
          ahead.Ask(from + distance);
          Add<kOuts>(batch, o, Codes::Load(from), b, x);
        });
      }
      if (const size_t left = values % kValues; left > 0) {
        Each<kOuts>([&](auto o) __attribute__((always_inline)) {
          uint8_t last[kBlockBytes] = {};
          std::memcpy(last, codes + o * row_bytes_, left * Codes::kBits / 8);
          Add<kOuts>(batch, o, Codes::Load(last), whole, x);
        });
      }
    }
    Each<kOuts>([&](auto o) __attribute__((always_inline)) {
      bf16::StoreSums(batch.totals[o], run_.out + first + o - run_.first, run_.out_stride);
    });
  }

  const ProductRun& run_;
  const Matrix& matrix_;
  size_t groups_;
  size_t padded_;
  size_t row_bytes_;
  size_t scale_bytes_;
  __m512i lane_groups_;
};

// Only the codes that most files have get a form of their own for scales in bf16: each costs a
// second to compile.
template <class Codes, size_t kGroup, size_t kRows>
void DotAll(const ProductRun& run) {
  if constexpr (std::is_same_v<Codes, Whole4> || std::is_same_v<Codes, Whole8>) {
    if (run.matrix->type == FloatType::kBF16) return Rows<Codes, kGroup, kRows, true>(run).All();
  }
  Rows<Codes, kGroup, kRows, false>(run).All();
}

template <class Codes, size_t kRows>
void DotGroups(const ProductRun& run) {
  switch (run.matrix->format.group_size) {
    case 16:
      if constexpr (std::is_same_v<Codes, Floats4>) DotAll<Codes, 16, kRows>(run);
      return;
    case 32:
      return DotAll<Codes, 32, kRows>(run);
    case 64:
      return DotAll<Codes, 64, kRows>(run);
    default:
      return DotAll<Codes, 128, kRows>(run);
  }
}

template <size_t kRows>
void DotRows(const ProductRun& run) {
  if (run.matrix->layout == Layout::kE2M1) return DotGroups<Floats4, kRows>(run);
  switch (run.matrix->format.bits) {
    case 2:
      return DotGroups<WholeBits<2>, kRows>(run);
    case 3:
      return DotGroups<WholeBits<3>, kRows>(run);
    case 4:
      return DotGroups<Whole4, kRows>(run);
    case 5:
      return DotGroups<WholeBits<5>, kRows>(run);
    case 6:
      return DotGroups<WholeBits<6>, kRows>(run);
    default:
      return DotGroups<Whole8, kRows>(run);
  }
}

// 16 numbers as multiples of 1 / inverse.
inline __m512i Steps(const std::byte* x, __m512 inverse) {
  return _mm512_cvtps_epi32(_mm512_mul_ps(bf16::WidenBF16(x), inverse));
}

// The bytes of 32 16-bit numbers that stand for 256 and for 1 a unit.
struct Planes {
  __m256i high, low;
};
inline Planes Split(__m512i numbers) {
  const __m512i most = _mm512_set1_epi16(127);
  const __m512i rounded = _mm512_adds_epi16(numbers, _mm512_set1_epi16(128));
  const __m512i high = _mm512_min_epi16(_mm512_srai_epi16(rounded, 8), most);
  const __m512i low = _mm512_min_epi16(_mm512_sub_epi16(numbers, _mm512_slli_epi16(high, 8)), most);
  return {_mm512_cvtepi16_epi8(high), _mm512_cvtepi16_epi8(low)};
}

// Both planes of 64 numbers in order.
struct Planes64 {
  __m512i high, low;
};
inline Planes64 Split64(const int16_t* numbers) {
  const Planes a = Split(_mm512_loadu_si512(numbers));
  const Planes b = Split(_mm512_loadu_si512(numbers + 32));
  return {_mm512_inserti64x4(_mm512_castsi256_si512(a.high), b.high, 1),
          _mm512_inserti64x4(_mm512_castsi256_si512(a.low), b.low, 1)};
}

inline constexpr std::array<uint8_t, 64> kEvens = [] {
  std::array<uint8_t, 64> from{};
  for (size_t i = 0; i < 64; ++i) from[i] = static_cast<uint8_t>(2 * i);
  return from;
}();

// The planes of a row, then beside it each group's sum, and from padded groups on each group's
// step.
inline void ArrangePlanes(const ArrangeRun& run) {
  const size_t inputs = run.matrix->inputs;
  const size_t size = run.matrix->format.group_size;
  const size_t groups = run.matrix->groups();
  const size_t padded = RoundUp(groups, kVector);
  const bool fours = run.matrix->format.bits == 4;
  const __m512i evens = _mm512_loadu_si512(kEvens.data());
  const __m512i odds = _mm512_add_epi8(evens, _mm512_set1_epi8(1));
  std::fill(run.sums + groups, run.sums + padded, 0.0F);
  std::fill(run.sums + padded + groups, run.sums + 2 * padded, 0.0F);
  constexpr size_t kMost = 128;  // whole groups of every size
  for (size_t at = 0; at < inputs; at += kMost) {
    alignas(64) int16_t numbers[kMost] = {};
    const size_t count = std::min(kMost, inputs - at);
    for (size_t k = 0; k < count; k += size) {
      __m512i largest = _mm512_setzero_si512();
      for (size_t i = 0; i < size; i += kVector) {
        const __m512 value = bf16::WidenBF16(run.x + 2 * (at + k + i));
        largest = _mm512_max_epi32(
            largest, _mm512_and_si512(_mm512_castps_si512(value), _mm512_set1_epi32(0x7fffffff)));
      }
      const int exponent = std::max(_mm512_reduce_max_epi32(largest) >> 23, 20);
      const bool finite = exponent < 255;
      const float step = std::bit_cast<float>(uint32_t(exponent - 14) << 23);
      // 1 / step; a group that is not finite is all zeros, times NaN.
      const float inverse = finite ? std::bit_cast<float>(uint32_t(254 + 14 - exponent) << 23) : 0;
      __m512i sum = _mm512_setzero_si512();
      if (finite) {
        for (size_t i = 0; i < size; i += kVector) {
          const __m512i some = Steps(run.x + 2 * (at + k + i), _mm512_set1_ps(inverse));
          sum = _mm512_add_epi32(sum, some);
          _mm256_storeu_si256(reinterpret_cast<__m256i*>(numbers + k + i),
                              _mm512_cvtepi32_epi16(some));
        }
      }
      const size_t g = (at + k) / size;
      const float scale = finite ? step : std::bit_cast<float>(0x7fc00000U);
      run.sums[g] = static_cast<float>(_mm512_reduce_add_epi32(sum)) * scale;
      run.sums[padded + g] = scale;
    }
    std::byte* out = run.out + 2 * at;
    const Planes64 a = Split64(numbers);
    const Planes64 b = Split64(numbers + 64);
    if (fours) {
      _mm512_storeu_si512(out, _mm512_permutex2var_epi8(a.high, evens, b.high));
      _mm512_storeu_si512(out + 64, _mm512_permutex2var_epi8(a.high, odds, b.high));
      _mm512_storeu_si512(out + 128, _mm512_permutex2var_epi8(a.low, evens, b.low));
      _mm512_storeu_si512(out + 192, _mm512_permutex2var_epi8(a.low, odds, b.low));
    } else {
      _mm512_storeu_si512(out, a.high);
      _mm512_storeu_si512(out + 64, a.low);
      _mm512_storeu_si512(out + 128, b.high);
      _mm512_storeu_si512(out + 192, b.low);
    }
  }
}

}  // namespace ingot::kernels::vnni

#endif  // INGOT_KERNELS_SIMD_VNNI_FEW_H_
