// Hashing of short byte strings for tables that are filled from files: seeded anew in each process,
// so that no file can be written to collide. Results never depend on the seed, only speed does.
#ifndef INGOT_TEXT_TOKEN_HASH_H_
#define INGOT_TEXT_TOKEN_HASH_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string_view>

namespace ingot::text {

inline uint64_t HashSeed() {
  static const uint64_t seed = [] {
    std::random_device device;
    return uint64_t{device()} << 32 | device();
  }();
  return seed;
}

inline uint64_t MixHash(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

constexpr uint64_t kHashOdd1 = 0x9E3779B97F4A7C15;
constexpr uint64_t kHashOdd2 = 0xD6E8FEB86659FD93;

inline uint64_t HashBytes(std::string_view bytes, uint64_t seed) {
  const char* data = bytes.data();
  size_t left = bytes.size();
  uint64_t hash = seed ^ (left * kHashOdd1);
  uint64_t word = 0;
  while (left >= 8) {
    std::memcpy(&word, data, 8);
    hash = MixHash(hash ^ word, kHashOdd2);
    data += 8;
    left -= 8;
  }
  word = 0;
  if (left > 0) std::memcpy(&word, data, left);
  return MixHash(hash ^ word, kHashOdd1);
}

inline uint64_t HashNumber(uint64_t number, uint64_t seed) {
  return MixHash(number ^ seed, kHashOdd1);
}

}  // namespace ingot::text

#endif  // INGOT_TEXT_TOKEN_HASH_H_
