// Words seen lately and the tokens they became. A bounded table without chains: a new word takes
// the place of an older one. It changes speed, never results. One thread at a time.
#ifndef INGOT_TEXT_TOKEN_WORD_CACHE_H_
#define INGOT_TEXT_TOKEN_WORD_CACHE_H_

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "text/token/hash.h"
#include "text/token/vocab.h"

namespace ingot::text {

class WordCache {
 public:
  static constexpr size_t kLongestWord = 23;  // bytes
  static constexpr size_t kMostTokens = 8;

  static uint64_t Hash(std::string_view word) { return HashBytes(word, HashSeed()); }

  // Appends the tokens of word to out, if it is known. 0 < word.size() <= kLongestWord.
  bool Find(std::string_view word, uint64_t hash, std::vector<TokenId>& out) {
    if (slots_.empty()) return false;
    const Slot& slot = slots_[hash & kMask];
    if (slot.hash != hash || slot.length != word.size() ||
        std::memcmp(slot.word.data(), word.data(), word.size()) != 0) {
      return false;
    }
    out.insert(out.end(), slot.tokens.begin(), slot.tokens.begin() + slot.count);
    return true;
  }

  // Remembers, if the tokens are few enough. The same bounds.
  void Insert(std::string_view word, uint64_t hash, std::span<const TokenId> tokens) {
    if (tokens.size() > kMostTokens) return;
    if (slots_.empty()) slots_.resize(kMask + 1);
    Slot& slot = slots_[hash & kMask];
    slot.hash = hash;
    slot.length = static_cast<uint8_t>(word.size());
    std::memcpy(slot.word.data(), word.data(), word.size());
    slot.count = static_cast<uint8_t>(tokens.size());
    for (size_t i = 0; i < tokens.size(); ++i) slot.tokens[i] = tokens[i];
  }

 private:
  struct Slot {
    uint64_t hash = 0;
    std::array<char, kLongestWord> word{};
    uint8_t length = 0;  // 0: empty
    std::array<TokenId, kMostTokens> tokens{};
    uint8_t count = 0;
  };
  static constexpr size_t kMask = (1 << 15) - 1;

  std::vector<Slot> slots_;
};

}  // namespace ingot::text

#endif  // INGOT_TEXT_TOKEN_WORD_CACHE_H_
