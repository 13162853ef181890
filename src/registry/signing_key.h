// The ed25519 key with which a machine signs its requests for tokens: an OpenSSH private key file
// without a passphrase, as `ollama` and ssh-keygen make them. The key never leaves the process; its
// public half and signatures do. A value; any thread.
#ifndef INGOT_REGISTRY_SIGNING_KEY_H_
#define INGOT_REGISTRY_SIGNING_KEY_H_

#include <array>
#include <string>
#include <string_view>

#include "core/status.h"

namespace ingot::registry {

class SigningKey {
 public:
  // The text of the file.
  static core::Result<SigningKey> Parse(std::string_view pem);

  // "<base64 of the SSH public key>:<base64 of the signature>", what an Authorization header holds.
  core::Result<std::string> Sign(std::string_view text) const;
  // The SSH public key: its type and its 32 bytes, each after its length.
  const std::string& public_blob() const { return public_blob_; }

 private:
  SigningKey() = default;
  std::string public_blob_;
  std::array<unsigned char, 32> seed_ = {};
};

}  // namespace ingot::registry

#endif  // INGOT_REGISTRY_SIGNING_KEY_H_
