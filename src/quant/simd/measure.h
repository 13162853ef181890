// Error sums over a stretch of a row, in floats over sixteen lanes: enough digits for figures that
// people read, and the same digits in every form.
#ifndef INGOT_QUANT_SIMD_MEASURE_H_
#define INGOT_QUANT_SIMD_MEASURE_H_

#include "quant/simd/common.h"

namespace ingot::quant {

template <class V>
double SumLanes(typename V::F x) {
  float lanes[kLanes];
  V::Store(lanes, x);
  double sum = 0;
  for (float lane : lanes) sum += static_cast<double>(lane);
  return sum;
}

template <class V, FloatType kType>
void MeasureAs(const MeasureRun& run) {
  using F = typename V::F;
  // Lanes add up at most this many values before they move on to doubles.
  constexpr size_t kBlock = 64 * kLanes;
  const F zero = V::Set(0.0f);
  F largest = zero;
  for (size_t begin = 0; begin < run.count; begin += kBlock) {
    const size_t end = begin + kBlock < run.count ? begin + kBlock : run.count;
    F errors = zero, sources = zero, decodeds = zero, products = zero;
    for (size_t i = begin; i < end; i += kLanes) {
      F source = V::template LoadAs<kType>(run.source + i * SizeOf(kType));
      F decoded = V::Load(run.decoded + i);
      const auto worst = V::MaxInt(Magnitude<V>(source), Magnitude<V>(decoded));
      const auto finite = V::LessInt(worst, V::SetInt(0x7f800000));
      source = V::Select(finite, source, zero);
      decoded = V::Select(finite, decoded, zero);
      const F error = V::Sub(decoded, source);
      largest = V::Max(largest, V::Abs(error));
      errors = V::Add(errors, V::Mul(error, error));
      sources = V::Add(sources, V::Mul(source, source));
      decodeds = V::Add(decodeds, V::Mul(decoded, decoded));
      products = V::Add(products, V::Mul(source, decoded));
    }
    run.sums->squared_error += SumLanes<V>(errors);
    run.sums->squared_source += SumLanes<V>(sources);
    run.sums->squared_decoded += SumLanes<V>(decodeds);
    run.sums->product += SumLanes<V>(products);
  }
  float lanes[kLanes];
  V::Store(lanes, largest);
  for (float lane : lanes) {
    if (static_cast<double>(lane) > run.sums->max_error) run.sums->max_error = lane;
  }
  run.sums->values += run.count;
}

template <class V, FloatType kType>
void GroupErrorsAs(const GroupErrorRun& run) {
  size_t at = 0;
  for (size_t g = 0; g < run.groups; ++g) {
    auto sum = V::Set(0.0f);
    for (const size_t end = at + run.group_size; at < end; at += kLanes) {
      const auto source = V::template LoadAs<kType>(run.source + at * SizeOf(kType));
      const auto miss = V::Sub(V::Load(run.decoded + at), source);
      sum = V::Add(sum, V::Mul(miss, miss));
    }
    run.errors[g] = SumLanes<V>(sum);
  }
}

template <class V>
void GroupErrors(const GroupErrorRun& run) {
  switch (run.type) {
    case FloatType::kF32:
      return GroupErrorsAs<V, FloatType::kF32>(run);
    case FloatType::kF16:
      return GroupErrorsAs<V, FloatType::kF16>(run);
    case FloatType::kBF16:
      return GroupErrorsAs<V, FloatType::kBF16>(run);
  }
}

template <class V>
void Measure(const MeasureRun& run) {
  switch (run.type) {
    case FloatType::kF32:
      return MeasureAs<V, FloatType::kF32>(run);
    case FloatType::kF16:
      return MeasureAs<V, FloatType::kF16>(run);
    case FloatType::kBF16:
      return MeasureAs<V, FloatType::kBF16>(run);
  }
}

}  // namespace ingot::quant

#endif  // INGOT_QUANT_SIMD_MEASURE_H_
