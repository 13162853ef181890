// Arithmetic on sizes that come from files and requests: every operation that could wrap says so.
#ifndef INGOT_CORE_CHECKED_H_
#define INGOT_CORE_CHECKED_H_

#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <utility>

namespace ingot::core {

template <std::unsigned_integral T>
constexpr std::optional<T> CheckedAdd(T a, T b) {
  T sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

template <std::unsigned_integral T>
constexpr std::optional<T> CheckedMul(T a, T b) {
  T product = 0;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

// The product of all factors, 1 for none. A zero factor gives zero even where the others would
// wrap.
constexpr std::optional<uint64_t> CheckedProduct(std::span<const uint64_t> factors) {
  uint64_t product = 1;
  bool wrapped = false;
  for (uint64_t factor : factors) {
    if (factor == 0) return 0;
    wrapped |= __builtin_mul_overflow(product, factor, &product);
  }
  if (wrapped) return std::nullopt;
  return product;
}

template <std::integral To, std::integral From>
constexpr std::optional<To> CheckedCast(From value) {
  if (!std::in_range<To>(value)) return std::nullopt;
  return static_cast<To>(value);
}

constexpr uint64_t CeilDiv(uint64_t a, uint64_t b) { return a / b + (a % b != 0 ? 1 : 0); }

// value rounded up to a multiple of step; nullopt where that does not fit.
constexpr std::optional<uint64_t> CheckedRoundUp(uint64_t value, uint64_t step) {
  return CheckedMul(CeilDiv(value, step), step);
}

// [offset, offset + size) lies inside [0, limit).
constexpr bool SpanFits(uint64_t offset, uint64_t size, uint64_t limit) {
  return offset <= limit && size <= limit - offset;
}

}  // namespace ingot::core

#endif  // INGOT_CORE_CHECKED_H_
