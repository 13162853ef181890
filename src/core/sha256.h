// SHA-256 over data that arrives in pieces, of one stream or of several at once: those that are
// taken together cost half as much or less (docs/import.md). By the processor's own instructions
// where it has them, else by OpenSSL. One object, one thread.
#ifndef INGOT_CORE_SHA256_H_
#define INGOT_CORE_SHA256_H_

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace ingot::core {

using Sha256Bytes = std::array<std::byte, 32>;

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void Update(std::span<const std::byte> data);
  // The digest of everything so far; the object starts again from nothing.
  Sha256Bytes Finish();

  static Sha256Bytes Of(std::span<const std::byte> data);

  // What Update does with each of the pieces, in less time. No hash may be there twice.
  struct Piece {
    Sha256* hash = nullptr;
    std::span<const std::byte> data;
  };
  static void UpdateTogether(std::span<const Piece> pieces);
  // How many pieces it is worthwhile to take together at most: 1 where it makes no difference.
  static size_t MostTogether();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

std::string HexLower(std::span<const std::byte> bytes);

}  // namespace ingot::core

#endif  // INGOT_CORE_SHA256_H_
