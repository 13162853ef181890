// The tokens of a model: text to id and id to text. Filled while loading, immutable after that, and
// then for any thread.
#ifndef INGOT_TEXT_TOKEN_VOCAB_H_
#define INGOT_TEXT_TOKEN_VOCAB_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "text/token/hash.h"

namespace ingot::text {

using TokenId = uint32_t;

// Ids index tables, so a file may not claim any number it likes.
constexpr TokenId kMaxTokenId = (1 << 22) - 1;
constexpr size_t kMaxTokenBytes = 1 << 20;

class Vocab {
 public:
  Vocab() = default;

  // Room for that many tokens, before the first is added.
  void Reserve(size_t tokens);
  // kCorrupt when the token is there already or the id is out of bounds. When an id is given twice,
  // the first token stays the one that the id stands for.
  core::Status Add(std::string_view token, TokenId id);

  // Adds some at once, whose texts stand end to end.
  struct Addition {
    size_t end = 0;  // of the token's text
    TokenId id = 0;
  };
  core::Status AddMany(std::string_view texts, std::span<const Addition> tokens);

  std::optional<TokenId> Find(std::string_view token) const;
  // Find for many at once, kNoToken for what is not there: the memory that one search waits for is
  // fetched while the others go on.
  static constexpr TokenId kNoToken = UINT32_MAX;
  void FindMany(std::span<const std::string_view> tokens, std::span<TokenId> ids) const;
  std::optional<std::string_view> Text(TokenId id) const;
  size_t size() const { return entries_.size(); }
  // Calls visit(token, id) for all, in the order added.
  template <typename Visit>
  void ForEach(const Visit& visit) const {
    for (const Entry& entry : entries_) visit(TextOf(entry), entry.id);
  }
  TokenId id_end() const { return static_cast<TokenId>(by_id_.size()); }  // above all ids
  size_t longest() const { return longest_; }                             // bytes

 private:
  struct Entry {
    uint32_t begin = 0;
    uint32_t length = 0;
    TokenId id = 0;
  };
  struct Slot {
    uint32_t tag = 0;    // upper half of the hash
    uint32_t index = 0;  // into entries_, + 1; 0 when empty
  };
  std::string_view TextOf(const Entry& entry) const {
    return std::string_view(bytes_).substr(entry.begin, entry.length);
  }
  // The slot that holds token, or the empty one where it belongs.
  size_t SlotOf(std::string_view token, uint64_t hash) const;
  void Grow(size_t slots);

  std::string bytes_;
  std::vector<Entry> entries_;
  std::vector<Slot> slots_;
  std::vector<uint32_t> by_id_;  // index into entries_, + 1
  size_t longest_ = 0;
  uint64_t seed_ = HashSeed();
};

// A set of ids with a fast test.
class TokenSet {
 public:
  void Add(TokenId id) {
    if (id >= bits_.size()) bits_.resize(size_t{id} + 1);
    bits_[id] = true;
  }
  void Remove(TokenId id) {
    if (id < bits_.size()) bits_[id] = false;
  }
  bool Contains(TokenId id) const { return id < bits_.size() && bits_[id]; }

 private:
  std::vector<bool> bits_;
};

}  // namespace ingot::text

#endif  // INGOT_TEXT_TOKEN_VOCAB_H_
