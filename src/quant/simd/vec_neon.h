// Sixteen lanes as four Advanced SIMD registers of AArch64. See vec.h for what the operations
// promise.
#ifndef INGOT_QUANT_SIMD_VEC_NEON_H_
#define INGOT_QUANT_SIMD_VEC_NEON_H_

#include <arm_neon.h>

#include <cstring>

#include "quant/simd/layout.h"
#include "quant/simd/vec.h"

namespace ingot::quant {

struct Neon {
  struct F {
    float32x4_t v[4];
  };
  struct I {
    uint32x4_t v[4];
  };
  using M = I;  // all bits of a lane
  struct W {
    int16x8_t v[4];
  };

  // Register i of the result is function(register i of each argument).
  template <typename To, typename Function, typename... From>
  static To Map(Function function, const From&... from) {
    To to;
    for (int i = 0; i < 4; ++i) to.v[i] = function(from.v[i]...);
    return to;
  }
  static int32x4_t Signed(uint32x4_t x) { return vreinterpretq_s32_u32(x); }
  static uint32x4_t Unsigned(int32x4_t x) { return vreinterpretq_u32_s32(x); }

  static F Set(float x) {
    const float32x4_t v = vdupq_n_f32(x);
    return {{v, v, v, v}};
  }
  static I SetInt(uint32_t x) {
    const uint32x4_t v = vdupq_n_u32(x);
    return {{v, v, v, v}};
  }
  static F Load(const float* p) {
    return {{vld1q_f32(p), vld1q_f32(p + 4), vld1q_f32(p + 8), vld1q_f32(p + 12)}};
  }
  static void Store(float* p, const F& x) {
    for (int i = 0; i < 4; ++i) vst1q_f32(p + 4 * i, x.v[i]);
  }

  template <FloatType kType>
  static F LoadAs(const std::byte* p) {
    F to;
    for (int i = 0; i < 4; ++i) {
      // Through bytes, which need no alignment.
      if constexpr (kType == FloatType::kF32) {
        to.v[i] = vreinterpretq_f32_u8(vld1q_u8(reinterpret_cast<const uint8_t*>(p) + 16 * i));
      } else {
        const uint16x4_t half =
            vreinterpret_u16_u8(vld1_u8(reinterpret_cast<const uint8_t*>(p) + 8 * i));
        if constexpr (kType == FloatType::kF16) {
          to.v[i] = vcvt_f32_f16(vreinterpret_f16_u16(half));
        } else {
          to.v[i] = vreinterpretq_f32_u32(vshll_n_u16(half, 16));
        }
      }
    }
    return to;
  }
  template <FloatType kType>
  static void StoreAs(std::byte* p, const F& x) {
    auto* bytes = reinterpret_cast<uint8_t*>(p);
    for (int i = 0; i < 4; ++i) {
      if constexpr (kType == FloatType::kF32) {
        vst1q_u8(bytes + 16 * i, vreinterpretq_u8_f32(x.v[i]));
      } else if constexpr (kType == FloatType::kF16) {
        vst1_u8(bytes + 8 * i, vreinterpret_u8_f16(vcvt_f16_f32(x.v[i])));
      } else {
        vst1_u8(bytes + 8 * i, vreinterpret_u8_u16(vshrn_n_u32(vreinterpretq_u32_f32(x.v[i]), 16)));
      }
    }
  }
  static F ThroughF16(const F& x) {
    return Map<F>([](float32x4_t a) { return vcvt_f32_f16(vcvt_f16_f32(a)); }, x);
  }
  static F FromF16Bits(const I& halves) {
    return Map<F>([](uint32x4_t a) { return vcvt_f32_f16(vreinterpret_f16_u16(vmovn_u32(a))); },
                  halves);
  }

