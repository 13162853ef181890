// The name of a blob: the SHA-256 of its bytes. A Digest can only be made from a well-formed text
// or from computed hash bytes, so whatever holds one may use it as a file name or in a URL without
// looking at it again. A value; any thread.
#ifndef INGOT_STORE_DIGEST_H_
#define INGOT_STORE_DIGEST_H_

#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#include "core/sha256.h"
#include "core/status.h"

namespace ingot::store {

class Digest {
 public:
  // "sha256:" or "sha256-" and 64 hexadecimal digits of either case; nothing else is a digest.
  static core::Result<Digest> Parse(std::string_view text);
  static Digest FromBytes(const core::Sha256Bytes& bytes) { return Digest(bytes); }
  // The digest of a text that is already in memory.
  static Digest Of(std::string_view content);

  std::string Hex() const { return core::HexLower(bytes_); }  // 64 lower-case digits
  std::string ToString() const { return "sha256:" + Hex(); }  // as manifests and the API write it
  std::string FileName() const { return "sha256-" + Hex(); }  // as the blobs directory writes it
  std::string Short() const { return Hex().substr(0, 12); }   // as `ingot list` shows it

  const core::Sha256Bytes& bytes() const { return bytes_; }

  auto operator<=>(const Digest&) const = default;

 private:
  explicit Digest(const core::Sha256Bytes& bytes) : bytes_(bytes) {}

  core::Sha256Bytes bytes_;
};

}  // namespace ingot::store

// A digest is already a good hash of what it names.
template <>
struct std::hash<ingot::store::Digest> {
  size_t operator()(const ingot::store::Digest& digest) const noexcept {
    size_t value = 0;
    std::memcpy(&value, digest.bytes().data(), sizeof value);
    return value;
  }
};

#endif  // INGOT_STORE_DIGEST_H_
