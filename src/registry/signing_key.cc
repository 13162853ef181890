#include "registry/signing_key.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>

#include <openssl/evp.h>

#include "core/strings.h"
#include "registry/base64.h"

namespace ingot::registry {
namespace {

using core::Result;

constexpr std::string_view kBegin = "-----BEGIN OPENSSH PRIVATE KEY-----";
constexpr std::string_view kEnd = "-----END OPENSSH PRIVATE KEY-----";
constexpr std::string_view kMagic{"openssh-key-v1\0", 15};
constexpr std::string_view kType = "ssh-ed25519";
constexpr size_t kLongestFile = 1 << 16;

// Reads SSH's encoding: big-endian numbers of 32 bits, texts after their length.
class SshReader {
 public:
  explicit SshReader(std::string_view bytes) : bytes_(bytes) {}

  std::optional<uint32_t> Number() {
    if (bytes_.size() < 4) return std::nullopt;
    uint32_t value = 0;
    for (const char c : bytes_.substr(0, 4)) value = value << 8 | static_cast<unsigned char>(c);
    bytes_.remove_prefix(4);
    return value;
  }
  std::optional<std::string_view> Text() {
    const std::optional<uint32_t> size = Number();
    if (!size || *size > bytes_.size()) return std::nullopt;
    const std::string_view text = bytes_.substr(0, *size);
    bytes_.remove_prefix(*size);
    return text;
  }

 private:
  std::string_view bytes_;
};

std::optional<std::string> DecodePem(std::string_view pem) {
  if (pem.size() > kLongestFile) return std::nullopt;
  const size_t begin = pem.find(kBegin);
  const size_t end = pem.find(kEnd);
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) {
    return std::nullopt;
  }
  const size_t body = begin + kBegin.size();
  auto bytes = DecodeBase64(pem.substr(body, end - body));
  if (!bytes || !bytes->starts_with(kMagic)) return std::nullopt;
  return bytes;
}

}  // namespace

Result<SigningKey> SigningKey::Parse(std::string_view pem) {
  const core::Status bad = core::Corrupt("it is no OpenSSH private key");
  const std::optional<std::string> bytes = DecodePem(pem);
  if (!bytes) return bad;
  SshReader reader(std::string_view(*bytes).substr(kMagic.size()));
  const auto cipher = reader.Text();
  const auto kdf = reader.Text();
  const auto kdf_options = reader.Text();
  const auto count = reader.Number();
  const auto public_blob = reader.Text();
  const auto secret = reader.Text();
  if (!cipher || !kdf || !kdf_options || !count || !public_blob || !secret) return bad;
  if (*cipher != "none") {
    return core::Unsupported("it is protected by a passphrase, which nobody is asked for");
  }
  if (*count != 1) return bad;
  SshReader inner(*secret);
  const auto check = inner.Number();
  const auto check_again = inner.Number();
  const auto type = inner.Text();
  if (!check || check != check_again || !type) return bad;
  if (*type != kType) {
    return core::Unsupported(
        core::StrCat("it is of type ", core::Quoted(*type, 40), ", not ", kType));
  }
  const auto public_bytes = inner.Text();
  const auto pair = inner.Text();
  // The secret half is the seed and, once more, the public key.
  if (!public_bytes || public_bytes->size() != 32 || !pair || pair->size() != 64 ||
      pair->substr(32) != *public_bytes) {
    return bad;
  }
  SigningKey key;
  key.public_blob_ = *public_blob;
  std::copy_n(pair->data(), key.seed_.size(), key.seed_.begin());
  return key;
}

Result<std::string> SigningKey::Sign(std::string_view text) const {
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed_.data(), seed_.size()),
      &EVP_PKEY_free);
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                   &EVP_MD_CTX_free);
  std::array<unsigned char, 64> signature = {};
  size_t size = signature.size();
  const bool signed_it =
      key != nullptr && context != nullptr &&
      EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
      EVP_DigestSign(context.get(), signature.data(), &size,
                     reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
  if (!signed_it) return core::Internal("a request could not be signed");
  return core::StrCat(EncodeBase64(public_blob_), ":",
                      EncodeBase64({reinterpret_cast<const char*>(signature.data()), size}));
}

}  // namespace ingot::registry