  static F LoadE4M3(const uint8_t* p) {
    // The seven bits become the upper ones of a half's exponent and mantissa; the sign, extended,
    // is there twice.
    const int8x16_t bytes = vreinterpretq_s8_u8(vld1q_u8(p));
    const uint16x8_t once = vdupq_n_u16(0xbfff);
    const uint16x8_t low =
        vandq_u16(vreinterpretq_u16_s16(vshlq_n_s16(vmovl_s8(vget_low_s8(bytes)), 7)), once);
    const uint16x8_t high =
        vandq_u16(vreinterpretq_u16_s16(vshlq_n_s16(vmovl_s8(vget_high_s8(bytes)), 7)), once);
    return {{vcvt_f32_f16(vreinterpret_f16_u16(vget_low_u16(low))),
             vcvt_f32_f16(vreinterpret_f16_u16(vget_high_u16(low))),
             vcvt_f32_f16(vreinterpret_f16_u16(vget_low_u16(high))),
             vcvt_f32_f16(vreinterpret_f16_u16(vget_high_u16(high)))}};
  }
  static I LoadSigned(const uint8_t* p) {
    const int8x16_t bytes = vreinterpretq_s8_u8(vld1q_u8(p));
    const int16x8_t low = vmovl_s8(vget_low_s8(bytes));
    const int16x8_t high = vmovl_s8(vget_high_s8(bytes));
    const auto wide = [](int16x4_t half) { return vreinterpretq_u32_s32(vmovl_s16(half)); };
    return {{wide(vget_low_s16(low)), wide(vget_high_s16(low)), wide(vget_low_s16(high)),
             wide(vget_high_s16(high))}};
  }
  static I LoadBytes(const uint8_t* p) {
    const uint8x16_t bytes = vld1q_u8(p);
    const uint16x8_t low = vmovl_u8(vget_low_u8(bytes));
    const uint16x8_t high = vmovl_u8(vget_high_u8(bytes));
    return {{vmovl_u16(vget_low_u16(low)), vmovl_u16(vget_high_u16(low)),
             vmovl_u16(vget_low_u16(high)), vmovl_u16(vget_high_u16(high))}};
  }
  // The low byte of each lane.
  static uint8x16_t NarrowBytes(const I& x) {
    const uint16x8_t low = vcombine_u16(vmovn_u32(x.v[0]), vmovn_u32(x.v[1]));
    const uint16x8_t high = vcombine_u16(vmovn_u32(x.v[2]), vmovn_u32(x.v[3]));
    return vcombine_u8(vmovn_u16(low), vmovn_u16(high));
  }
  static void StoreBytes(uint8_t* p, const I& x) { vst1q_u8(p, NarrowBytes(x)); }

  static void StoreClamped(uint8_t* p, const I& x) {
    const uint16x8_t low = vcombine_u16(vqmovn_u32(x.v[0]), vqmovn_u32(x.v[1]));
    const uint16x8_t high = vcombine_u16(vqmovn_u32(x.v[2]), vqmovn_u32(x.v[3]));
    vst1q_u8(p, vcombine_u8(vqmovn_u16(low), vqmovn_u16(high)));
  }

  static F Add(const F& a, const F& b) {
    return Map<F>([](float32x4_t x, float32x4_t y) { return vaddq_f32(x, y); }, a, b);
  }
  static F Sub(const F& a, const F& b) {
    return Map<F>([](float32x4_t x, float32x4_t y) { return vsubq_f32(x, y); }, a, b);
  }
  static F Mul(const F& a, const F& b) {
    return Map<F>([](float32x4_t x, float32x4_t y) { return vmulq_f32(x, y); }, a, b);
  }
  static F Div(const F& a, const F& b) {
    return Map<F>([](float32x4_t x, float32x4_t y) { return vdivq_f32(x, y); }, a, b);
  }
  static F Min(const F& a, const F& b) {
    return Map<F>([](float32x4_t x, float32x4_t y) { return vminq_f32(x, y); }, a, b);
  }
  static F Max(const F& a, const F& b) {
    return Map<F>([](float32x4_t x, float32x4_t y) { return vmaxq_f32(x, y); }, a, b);
  }
  static F Abs(const F& a) {
    return Map<F>([](float32x4_t x) { return vabsq_f32(x); }, a);
  }
  static F SubProduct(const F& c, const F& a, const F& b) {
    return Map<F>([](float32x4_t z, float32x4_t x, float32x4_t y) { return vfmsq_f32(z, x, y); }, c,
                  a, b);
  }
  static F RoundEven(const F& a) {
    return Map<F>([](float32x4_t x) { return vrndnq_f32(x); }, a);
  }
  static F Quotient(const F& a, const F& b, const F& reciprocal) {
    return Map<F>(
        [](float32x4_t x, float32x4_t y, float32x4_t r) {
          const float32x4_t first = vmulq_f32(x, r);
          return vfmaq_f32(first, vfmsq_f32(x, first, y), r);
        },
        a, b, reciprocal);
  }
  static F Taint(const F& sum, const F& x) {
    return Map<F>([](float32x4_t s, float32x4_t y) { return vfmaq_f32(s, y, vdupq_n_f32(0.0f)); },
                  sum, x);
  }

