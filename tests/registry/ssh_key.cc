#include "tests/registry/ssh_key.h"

#include <array>
#include <cstdint>
#include <memory>

#include <openssl/evp.h>

#include "registry/base64.h"

namespace ingot::registry {
namespace {

using Key = std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)>;

std::string Number(uint32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
  return out;
}
std::string Text(std::string_view text) {
  return Number(static_cast<uint32_t>(text.size())) + std::string(text);
}
const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

std::string OpenSshKeyFile() {
  const std::string seed(32, 'k');
  const Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, Bytes(seed), seed.size()),
                &EVP_PKEY_free);
  std::string half(32, '\0');
  size_t size = half.size();
  EVP_PKEY_get_raw_public_key(key.get(), reinterpret_cast<unsigned char*>(half.data()), &size);
  std::string secret = Number(7) + Number(7) + Text("ssh-ed25519") + Text(half) +
                       Text(seed + half) + Text("a comment");
  for (char pad = 1; secret.size() % 8 != 0; ++pad) secret += pad;
  const std::string bytes = std::string("openssh-key-v1\0", 15) + Text("none") + Text("none") +
                            Text("") + Number(1) + Text(Text("ssh-ed25519") + Text(half)) +
                            Text(secret);
  std::string file = "-----BEGIN OPENSSH PRIVATE KEY-----\n";
  const std::string coded = EncodeBase64(bytes);
  for (size_t i = 0; i < coded.size(); i += 70) file += coded.substr(i, 70) + "\n";
  return file + "-----END OPENSSH PRIVATE KEY-----\n";
}

bool SignatureIsRight(std::string_view public_blob, std::string_view signature,
                      std::string_view text) {
  if (public_blob.size() < 32) return false;
  const std::string_view raw = public_blob.substr(public_blob.size() - 32);
  const Key key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, Bytes(raw), raw.size()),
                &EVP_PKEY_free);
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                   &EVP_MD_CTX_free);
  return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(text),
                          text.size()) == 1;
}

}  // namespace ingot::registry
