// The product for few rows, over the lanes of a vector class: each row of weights is read once,
// from where it lies, for up to four rows of activations, which are fp32.
//
// A group's codes are multiplied as they are, and its scale is applied to their sum; zero points
// meet the sums of the activations. So a result is, up to the order of additions, the sum over
// groups of scale * sum(code * x) + bias * sum(x).
#ifndef INGOT_KERNELS_SIMD_FEW_H_
#define INGOT_KERNELS_SIMD_FEW_H_

#include "kernels/simd/lanes.h"

namespace ingot::kernels {

// How far ahead weights are asked for: a row of them is read only once, in order.
inline constexpr size_t kAhead = 2048;

template <class V>
struct Two {
  F<V> a, b;  // 32 numbers in the order of the arranged activations
};

// 4-bit codes as whole numbers; order kSplit32.
template <class V>
struct Codes4 {
  static constexpr size_t kBytes = 16;  // of 32 codes
  static Two<V> Load(const uint8_t* p) {
    const typename V::I bytes = V::LoadBytes(p);
    return {V::FromInt(V::And(bytes, V::SetInt(15))), V::FromInt(V::template ShiftRight<4>(bytes))};
  }
  static F<V> Weigh(F<V> sum) { return sum; }
};
// 4-bit floats; order kSplit32.
template <class V>
struct CodesE2M1 {
  static constexpr size_t kBytes = 16;
  static Two<V> Load(const uint8_t* p) {
    const typename V::I bytes = V::LoadBytes(p);
    const F<V> values = V::Load(quant::kE2M1Values);
    return {V::Lookup(values, bytes), V::Lookup(values, V::template ShiftRight<4>(bytes))};
  }
  static F<V> Weigh(F<V> sum) { return sum; }
};
// A code a byte.
template <class V>
struct Codes8 {
  static constexpr size_t kBytes = 32;
  static Two<V> Load(const uint8_t* p) {
    return {V::FromInt(V::LoadBytes(p)), V::FromInt(V::LoadBytes(p + 16))};
  }
  static F<V> Weigh(F<V> sum) { return sum; }
};
// 8-bit floats, none of them NaN, times 2^-8.
template <class V>
struct CodesE4M3 {
  static constexpr size_t kBytes = 32;
  static Two<V> Load(const uint8_t* p) { return {V::LoadE4M3(p), V::LoadE4M3(p + 16)}; }
  static F<V> Weigh(F<V> sum) { return V::Mul(sum, V::Set(256)); }
};

template <class V, class Codes, size_t kRows>
void AddBlock(const uint8_t* codes, const float* const* x, size_t at, F<V>* sums) {
  const Two<V> w = Codes::Load(codes);
  for (size_t r = 0; r < kRows; ++r) {
    sums[r] = V::MulAdd(w.a, V::Load(x[r] + at), sums[r]);
    sums[r] = V::MulAdd(w.b, V::Load(x[r] + at + kVector), sums[r]);
  }
}

// The lanes of two groups of 16 codes that were read together: eight lanes a group.
template <class V>
F<V> PairOfScales(F<V> scales, size_t pair) {
  static constexpr uint8_t kHalves[kVector] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1};
  return V::Lookup(scales, V::AddInt(V::LoadBytes(kHalves), V::SetInt(uint32_t(2 * pair))));
}