  static I RoundToInt(const F& a) {
    return Map<I>([](float32x4_t x) { return Unsigned(vcvtnq_s32_f32(x)); }, a);
  }
  static I Truncate(const F& a) {
    return Map<I>([](float32x4_t x) { return Unsigned(vcvtq_s32_f32(x)); }, a);
  }
  static F FromInt(const I& a) {
    return Map<F>([](uint32x4_t x) { return vcvtq_f32_s32(Signed(x)); }, a);
  }
  static I BitsOf(const F& a) {
    return Map<I>([](float32x4_t x) { return vreinterpretq_u32_f32(x); }, a);
  }
  static F FloatOf(const I& a) {
    return Map<F>([](uint32x4_t x) { return vreinterpretq_f32_u32(x); }, a);
  }
  static I AddInt(const I& a, const I& b) {
    return Map<I>([](uint32x4_t x, uint32x4_t y) { return vaddq_u32(x, y); }, a, b);
  }
  static I SubInt(const I& a, const I& b) {
    return Map<I>([](uint32x4_t x, uint32x4_t y) { return vsubq_u32(x, y); }, a, b);
  }
  static I MinInt(const I& a, const I& b) {
    return Map<I>(
        [](uint32x4_t x, uint32x4_t y) { return Unsigned(vminq_s32(Signed(x), Signed(y))); }, a, b);
  }
  static I MaxInt(const I& a, const I& b) {
    return Map<I>(
        [](uint32x4_t x, uint32x4_t y) { return Unsigned(vmaxq_s32(Signed(x), Signed(y))); }, a, b);
  }
  static I And(const I& a, const I& b) {
    return Map<I>([](uint32x4_t x, uint32x4_t y) { return vandq_u32(x, y); }, a, b);
  }
  static I Or(const I& a, const I& b) {
    return Map<I>([](uint32x4_t x, uint32x4_t y) { return vorrq_u32(x, y); }, a, b);
  }
  static I Xor(const I& a, const I& b) {
    return Map<I>([](uint32x4_t x, uint32x4_t y) { return veorq_u32(x, y); }, a, b);
  }
  template <int kBits>
  static I ShiftLeft(const I& a) {
    return Map<I>([](uint32x4_t x) { return vshlq_n_u32(x, kBits); }, a);
  }
  template <int kBits>
  static I ShiftRight(const I& a) {
    return Map<I>([](uint32x4_t x) { return vshrq_n_u32(x, kBits); }, a);
  }

  static M Less(const F& a, const F& b) {
    return Map<M>([](float32x4_t x, float32x4_t y) { return vcltq_f32(x, y); }, a, b);
  }
  static M Equal(const F& a, const F& b) {
    return Map<M>([](float32x4_t x, float32x4_t y) { return vceqq_f32(x, y); }, a, b);
  }
  static M LessInt(const I& a, const I& b) {
    return Map<M>([](uint32x4_t x, uint32x4_t y) { return vcltq_s32(Signed(x), Signed(y)); }, a, b);
  }
  static M EqualInt(const I& a, const I& b) {
    return Map<M>([](uint32x4_t x, uint32x4_t y) { return vceqq_u32(x, y); }, a, b);
  }
  static F Select(const M& m, const F& yes, const F& no) {
    return Map<F>([](uint32x4_t c, float32x4_t x, float32x4_t y) { return vbslq_f32(c, x, y); }, m,
                  yes, no);
  }
  static I SelectInt(const M& m, const I& yes, const I& no) {
    return Map<I>([](uint32x4_t c, uint32x4_t x, uint32x4_t y) { return vbslq_u32(c, x, y); }, m,
                  yes, no);
  }
  static uint32_t Mask(const M& m) {
    static constexpr uint8_t kWeights[16] = {1, 2, 4, 8, 16, 32, 64, 128,
                                             1, 2, 4, 8, 16, 32, 64, 128};
    const uint8x16_t weighted = vandq_u8(NarrowBytes(m), vld1q_u8(kWeights));
    return static_cast<uint32_t>(vaddv_u8(vget_low_u8(weighted))) |
           static_cast<uint32_t>(vaddv_u8(vget_high_u8(weighted))) << 8;
  }

