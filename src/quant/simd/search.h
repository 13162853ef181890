// The search behind high effort: for each group the scale (and bias) whose codes come back with the
// least squared error. Here a lane is a group throughout: sixteen groups are laid side by side and
// searched together, value by value.
//
// What it finds is a proposal. The caller decodes it beside the plain encoding and keeps the better
// of the two for each group, so nothing here has to be exact; it has to be the same in every form.
// Groups with values beyond ±2^60, infinite or NaN are read as zeros: their proposals lose.
#ifndef INGOT_QUANT_SIMD_SEARCH_H_
#define INGOT_QUANT_SIMD_SEARCH_H_

#include "quant/fp8.h"
#include "quant/simd/common.h"

namespace ingot::quant {

// Sixteen groups side by side: columns[16 * j + g] is value j of group g, zero for absent groups.
struct GroupColumns {
  alignas(64) float columns[kMaxTileValues];
};

template <class V, FloatType kType>
void LoadColumns(const EncodeRun& run, const GroupRange& tile, GroupColumns& side) {
  const size_t size = run.format.group_size;
  const std::byte* source = run.source + tile.first * size * SizeOf(kType);
  const auto zero = V::Set(0.0f);
  for (size_t g = 0; g < kTileGroups; ++g) {
    for (size_t j = 0; j < size; j += kLanes) {
      auto x = zero;
      if (g < tile.groups) {
        x = V::template LoadAs<kType>(source + (g * size + j) * SizeOf(kType));
        // NaN compares false too.
        x = V::Select(V::Less(V::Abs(x), V::Set(0x1p60f)), x, zero);
      }
      alignas(64) float values[kLanes];
      V::Store(values, x);
      for (size_t i = 0; i < kLanes; ++i) side.columns[kLanes * (j + i) + g] = values[i];
    }
  }
}

// Codes of one column of values, to where each group's codes are.
template <class V>
void StoreColumn(typename V::I codes, size_t j, size_t group_size, uint8_t* groups) {
  uint8_t bytes[kLanes];
  V::StoreBytes(bytes, codes);
  for (size_t g = 0; g < kLanes; ++g) groups[g * group_size + j] = bytes[g];
}

template <class V>
void StorePacked(const EncodeRun& run, const GroupRange& tile, const uint8_t* codes) {
  const size_t bits = run.format.bits;
  const size_t values = tile.groups * run.format.group_size;
  std::byte* out = run.codes + tile.first * run.format.group_size * bits / 8;
  if (bits == 8) {
    std::memcpy(out, codes, values);
    return;
  }
  PackCodes<V>(run.format.bits, codes, values, reinterpret_cast<uint8_t*>(out));
}

// ---- affine

// Parts of the range between the extremes that the search starts from; what lies outside is cut to
// the ends. The fewer codes, the more cutting pays.
struct RangeStarts {
  size_t count;
  float shares[6];
};
constexpr RangeStarts StartsFor(int bits) {
  switch (bits) {
    case 2:
      return {6, {1.0f, 0.9f, 0.8f, 0.7f, 0.6f, 0.5f}};
    case 3:
      return {5, {1.0f, 0.9f, 0.8f, 0.7f, 0.6f}};
    case 4:
      return {4, {1.0f, 0.92f, 0.84f, 0.76f}};
    default:
      return {2, {1.0f, 0.96f}};
  }
}

template <class V, FloatType kType>
class AffineSearch {
 public:
  using F = typename V::F;

  AffineSearch(const GroupColumns& side, size_t size, int bits)
      : side_(side), size_(size), top_(V::Set(static_cast<float>((1 << bits) - 1))) {
    sum_ = V::Set(0.0f);
    low_ = high_ = Value(0);
    for (size_t j = 0; j < size_; ++j) {
      sum_ = V::Add(sum_, Value(j));
      low_ = V::Min(low_, Value(j));
      high_ = V::Max(high_, Value(j));
    }
    best_error_ = V::Set(0x1.fffffep127f);
    best_scale_ = V::Set(1.0f);
    best_bias_ = V::Set(0.0f);
  }

