// Sixteen lanes as an array: C++ alone, for any machine, and what the other forms are tested
// against. See vec.h for what the operations promise.
#ifndef INGOT_QUANT_SIMD_VEC_PORTABLE_H_
#define INGOT_QUANT_SIMD_VEC_PORTABLE_H_

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "quant/simd/layout.h"
#include "quant/simd/vec.h"

namespace ingot::quant {

struct Portable {
  struct F {
    float lane[kLanes];
  };
  struct I {
    uint32_t lane[kLanes];
  };
  struct M {
    bool lane[kLanes];
  };
  struct W {
    int16_t lane[2 * kLanes];
  };

  // lane i of the result is function(lane i of each argument).
  template <typename To, typename Function, typename... From>
  static To Map(Function function, const From&... from) {
    To to;
    for (size_t i = 0; i < kLanes; ++i) to.lane[i] = function(from.lane[i]...);
    return to;
  }

  static F Set(float x) {
    F to;
    std::fill_n(to.lane, kLanes, x);
    return to;
  }
  static I SetInt(uint32_t x) {
    I to;
    std::fill_n(to.lane, kLanes, x);
    return to;
  }
  static F Load(const float* p) {
    F to;
    std::memcpy(to.lane, p, sizeof to.lane);
    return to;
  }
  static void Store(float* p, const F& x) { std::memcpy(p, x.lane, sizeof x.lane); }

  template <FloatType kType>
  static F LoadAs(const std::byte* p) {
    F to;
    for (size_t i = 0; i < kLanes; ++i) to.lane[i] = LoadFloat(kType, p, i);
    return to;
  }
  template <FloatType kType>
  static void StoreAs(std::byte* p, const F& x) {
    for (size_t i = 0; i < kLanes; ++i) StoreFloat(kType, x.lane[i], p, i);
  }
  static F ThroughF16(const F& x) {
    return Map<F>([](float a) { return RoundTo(FloatType::kF16, a); }, x);
  }
  static F FromF16Bits(const I& halves) {
    return Map<F>([](uint32_t a) { return F32FromF16(static_cast<uint16_t>(a)); }, halves);
  }

  static F LoadE4M3(const uint8_t* p) {
    F to;
    for (size_t i = 0; i < kLanes; ++i) {
      const uint32_t half = (p[i] & 0x7fu) << 7 | (p[i] & 0x80u) << 8;
      to.lane[i] = F32FromF16(static_cast<uint16_t>(half));
    }
    return to;
  }
  static I LoadBytes(const uint8_t* p) {
    I to;
    for (size_t i = 0; i < kLanes; ++i) to.lane[i] = p[i];
    return to;
  }
  static I LoadSigned(const uint8_t* p) {
    I to;
    for (size_t i = 0; i < kLanes; ++i) {
      to.lane[i] = static_cast<uint32_t>(static_cast<int32_t>(static_cast<int8_t>(p[i])));
    }
    return to;
  }
  static void StoreBytes(uint8_t* p, const I& x) {
    for (size_t i = 0; i < kLanes; ++i) p[i] = static_cast<uint8_t>(x.lane[i]);
  }

  static void StoreClamped(uint8_t* p, const I& x) {
    for (size_t i = 0; i < kLanes; ++i) p[i] = static_cast<uint8_t>(std::min(x.lane[i], 255u));
  }

  static F Add(const F& a, const F& b) {
    return Map<F>([](float x, float y) { return x + y; }, a, b);
  }
  static F Sub(const F& a, const F& b) {
    return Map<F>([](float x, float y) { return x - y; }, a, b);
  }
  static F Mul(const F& a, const F& b) {
    return Map<F>([](float x, float y) { return x * y; }, a, b);
  }
  static F Div(const F& a, const F& b) {
    return Map<F>([](float x, float y) { return x / y; }, a, b);
  }
  static F Min(const F& a, const F& b) {
    return Map<F>([](float x, float y) { return x < y ? x : y; }, a, b);
  }
  static F Max(const F& a, const F& b) {
    return Map<F>([](float x, float y) { return x > y ? x : y; }, a, b);
  }
  static F Abs(const F& a) {
    return Map<F>([](float x) { return std::fabs(x); }, a);
  }
  static F SubProduct(const F& c, const F& a, const F& b) { return Sub(c, Mul(a, b)); }
  static F RoundEven(const F& a) {
    return Map<F>([](float x) { return std::nearbyint(x); }, a);
  }
  static F Quotient(const F& a, const F& b, const F&) { return Div(a, b); }
  static F Taint(const F& sum, const F& x) {
    return Map<F>([](float s, float y) { return s + y * 0.0f; }, sum, x);
  }

