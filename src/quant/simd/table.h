// The table of one form's kernels, from a vector class. The file that includes this sets the
// compilation target first, so that everything here is compiled for it; a form's class differs from
// every other's, and so do the instances.
#ifndef INGOT_QUANT_SIMD_TABLE_H_
#define INGOT_QUANT_SIMD_TABLE_H_

#include "quant/simd/convert_fp8.h"
#include "quant/simd/decode.h"
#include "quant/simd/encode_affine.h"
#include "quant/simd/encode_fp.h"
#include "quant/simd/measure.h"
#include "quant/simd/search.h"

namespace ingot::quant {

template <class V, FloatType kType>
void EncodeTyped(const EncodeRun& run) {
  if (run.format.mode != Mode::kAffine) return EncodeFpMode<V, kType>(run);
  switch (run.format.group_size) {
    case 32:
      return EncodeAffine<V, kType, 2>(run);
    case 64:
      return EncodeAffine<V, kType, 4>(run);
    default:
      return EncodeAffine<V, kType, 8>(run);
  }
}

template <class V>
void Encode(const EncodeRun& run) {
  switch (run.type) {
    case FloatType::kF32:
      return EncodeTyped<V, FloatType::kF32>(run);
    case FloatType::kF16:
      return EncodeTyped<V, FloatType::kF16>(run);
    case FloatType::kBF16:
      return EncodeTyped<V, FloatType::kBF16>(run);
  }
}

template <class V>
void Search(const EncodeRun& run) {
  switch (run.type) {
    case FloatType::kF32:
      return SearchTyped<V, FloatType::kF32>(run);
    case FloatType::kF16:
      return SearchTyped<V, FloatType::kF16>(run);
    case FloatType::kBF16:
      return SearchTyped<V, FloatType::kBF16>(run);
  }
}

template <class V>
void Decode(const DecodeRun& run) {
  switch (run.type) {
    case FloatType::kF32:
      return DecodeAll<V, FloatType::kF32>(run);
    case FloatType::kF16:
      return DecodeAll<V, FloatType::kF16>(run);
    case FloatType::kBF16:
      return DecodeAll<V, FloatType::kBF16>(run);
  }
}

template <class V>
void DecodeFp8(const Fp8DecodeRun& run) {
  switch (run.type) {
    case FloatType::kF32:
      return DecodeFp8As<V, FloatType::kF32>(run);
    case FloatType::kF16:
      return DecodeFp8As<V, FloatType::kF16>(run);
    case FloatType::kBF16:
      return DecodeFp8As<V, FloatType::kBF16>(run);
  }
}

template <class V>
void EncodeFp8(const Fp8EncodeRun& run) {
  switch (run.type) {
    case FloatType::kF32:
      return EncodeFp8As<V, FloatType::kF32>(run);
    case FloatType::kF16:
      return EncodeFp8As<V, FloatType::kF16>(run);
    case FloatType::kBF16:
      return EncodeFp8As<V, FloatType::kBF16>(run);
  }
}

template <class V>
constexpr Kernels TableFor(core::Isa isa) {
  return {.isa = isa,
          .encode = Encode<V>,
          .search = Search<V>,
          .decode = Decode<V>,
          .decode_fp8 = DecodeFp8<V>,
          .encode_fp8 = EncodeFp8<V>,
          .measure = Measure<V>,
          .group_errors = GroupErrors<V>};
}

}  // namespace ingot::quant

#endif  // INGOT_QUANT_SIMD_TABLE_H_