// Up to 16 groups from `group` of their row on; codes are theirs, unpacked where that is needed.
template <class V, class Codes, size_t kRows>
void AddGroups(const Matrix& matrix, F<V> scales, size_t group, size_t count, const uint8_t* codes,
               const float* const* x, F<V>* totals) {
  const size_t size = matrix.format.group_size;
  size_t at = group * size;
  if (size == 16) {
    for (size_t pair = 0; 2 * pair < count; ++pair, at += 32, codes += Codes::kBytes) {
      F<V> sums[kRows];
      for (F<V>& sum : sums) sum = V::Set(0);
      uint8_t last[Codes::kBytes] = {};
      const uint8_t* from = codes;
      if (2 * pair + 1 == count) {  // half a block: the other half is not ours to read
        std::memcpy(last, codes, Codes::kBytes / 2);
        from = last;
      }
      AddBlock<V, Codes, kRows>(from, x, at, sums);
      const F<V> scale = PairOfScales<V>(scales, pair);
      for (size_t r = 0; r < kRows; ++r) totals[r] = V::MulAdd(sums[r], scale, totals[r]);
    }
    return;
  }
  alignas(64) float each[kVector];
  V::Store(each, scales);
  for (size_t g = 0; g < count; ++g) {
    F<V> sums[kRows];
    for (F<V>& sum : sums) sum = V::Set(0);
    for (size_t i = 0; i < size; i += 32, at += 32, codes += Codes::kBytes) {
      __builtin_prefetch(codes + kAhead);
      AddBlock<V, Codes, kRows>(codes, x, at, sums);
    }
    const F<V> scale = V::Set(each[g]);
    for (size_t r = 0; r < kRows; ++r) {
      totals[r] = V::MulAdd(Codes::Weigh(sums[r]), scale, totals[r]);
    }
  }
}

// The codes of `count` groups from `group` of row `output` on, one a byte where they are not of 4
// or 8 bits.
template <class V>
class CodesOf {
 public:
  const uint8_t* At(const Matrix& matrix, size_t output, size_t group, size_t count) {
    const size_t group_bytes = size_t{matrix.format.group_size} * matrix.format.bits / 8;
    const size_t offset = output * matrix.row_bytes() + group * group_bytes;
    const auto* codes = reinterpret_cast<const uint8_t*>(matrix.values) + offset;
    const int bits = matrix.format.bits;
    if (bits == 4 || bits == 8) return codes;
    const size_t bytes = count * group_bytes;
    if (matrix.outputs * matrix.row_bytes() - offset - bytes < quant::kSlack) {
      std::memcpy(packed_, codes, bytes);  // unpacking may read beyond the last codes
      codes = packed_;
    }
    quant::UnpackCodes<V>(bits, codes, count * matrix.format.group_size, unpacked_);
    return unpacked_;
  }

 private:
  alignas(64) uint8_t packed_[quant::kMaxTileValues + 2 * quant::kSlack];
  alignas(64) uint8_t unpacked_[quant::kMaxTileValues + quant::kSlack];
};

// Whether a row of 8-bit floats holds a NaN: its products then are NaN, too.
template <class V>
bool AnyNan(const uint8_t* codes, size_t count) {
  bool any = false;
  for (; count >= 64; count -= 64, codes += 64) any |= V::AnyE4M3Nan(codes);
  uint8_t last[64] = {};
  std::memcpy(last, codes, count);
  return any || V::AnyE4M3Nan(last);
}

template <class V, class Codes, size_t kRows>
void FewOfCodes(const ProductRun& run) {
  const Matrix& matrix = *run.matrix;
  const size_t groups = matrix.groups();
  const float* x[kRows];
  for (size_t r = 0; r < kRows; ++r) {
    x[r] = reinterpret_cast<const float*>(run.x + r * run.x_stride);
  }
  CodesOf<V> codes;
  for (size_t n = run.first; n < run.first + run.count; ++n) {
    F<V> totals[kRows];
    for (F<V>& total : totals) total = V::Set(0);
    for (size_t g = 0; g < groups; g += kVector) {
      const size_t count = groups - g < kVector ? groups - g : kVector;
      const F<V> scales = LoadScales<V>(matrix, n * groups + g, count);
      if (matrix.biases != nullptr) {
        const size_t size = quant::SizeOf(matrix.type);
        const F<V> biases =
            LoadFloats<V>(matrix.type, matrix.biases + (n * groups + g) * size, count);
        for (size_t r = 0; r < kRows; ++r) {
          totals[r] = V::MulAdd(biases, V::Load(run.sums + r * run.sums_stride + g), totals[r]);
        }
      }
      AddGroups<V, Codes, kRows>(matrix, scales, g, count, codes.At(matrix, n, g, count), x,
                                 totals);
    }
    const bool is_nan = matrix.layout == Layout::kE4M3 &&
                        AnyNan<V>(reinterpret_cast<const uint8_t*>(matrix.row(n)), matrix.inputs);
    for (size_t r = 0; r < kRows; ++r) {
      run.out[r * run.out_stride + n - run.first] =
          is_nan ? quant::F32FromE4M3(0x7f) : Sum<V>(totals[r]);
    }
  }
}