  static I RoundToInt(const F& a) {
    // At 1.5 * 2^23 floats are whole numbers, so the addition rounds; codes are far below that.
    return Map<I>(
        [](float x) {
          constexpr float kWhole = 0x1.8p23f;
          return std::bit_cast<uint32_t>(x + kWhole) - std::bit_cast<uint32_t>(kWhole);
        },
        a);
  }
  static I Truncate(const F& a) {
    return Map<I>(
        [](float x) { return std::isnan(x) ? 0u : static_cast<uint32_t>(static_cast<int32_t>(x)); },
        a);
  }
  static F FromInt(const I& a) {
    return Map<F>([](uint32_t x) { return static_cast<float>(static_cast<int32_t>(x)); }, a);
  }
  static I BitsOf(const F& a) { return std::bit_cast<I>(a); }
  static F FloatOf(const I& a) { return std::bit_cast<F>(a); }
  static I AddInt(const I& a, const I& b) {
    return Map<I>([](uint32_t x, uint32_t y) { return x + y; }, a, b);
  }
  static I SubInt(const I& a, const I& b) {
    return Map<I>([](uint32_t x, uint32_t y) { return x - y; }, a, b);
  }
  static I MinInt(const I& a, const I& b) {
    return Map<I>(
        [](uint32_t x, uint32_t y) {
          return static_cast<int32_t>(x) < static_cast<int32_t>(y) ? x : y;
        },
        a, b);
  }
  static I MaxInt(const I& a, const I& b) {
    return Map<I>(
        [](uint32_t x, uint32_t y) {
          return static_cast<int32_t>(x) > static_cast<int32_t>(y) ? x : y;
        },
        a, b);
  }
  static I And(const I& a, const I& b) {
    return Map<I>([](uint32_t x, uint32_t y) { return x & y; }, a, b);
  }
  static I Or(const I& a, const I& b) {
    return Map<I>([](uint32_t x, uint32_t y) { return x | y; }, a, b);
  }
  static I Xor(const I& a, const I& b) {
    return Map<I>([](uint32_t x, uint32_t y) { return x ^ y; }, a, b);
  }
  template <int kBits>
  static I ShiftLeft(const I& a) {
    return Map<I>([](uint32_t x) { return x << kBits; }, a);
  }
  template <int kBits>
  static I ShiftRight(const I& a) {
    return Map<I>([](uint32_t x) { return x >> kBits; }, a);
  }

  static M Less(const F& a, const F& b) {
    return Map<M>([](float x, float y) { return x < y; }, a, b);
  }
  static M Equal(const F& a, const F& b) {
    return Map<M>([](float x, float y) { return x == y; }, a, b);
  }
  static M LessInt(const I& a, const I& b) {
    return Map<M>(
        [](uint32_t x, uint32_t y) { return static_cast<int32_t>(x) < static_cast<int32_t>(y); }, a,
        b);
  }
  static M EqualInt(const I& a, const I& b) {
    return Map<M>([](uint32_t x, uint32_t y) { return x == y; }, a, b);
  }
  static F Select(const M& m, const F& yes, const F& no) {
    return Map<F>([](bool c, float x, float y) { return c ? x : y; }, m, yes, no);
  }
  static I SelectInt(const M& m, const I& yes, const I& no) {
    return Map<I>([](bool c, uint32_t x, uint32_t y) { return c ? x : y; }, m, yes, no);
  }
  static uint32_t Mask(const M& m) {
    uint32_t bits = 0;
    for (size_t i = 0; i < kLanes; ++i) bits |= uint32_t{m.lane[i]} << i;
    return bits;
  }

  static F Lookup(const F& table, const I& index) {
    return Map<F>([&](uint32_t i) { return table.lane[i & 15u]; }, index);
  }

  template <typename Op>
  static F ReduceTile(const F* rows) {
    F to;
    for (size_t row = 0; row < kLanes; ++row) {
      F rest = rows[row];
      for (size_t half = kLanes / 2; half > 0; half /= 2) {
        F moved = rest;
        std::copy_n(rest.lane + half, half, moved.lane);
        rest = Op::template Apply<Portable>(rest, moved);
      }
      to.lane[row] = rest.lane[0];
    }
    return to;
  }

