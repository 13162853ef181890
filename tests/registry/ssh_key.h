// An ed25519 key for tests, as the file that ssh-keygen would write, and the check of what it
// signs.
#ifndef INGOT_TESTS_REGISTRY_SSH_KEY_H_
#define INGOT_TESTS_REGISTRY_SSH_KEY_H_

#include <string>
#include <string_view>

namespace ingot::registry {

// Always the same one.
std::string OpenSshKeyFile();

// public_blob: the SSH public key, signature: 64 bytes.
bool SignatureIsRight(std::string_view public_blob, std::string_view signature,
                      std::string_view text);

}  // namespace ingot::registry

#endif  // INGOT_TESTS_REGISTRY_SSH_KEY_H_
