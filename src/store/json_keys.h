// Reading the members of a JSON object against a table of the keys that we know. A value; one
// thread.
#ifndef INGOT_STORE_JSON_KEYS_H_
#define INGOT_STORE_JSON_KEYS_H_

#include <array>
#include <bitset>
#include <optional>
#include <string_view>

#include "core/status.h"
#include "core/strings.h"

namespace ingot::store {

// Which of the keys that we rely on an object has shown so far. A second one, or one that differs
// by case only (which some readers take for the same), would let two programs read two different
// models out of one manifest.
template <size_t N>
class KeySet {
 public:
  explicit KeySet(const std::array<std::string_view, N>& keys) : keys_(keys) {}

  // The index of a known key, or nullopt for one to be skipped.
  core::Result<std::optional<size_t>> Take(std::string_view key) {
    for (size_t i = 0; i < N; ++i) {
      if (key != keys_[i]) {
        if (!core::EqualsIgnoreCase(key, keys_[i])) continue;
        return core::Corrupt(core::StrCat("the key ", core::Quoted(key, 40), " is spelled unlike ",
                                          core::Quoted(keys_[i])));
      }
      if (seen_[i])
        return core::Corrupt(core::StrCat("the key ", core::Quoted(key), " appears twice"));
      seen_[i] = true;
      return std::optional<size_t>(i);
    }
    return std::optional<size_t>();
  }

  core::Status Require(size_t index) const {
    if (seen_[index]) return core::Status::Ok();
    return core::Corrupt(core::StrCat("the key ", core::Quoted(keys_[index]), " is missing"));
  }

 private:
  const std::array<std::string_view, N>& keys_;
  std::bitset<N> seen_;
};

}  // namespace ingot::store

#endif  // INGOT_STORE_JSON_KEYS_H_
