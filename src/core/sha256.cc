#include "core/sha256.h"

#include <cstdlib>

#include <openssl/evp.h>

namespace ingot::core {

struct Sha256::Impl {
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context{EVP_MD_CTX_new()};

  // OpenSSL fails here only for want of memory or of the algorithm itself; a wrong digest must
  // never come of it.
  static void Require(int ok) {
    if (ok != 1) std::abort();
  }
  void Start() { Require(EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr)); }
};

Sha256::Sha256() : impl_(std::make_unique<Impl>()) { impl_->Start(); }
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::Update(std::span<const std::byte> data) {
  Impl::Require(EVP_DigestUpdate(impl_->context.get(), data.data(), data.size()));
}

Sha256Bytes Sha256::Finish() {
  Sha256Bytes digest;
  unsigned size = 0;
  Impl::Require(EVP_DigestFinal_ex(impl_->context.get(),
                                   reinterpret_cast<unsigned char*>(digest.data()), &size));
  impl_->Start();
  return digest;
}

Sha256Bytes Sha256::Of(std::span<const std::byte> data) {
  Sha256 hash;
  hash.Update(data);
  return hash.Finish();
}

std::string HexLower(std::span<const std::byte> bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const std::byte b : bytes) {
    out.push_back(kHex[std::to_integer<unsigned>(b) >> 4]);
    out.push_back(kHex[std::to_integer<unsigned>(b) & 15]);
  }
  return out;
}

}  // namespace ingot::core