  static W LoadWide(const std::byte* p) { return LoadPair(p, p + 32); }
  static W LoadPair(const std::byte* p, const std::byte* q) {
    W to;
    std::memcpy(to.lane, p, 32);
    std::memcpy(to.lane + kLanes, q, 32);
    return to;
  }
  template <typename Function, typename... From>
  static W MapWide(Function function, const From&... from) {
    W to;
    for (size_t i = 0; i < 2 * kLanes; ++i) to.lane[i] = function(from.lane[i]...);
    return to;
  }
  static W MinWide(const W& a, const W& b) {
    return MapWide([](int16_t x, int16_t y) { return x < y ? x : y; }, a, b);
  }
  static W MaxWide(const W& a, const W& b) {
    return MapWide([](int16_t x, int16_t y) { return x > y ? x : y; }, a, b);
  }
  static W MagnitudeWide(const W& x) {
    return MapWide([](int16_t a) { return static_cast<int16_t>(a & 0x7fff); }, x);
  }
  static W OrderedWide(const W& x) {
    return MapWide([](int16_t a) { return static_cast<int16_t>(a ^ ((a >> 15) & 0x7fff)); }, x);
  }
  template <typename Op>
  static W HalveWide(const W& a, const W& b) {
    W low;
    W high;
    std::copy_n(a.lane, kLanes, low.lane);
    std::copy_n(b.lane, kLanes, low.lane + kLanes);
    std::copy_n(a.lane + kLanes, kLanes, high.lane);
    std::copy_n(b.lane + kLanes, kLanes, high.lane + kLanes);
    return Op::template Apply<Portable>(low, high);
  }
  template <typename Op>
  static I ReducePairs(const W* rows) {
    I to;
    for (size_t i = 0; i < kLanes / 2; ++i) {
      W rest = rows[i];  // eight, four, two lanes left of each half
      for (size_t left = kLanes / 2; left >= 2; left /= 2) {
        W moved = rest;
        std::copy_n(rest.lane + left, left, moved.lane);
        std::copy_n(rest.lane + kLanes + left, left, moved.lane + kLanes);
        rest = Op::template Apply<Portable>(rest, moved);
      }
      std::memcpy(&to.lane[i], rest.lane, 4);
      std::memcpy(&to.lane[i + 8], rest.lane + kLanes, 4);
    }
    return to;
  }
  static I LowInt(const I& x) {
    return Map<I>(
        [](uint32_t a) { return static_cast<uint32_t>(int32_t{static_cast<int16_t>(a)}); }, x);
  }
  static I HighInt(const I& x) { return LowInt(ShiftRight<16>(x)); }

  template <int kBits>
  static void Pack64(const uint8_t* codes, uint8_t* out) {
    for (size_t i = 0; i < 8; ++i) {
      uint8_t cut[8];
      for (size_t j = 0; j < 8; ++j) {
        cut[j] = std::min<uint8_t>(codes[8 * i + j], (1 << kBits) - 1);
      }
      uint64_t word = 0;
      std::memcpy(&word, cut, 8);
      word = PackWord<kBits>(word);
      std::memcpy(out + kBits * i, &word, kBits);
    }
  }
  template <int kBits>
  static void Unpack64(const uint8_t* in, uint8_t* codes) {
    for (size_t i = 0; i < 8; ++i) {
      uint64_t word = 0;
      std::memcpy(&word, in + kBits * i, kBits);
      word = UnpackWord<kBits>(word);
      std::memcpy(codes + 8 * i, &word, 8);
    }
  }

  static bool AnyE4M3Nan(const uint8_t* p) {
    return std::any_of(p, p + 64, [](uint8_t code) { return (code & 0x7f) == 0x7f; });
  }
  static void E2M1FromQuarters(uint8_t* p) {
    for (size_t i = 0; i < 64; ++i) {
      const int quarters = std::clamp<int>(static_cast<int8_t>(p[i]), -kMaxQuarters, kMaxQuarters);
      p[i] = kE2M1ByQuarters[static_cast<size_t>(quarters & 63)];
    }
  }

  static void StreamOut(std::byte* to, const std::byte* from, size_t bytes) {
    std::memcpy(to, from, bytes);
  }
};

}  // namespace ingot::quant

#endif  // INGOT_QUANT_SIMD_VEC_PORTABLE_H_