  static F Lookup(const F& table, const I& index) {
    const uint8x16x4_t bytes = {{vreinterpretq_u8_f32(table.v[0]), vreinterpretq_u8_f32(table.v[1]),
                                 vreinterpretq_u8_f32(table.v[2]),
                                 vreinterpretq_u8_f32(table.v[3])}};
    return Map<F>(
        [&](uint32x4_t i) {
          // Each lane's four bytes: 4 * (i & 15) + 0, 1, 2, 3.
          const uint32x4_t first = vmulq_n_u32(vandq_u32(i, vdupq_n_u32(15)), 0x04040404u);
          const uint32x4_t all = vaddq_u32(first, vdupq_n_u32(0x03020100u));
          return vreinterpretq_f32_u8(vqtbl4q_u8(bytes, vreinterpretq_u8_u32(all)));
        },
        index);
  }

  // Neighbouring lanes of the eight registers of a and b, combined.
  template <typename Op>
  static F Pairwise(const F& a, const F& b) {
    const F even = {{vuzp1q_f32(a.v[0], a.v[1]), vuzp1q_f32(a.v[2], a.v[3]),
                     vuzp1q_f32(b.v[0], b.v[1]), vuzp1q_f32(b.v[2], b.v[3])}};
    const F odd = {{vuzp2q_f32(a.v[0], a.v[1]), vuzp2q_f32(a.v[2], a.v[3]),
                    vuzp2q_f32(b.v[0], b.v[1]), vuzp2q_f32(b.v[2], b.v[3])}};
    return Op::template Apply<Neon>(even, odd);
  }
  template <typename Op>
  static F ReduceTile(const F* rows) {
    F quads[4];  // register k of quads[q]: four lanes left of row 4 q + k
    for (int q = 0; q < 4; ++q) {
      F parts[4];
      for (int part = 0; part < 4; ++part) {
        for (int k = 0; k < 4; ++k) parts[part].v[k] = rows[4 * q + k].v[part];
      }
      quads[q] = Op::template Apply<Neon>(Op::template Apply<Neon>(parts[0], parts[1]),
                                          Op::template Apply<Neon>(parts[2], parts[3]));
    }
    return Pairwise<Op>(Pairwise<Op>(quads[0], quads[1]), Pairwise<Op>(quads[2], quads[3]));
  }

  static W LoadWide(const std::byte* p) { return LoadPair(p, p + 32); }
  static W LoadPair(const std::byte* p, const std::byte* q) {
    const auto load = [](const std::byte* from) {
      return vreinterpretq_s16_u8(vld1q_u8(reinterpret_cast<const uint8_t*>(from)));
    };
    return {{load(p), load(p + 16), load(q), load(q + 16)}};
  }
  static W MinWide(const W& a, const W& b) {
    return Map<W>([](int16x8_t x, int16x8_t y) { return vminq_s16(x, y); }, a, b);
  }
  static W MaxWide(const W& a, const W& b) {
    return Map<W>([](int16x8_t x, int16x8_t y) { return vmaxq_s16(x, y); }, a, b);
  }
  static W MagnitudeWide(const W& x) {
    return Map<W>([](int16x8_t a) { return vandq_s16(a, vdupq_n_s16(0x7fff)); }, x);
  }
  static W OrderedWide(const W& x) {
    return Map<W>(
        [](int16x8_t a) {
          const int16x8_t flip = vandq_s16(vshrq_n_s16(a, 15), vdupq_n_s16(0x7fff));
          return veorq_s16(a, flip);
        },
        x);
  }
  template <typename Op>
  static W HalveWide(const W& a, const W& b) {
    const W low = {{a.v[0], a.v[1], b.v[0], b.v[1]}};
    const W high = {{a.v[2], a.v[3], b.v[2], b.v[3]}};
    return Op::template Apply<Neon>(low, high);
  }
  // Neighbouring lanes of 32 bits of the eight registers of a and b, combined 16 bits at a time.
  template <typename Op>
  static W PairwiseWide(const W& a, const W& b) {
    W even;
    W odd;
    for (int i = 0; i < 4; ++i) {
      const W& from = i < 2 ? a : b;
      const int32x4_t x = vreinterpretq_s32_s16(from.v[2 * (i % 2)]);
      const int32x4_t y = vreinterpretq_s32_s16(from.v[2 * (i % 2) + 1]);
      even.v[i] = vreinterpretq_s16_s32(vuzp1q_s32(x, y));
      odd.v[i] = vreinterpretq_s16_s32(vuzp2q_s32(x, y));
    }
    return Op::template Apply<Neon>(even, odd);
  }
  template <typename Op>
  static I ReducePairs(const W* rows) {
    W quads[4];  // register k of quads[q]: what is left of row 4 q + k
    for (int q = 0; q < 4; ++q) {
      W low;
      W high;
      for (int k = 0; k < 4; ++k) {
        const int row = 4 * q + k;
        low.v[k] = rows[row % 8].v[row < 8 ? 0 : 2];
        high.v[k] = rows[row % 8].v[row < 8 ? 1 : 3];
      }
      quads[q] = Op::template Apply<Neon>(low, high);
    }
    const W one = PairwiseWide<Op>(PairwiseWide<Op>(quads[0], quads[1]),
                                   PairwiseWide<Op>(quads[2], quads[3]));
    return Map<I>([](int16x8_t x) { return vreinterpretq_u32_s16(x); }, one);
  }
  static I LowInt(const I& x) { return HighInt(ShiftLeft<16>(x)); }
  static I HighInt(const I& x) {
    return Map<I>([](uint32x4_t a) { return Unsigned(vshrq_n_s32(Signed(a), 16)); }, x);
  }

