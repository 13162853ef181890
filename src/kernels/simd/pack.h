// kernels/pack.h over the lanes of a vector class. Include after the vector class.
#ifndef INGOT_KERNELS_SIMD_PACK_H_
#define INGOT_KERNELS_SIMD_PACK_H_

#include <cfloat>
#include <limits>

#include "kernels/pack.h"
#include "kernels/simd/lanes.h"

namespace ingot::kernels {

template <class V>
struct PackOf {
  static void Pack(const float* from, size_t count, std::byte* to) {
    for (size_t g = 0; g < count; g += kPackGroup) {
      const size_t size = count - g < kPackGroup ? count - g : kPackGroup;
      const float scale = PackGroup(from + g, size, reinterpret_cast<uint8_t*>(to + g));
      std::memcpy(to + count + g / kPackGroup * sizeof(float), &scale, sizeof scale);
    }
  }

  // The first `count` numbers of a column of `width`.
  static void Unpack(const std::byte* from, size_t width, size_t count, float* to) {
    for (size_t g = 0; g < count; g += kPackGroup) {
      const size_t end = count - g < kPackGroup ? count : g + kPackGroup;
      float scale = 0;
      std::memcpy(&scale, from + width + g / kPackGroup * sizeof(float), sizeof scale);
      size_t i = g;
      for (; i + kVector <= end; i += kVector) {
        const F<V> codes = V::FromInt(V::LoadSigned(reinterpret_cast<const uint8_t*>(from + i)));
        V::Store(to + i, V::Mul(codes, V::Set(scale)));
      }
      for (; i < end; ++i) to[i] = static_cast<float>(static_cast<int8_t>(from[i])) * scale;
    }
  }

 private:
  // The bits of the largest magnitude: a NaN's or an infinity's are the largest of all.
  static float Largest(const float* from, size_t count) {
    F<V> most = V::Set(0);
    for (size_t i = 0; i < count; i += kVector) {
      most = quant::MaxBitsOp::Apply<V>(most, V::Abs(Some(from + i, count - i)));
    }
    alignas(64) uint32_t lanes[kVector];
    V::Store(reinterpret_cast<float*>(lanes), most);
    uint32_t largest = 0;
    for (const uint32_t lane : lanes) largest = lane > largest ? lane : largest;
    float value = 0;
    std::memcpy(&value, &largest, sizeof value);
    return value;
  }

  static F<V> Some(const float* from, size_t count) {
    if (count >= kVector) return V::Load(from);
    alignas(64) float padded[kVector] = {};
    std::memcpy(padded, from, count * sizeof(float));
    return V::Load(padded);
  }

  // The group's scale.
  static float PackGroup(const float* from, size_t count, uint8_t* codes) {
    const float scale = Largest(from, count) / 127.0F;
    const bool finite = scale <= FLT_MAX;
    if (!finite || scale < FLT_MIN) {
      std::memset(codes, 0, count);
      return finite ? 0.0F : std::numeric_limits<float>::quiet_NaN();
    }
    const F<V> divisor = V::Set(scale);
    for (size_t i = 0; i < count; i += kVector) {
      const auto whole = V::RoundToInt(V::Div(Some(from + i, count - i), divisor));
      if (count - i >= kVector) {
        V::StoreBytes(codes + i, whole);
        continue;
      }
      uint8_t padded[kVector];
      V::StoreBytes(padded, whole);
      std::memcpy(codes + i, padded, count - i);
    }
    return scale;
  }
};

}  // namespace ingot::kernels

#endif  // INGOT_KERNELS_SIMD_PACK_H_