  void Run(const RangeStarts& starts) {
    const F half = V::Set(0.5f);
    const F middle = V::Mul(V::Add(low_, high_), half);
    const F reach = V::Mul(V::Sub(high_, low_), half);
    for (size_t i = 0; i < starts.count; ++i) {
      const F side = V::Mul(reach, V::Set(starts.shares[i]));
      F scale = Usable(V::Div(V::Add(side, side), top_));
      F bias = V::Sub(middle, side);
      // Given codes, least squares has the best scale and bias; given those, rounding the codes.
      Fit(scale, bias);
      Fit(scale, bias);
      Consider(scale, bias);
    }
    if constexpr (kType != FloatType::kF32) TryNeighbours();
  }

  F scale() const { return best_scale_; }
  F bias() const { return best_bias_; }
  // The codes of value j, as the errors were measured with.
  typename V::I CodesOf(size_t j) const {
    const F reciprocal = V::Div(V::Set(1.0f), best_scale_);
    return V::RoundToInt(Code(Value(j), reciprocal, best_bias_));
  }

 private:
  F Value(size_t j) const { return V::Load(side_.columns + kLanes * j); }
  F Code(F x, F reciprocal, F bias) const {
    const F steps = V::RoundEven(V::Mul(V::Sub(x, bias), reciprocal));
    return V::Min(V::Max(steps, V::Set(0.0f)), top_);
  }
  // No smaller than what the type can hold and divide by.
  static F Usable(F scale) {
    return V::Max(scale, V::Set(kType == FloatType::kF16 ? 0x1p-24f : 0x1p-100f));
  }

  struct CodeSums {
    F codes, squares, products;  // of codes, of their squares, of codes and values
  };
  CodeSums SumCodes(F scale, F bias) const {
    const F reciprocal = V::Div(V::Set(1.0f), scale);
    CodeSums sums{V::Set(0.0f), V::Set(0.0f), V::Set(0.0f)};
    for (size_t j = 0; j < size_; ++j) {
      const F x = Value(j);
      const F code = Code(x, reciprocal, bias);
      sums.codes = V::Add(sums.codes, code);
      sums.squares = V::Add(sums.squares, V::Mul(code, code));
      sums.products = V::Add(sums.products, V::Mul(code, V::Sub(x, bias)));
    }
    return sums;
  }

  // Codes for scale and bias, then the line through (code, value) with the least squares.
  void Fit(F& scale, F& bias) const {
    const CodeSums sums = SumCodes(scale, bias);
    const F count = V::Set(static_cast<float>(size_));
    const F rest = V::Sub(sum_, V::Mul(count, bias));  // sum of the values above the old bias
    const F spread = V::Sub(V::Mul(count, sums.squares), V::Mul(sums.codes, sums.codes));
    const F slope = V::Sub(V::Mul(count, sums.products), V::Mul(sums.codes, rest));
    const auto is_line = V::Less(V::Set(0.0f), spread);  // not all codes are the same
    const F divisor = V::Select(is_line, spread, V::Set(1.0f));
    const F fitted = Usable(V::Div(slope, divisor));
    const F shift = V::Div(V::Sub(rest, V::Mul(fitted, sums.codes)), count);
    scale = V::Select(is_line, fitted, scale);
    bias = V::Add(bias, V::Select(is_line, shift, V::Set(0.0f)));
  }

  // As they would be stored.
  void Consider(F scale, F bias) {
    scale = Usable(RoundLanes<V, kType>(scale));
    bias = RoundLanes<V, kType>(bias);
    const F reciprocal = V::Div(V::Set(1.0f), scale);
    F error = V::Set(0.0f);
    for (size_t j = 0; j < size_; ++j) {
      const F x = Value(j);
      const F decoded = V::Add(V::Mul(Code(x, reciprocal, bias), scale), bias);
      const F miss = V::Sub(x, decoded);
      error = V::Add(error, V::Mul(miss, miss));
    }
    const auto is_better = V::Less(error, best_error_);
    best_error_ = V::Select(is_better, error, best_error_);
    best_scale_ = V::Select(is_better, scale, best_scale_);
    best_bias_ = V::Select(is_better, bias, best_bias_);
  }

