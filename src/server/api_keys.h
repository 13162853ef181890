// The keys that let people in. A file with one key a line:
//
//   # name      role     key
//   phone       infer    long-random-text
//   me          manage   sha256:1f0c…   (64 hexadecimal digits: the hash, instead of the key)
//
// Only its owner may be able to read it. Keys are compared by their hashes, all of them every time
// and in the same time wherever they differ. Immutable once loaded; any thread.
#ifndef INGOT_SERVER_API_KEYS_H_
#define INGOT_SERVER_API_KEYS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/env.h"
#include "core/sha256.h"
#include "core/status.h"
#include "server/http_types.h"

namespace ingot::server {

class ApiKeys {
 public:
  // None: everybody may do everything.
  ApiKeys() = default;
  static core::Result<ApiKeys> Load(core::Env& env, const core::Path& file);
  static core::Result<ApiKeys> Parse(std::string_view text);

  bool empty() const { return keys_.empty(); }
  size_t size() const { return keys_.size(); }

  // Whose request it is: by "Authorization: Bearer KEY" or "x-api-key: KEY". kNone as the role of
  // one whose key is unknown or missing.
  Caller Identify(const Headers& headers) const;

 private:
  struct Key {
    std::string name;
    Role role = Role::kNone;
    core::Sha256Bytes hash = {};
  };
  std::vector<Key> keys_;
};

// The key that a request brings, or nullopt.
std::optional<std::string_view> PresentedKey(const Headers& headers);

// In a time that depends on nothing in them.
bool EqualInConstantTime(const core::Sha256Bytes& a, const core::Sha256Bytes& b);

}  // namespace ingot::server

#endif  // INGOT_SERVER_API_KEYS_H_