  template <int kBits>
  static void Pack64(const uint8_t* codes, uint8_t* out) {
    for (int i = 0; i < 4; ++i, codes += 16, out += 2 * kBits) {
      // The upper code of each pair moves down to meet the lower, then pairs, then fours.
      const uint8x16_t cut = vminq_u8(vld1q_u8(codes), vdupq_n_u8((1 << kBits) - 1));
      const uint16x8_t ones = vreinterpretq_u16_u8(cut);
      const uint32x4_t twos = vreinterpretq_u32_u16(vsliq_n_u16(ones, vshrq_n_u16(ones, 8), kBits));
      const uint64x2_t fours =
          vreinterpretq_u64_u32(vsliq_n_u32(twos, vshrq_n_u32(twos, 16), 2 * kBits));
      const uint8x16_t eights =
          vreinterpretq_u8_u64(vsliq_n_u64(fours, vshrq_n_u64(fours, 32), 4 * kBits));
      vst1_u8(out, vget_low_u8(eights));
      vst1_u8(out + kBits, vget_high_u8(eights));
    }
  }
  template <int kBits>
  static void Unpack64(const uint8_t* in, uint8_t* codes) {
    const uint8x16_t mask = vdupq_n_u8((1 << kBits) - 1);
    for (int i = 0; i < 4; ++i, in += 2 * kBits, codes += 16) {
      const uint64x2_t eights = vreinterpretq_u64_u8(vcombine_u8(vld1_u8(in), vld1_u8(in + kBits)));
      const uint32x4_t fours =
          vreinterpretq_u32_u64(vsliq_n_u64(eights, vshrq_n_u64(eights, 4 * kBits), 32));
      const uint16x8_t twos =
          vreinterpretq_u16_u32(vsliq_n_u32(fours, vshrq_n_u32(fours, 2 * kBits), 16));
      const uint8x16_t ones = vreinterpretq_u8_u16(vsliq_n_u16(twos, vshrq_n_u16(twos, kBits), 8));
      vst1q_u8(codes, vandq_u8(ones, mask));
    }
  }

  static bool AnyE4M3Nan(const uint8_t* p) {
    uint8x16_t most = vdupq_n_u8(0);
    for (int i = 0; i < 4; ++i) {
      most = vmaxq_u8(most, vandq_u8(vld1q_u8(p + 16 * i), vdupq_n_u8(0x7f)));
    }
    return vmaxvq_u8(most) == 0x7f;
  }
  static void E2M1FromQuarters(uint8_t* p) {
    const uint8_t* t = kE2M1ByQuarters.data();
    const uint8x16x4_t table = {
        {vld1q_u8(t), vld1q_u8(t + 16), vld1q_u8(t + 32), vld1q_u8(t + 48)}};
    for (int i = 0; i < 4; ++i, p += 16) {
      const int8x16_t quarters =
          vmaxq_s8(vminq_s8(vreinterpretq_s8_u8(vld1q_u8(p)), vdupq_n_s8(kMaxQuarters)),
                   vdupq_n_s8(-kMaxQuarters));
      const uint8x16_t index = vandq_u8(vreinterpretq_u8_s8(quarters), vdupq_n_u8(63));
      vst1q_u8(p, vqtbl4q_u8(table, index));
    }
  }

  static void StreamOut(std::byte* to, const std::byte* from, size_t bytes) {
    std::memcpy(to, from, bytes);
  }
};

}  // namespace ingot::quant

#endif  // INGOT_QUANT_SIMD_VEC_NEON_H_