  // Scales are stored with 8 or 11 significant bits, which the largest codes feel: the next ones up
  // and down, and for each of the three the best bias.
  void TryNeighbours() {
    constexpr uint32_t kStep = kType == FloatType::kF16 ? 1u << 13 : 1u << 16;
    const F scale = best_scale_;
    const F bias = best_bias_;
    const CodeSums sums = SumCodes(scale, bias);
    const F count = V::Set(static_cast<float>(size_));
    const typename V::I bits = V::BitsOf(scale);
    for (int step = -1; step <= 1; ++step) {
      const auto moved = step < 0 ? V::SubInt(bits, V::SetInt(kStep))
                                  : V::AddInt(bits, V::SetInt(step == 0 ? 0 : kStep));
      const F next = Usable(V::FloatOf(moved));
      Consider(next, V::Div(V::Sub(sum_, V::Mul(next, sums.codes)), count));
    }
  }

  const GroupColumns& side_;
  size_t size_;
  F top_, sum_, low_, high_;
  F best_error_, best_scale_, best_bias_;
};

template <class V, FloatType kType>
void SearchAffineTile(const EncodeRun& run, const GroupRange& tile) {
  const size_t size = run.format.group_size;
  GroupColumns side;
  LoadColumns<V, kType>(run, tile, side);
  AffineSearch<V, kType> search(side, size, run.format.bits);
  search.Run(StartsFor(run.format.bits));
  alignas(64) uint8_t codes[kMaxTileValues + kSlack];
  for (size_t j = 0; j < size; ++j) StoreColumn<V>(search.CodesOf(j), j, size, codes);
  StorePacked<V>(run, tile, codes);
  alignas(64) std::byte scales[kLanes * SizeOf(kType)];
  alignas(64) std::byte biases[kLanes * SizeOf(kType)];
  V::template StoreAs<kType>(scales, search.scale());
  V::template StoreAs<kType>(biases, search.bias());
  std::memcpy(run.scales + tile.first * SizeOf(kType), scales, tile.groups * SizeOf(kType));
  std::memcpy(run.biases + tile.first * SizeOf(kType), biases, tile.groups * SizeOf(kType));
}

// ---- float codes

// The code types: Round gives the nearest value of |y| and, in the low byte, its code.
template <class V>
struct RoundedCode {
  typename V::F value;
  typename V::I code;
};

template <class V>
struct E2M1Codes {
  static constexpr float kMost = 6.0f;
  static constexpr int kSignShift = 28;
  static RoundedCode<V> Round(typename V::F y) {
    const auto cut = V::Min(y, V::Set(kMost));
    // As in ToE4M3: 2^(e+22), e at least 0, leaves a whole number of halves of 2^e.
    const auto exponent =
        V::MaxInt(V::And(V::BitsOf(cut), V::SetInt(0x7f800000)), V::SetInt(127u << 23));
    const auto adder = V::FloatOf(V::AddInt(exponent, V::SetInt(22u << 23)));
    const auto sum = V::Add(cut, adder);
    const auto halves = V::And(V::BitsOf(sum), V::SetInt(7));
    const auto doubled = V::SubInt(V::template ShiftRight<22>(exponent), V::SetInt(254));
    return {V::Sub(sum, adder), V::AddInt(halves, doubled)};
  }
};

template <class V>
struct E4M3Codes {
  static constexpr float kMost = 448.0f;
  static constexpr int kSignShift = 24;
  static RoundedCode<V> Round(typename V::F y) {
    const auto code = V::And(ToE4M3<V>(y), V::SetInt(0xff));
    return {FromE4M3<V>(code), code};
  }
};

// Scales that are tried for a group: `first` to `first + count - 1` steps from the plain one.
struct ScaleSteps {
  int first;
  int count;
};

// Powers of two: one more or less is all that can pay.
template <class V>
struct E8M0Scales {
  static constexpr ScaleSteps kSteps = {-2, 4};
  typename V::I plain;  // biased exponents
  E8M0Scales(typename V::F wanted, float) {
    const auto up = V::AddInt(V::BitsOf(wanted), V::SetInt(0x7fffff));
    plain = V::MaxInt(V::template ShiftRight<23>(up), V::SetInt(8));
  }
  typename V::I Code(int step) const {
    return V::AddInt(plain, V::SetInt(static_cast<uint32_t>(step)));
  }
  typename V::F Scale(typename V::I code) const {
    return V::FloatOf(V::template ShiftLeft<23>(code));
  }
};

// E4M3: eight steps halve or double a scale.
template <class V>
struct E4M3Scales {
  static constexpr ScaleSteps kSteps = {-8, 17};
  typename V::I plain;
  float factor;  // of a global scale, when decoding
  E4M3Scales(typename V::F wanted, float decode_factor)
      : plain(V::And(ToE4M3<V>(V::Mul(wanted, V::Set(1.0f / decode_factor))), V::SetInt(0x7f))),
        factor(decode_factor) {}
  typename V::I Code(int step) const {
    const auto code = V::AddInt(plain, V::SetInt(static_cast<uint32_t>(step)));
    return V::MinInt(V::MaxInt(code, V::SetInt(1)), V::SetInt(0x7e));
  }
  typename V::F Scale(typename V::I code) const {
    return V::Mul(FromE4M3<V>(code), V::Set(factor));
  }
};

template <class V, FloatType kType, class Codes, class Scales>
void SearchFpTile(const EncodeRun& run, const GroupRange& tile, float decode_factor) {
  using F = typename V::F;
  using I = typename V::I;
  const size_t size = run.format.group_size;
  GroupColumns side;
  LoadColumns<V, kType>(run, tile, side);
  F most = V::Set(0.0f);
  for (size_t j = 0; j < size; ++j) most = V::Max(most, V::Abs(V::Load(side.columns + kLanes * j)));
  const Scales scales(V::Div(most, V::Set(Codes::kMost)), decode_factor);

  F best_error = V::Set(0x1.fffffep127f);
  I best = scales.Code(0);
  for (int step = 0; step < Scales::kSteps.count; ++step) {
    const I code = scales.Code(Scales::kSteps.first + step);
    const F scale = scales.Scale(code);
    const F reciprocal = V::Div(V::Set(1.0f), scale);
    F error = V::Set(0.0f);
    for (size_t j = 0; j < size; ++j) {
      const F x = V::Abs(V::Load(side.columns + kLanes * j));
      const F value = Codes::Round(V::Mul(x, reciprocal)).value;
      const F miss = V::Sub(x, V::Mul(value, scale));
      error = V::Add(error, V::Mul(miss, miss));
    }
    const auto is_better = V::Less(error, best_error);
    best_error = V::Select(is_better, error, best_error);
    best = V::SelectInt(is_better, code, best);
  }

  alignas(64) uint8_t codes[kMaxTileValues + kSlack];
  const F reciprocal = V::Div(V::Set(1.0f), scales.Scale(best));
  const I none = V::SetInt(0);
  for (size_t j = 0; j < size; ++j) {
    const F x = V::Load(side.columns + kLanes * j);
    const I code = Codes::Round(V::Mul(V::Abs(x), reciprocal)).code;
    const I sign =
        V::template ShiftRight<Codes::kSignShift>(V::And(V::BitsOf(x), V::SetInt(0x80000000u)));
    const I is_signed = V::SelectInt(V::EqualInt(code, none), none, sign);  // no minus zero
    StoreColumn<V>(V::Or(code, is_signed), j, size, codes);
  }
  StorePacked<V>(run, tile, codes);
  uint8_t bytes[kLanes];
  V::StoreBytes(bytes, best);
  std::memcpy(run.scales + tile.first, bytes, tile.groups);
}

// Fills codes, scales and biases of the run with what the search proposes; leaves the marks alone.
template <class V, FloatType kType>
void SearchTyped(const EncodeRun& run) {
  // What a global scale multiplies by when decoding, kept within reach of floats.
  float decode_factor = 1.0f;
  if (run.encode_scale != nullptr) {
    const float wanted = 1.0f / *run.encode_scale;
    if (wanted > 0x1p-60f && wanted < 0x1p60f) decode_factor = wanted;
  }
  for (size_t first = 0; first < run.groups; first += kTileGroups) {
    const GroupRange tile = RangeAt(first, run.groups, kTileGroups);
    switch (run.format.mode) {
      case Mode::kAffine:
        SearchAffineTile<V, kType>(run, tile);
        break;
      case Mode::kMxfp4:
        SearchFpTile<V, kType, E2M1Codes<V>, E8M0Scales<V>>(run, tile, 1.0f);
        break;
      case Mode::kMxfp8:
        SearchFpTile<V, kType, E4M3Codes<V>, E8M0Scales<V>>(run, tile, 1.0f);
        break;
      case Mode::kNvfp4:
        SearchFpTile<V, kType, E2M1Codes<V>, E4M3Scales<V>>(run, tile, decode_factor);
        break;
    }
  }
}

}  // namespace ingot::quant

#endif  // INGOT_QUANT_SIMD_SEARCH_H_