template <class V, FloatType kType, size_t kRows>
void FewOfDense(const ProductRun& run) {
  const Matrix& matrix = *run.matrix;
  constexpr size_t kSize = quant::SizeOf(kType);
  const size_t whole = matrix.inputs / 32 * 32;
  const float* x[kRows];
  for (size_t r = 0; r < kRows; ++r) {
    x[r] = reinterpret_cast<const float*>(run.x + r * run.x_stride);
  }
  for (size_t n = run.first; n < run.first + run.count; ++n) {
    const std::byte* row = matrix.row(n);
    F<V> even[kRows];
    F<V> odd[kRows];
    for (size_t r = 0; r < kRows; ++r) even[r] = odd[r] = V::Set(0);
    const auto add = [&](const std::byte* from, size_t at) {
      const F<V> a = V::template LoadAs<kType>(from);
      const F<V> b = V::template LoadAs<kType>(from + kVector * kSize);
      for (size_t r = 0; r < kRows; ++r) {
        even[r] = V::MulAdd(a, V::Load(x[r] + at), even[r]);
        odd[r] = V::MulAdd(b, V::Load(x[r] + at + kVector), odd[r]);
      }
    };
    for (size_t k = 0; k < whole; k += 32) {
      __builtin_prefetch(row + k * kSize + kAhead);
      add(row + k * kSize, k);
    }
    if (whole < matrix.inputs) {
      std::byte last[32 * kSize] = {};
      std::memcpy(last, row + whole * kSize, (matrix.inputs - whole) * kSize);
      add(last, whole);
    }
    for (size_t r = 0; r < kRows; ++r) {
      run.out[r * run.out_stride + n - run.first] = Sum<V>(V::Add(even[r], odd[r]));
    }
  }
}

template <class V, size_t kRows>
void FewRows(const ProductRun& run) {
  const Matrix& matrix = *run.matrix;
  switch (matrix.layout) {
    case Layout::kAffine:
      return matrix.format.bits == 4 ? FewOfCodes<V, Codes4<V>, kRows>(run)
                                     : FewOfCodes<V, Codes8<V>, kRows>(run);
    case Layout::kE2M1:
      return FewOfCodes<V, CodesE2M1<V>, kRows>(run);
    case Layout::kE4M3:
      return FewOfCodes<V, CodesE4M3<V>, kRows>(run);
    case Layout::kDense:
      break;
  }
  switch (matrix.type) {
    case FloatType::kF32:
      return FewOfDense<V, FloatType::kF32, kRows>(run);
    case FloatType::kF16:
      return FewOfDense<V, FloatType::kF16, kRows>(run);
    case FloatType::kBF16:
      return FewOfDense<V, FloatType::kBF16, kRows>(run);
  }
}

// Any number of rows: four at a time, then two, then one.
template <class V>
void Few(const ProductRun& run) {
  struct By {
    size_t rows;
    void (*call)(const ProductRun&);
  };
  constexpr By kBy[] = {{4, FewRows<V, 4>}, {2, FewRows<V, 2>}, {1, FewRows<V, 1>}};
  ProductRun part = run;
  size_t done = 0;
  for (const By& by : kBy) {
    for (; run.rows - done >= by.rows; done += by.rows) {
      part.rows = by.rows;
      part.x = run.x + done * run.x_stride;
      part.sums = run.sums + done * run.sums_stride;
      part.out = run.out + done * run.out_stride;
      by.call(part);
    }
  }
}

}  // namespace ingot::kernels

#endif  // INGOT_KERNELS_SIMD_FEW_H_
