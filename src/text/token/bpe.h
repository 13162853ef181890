// Byte-pair encoding: a word's characters are merged two by two, the pair that was learnt first
// going first, until no known pair is left.
//
// Long words cost n log n. Text without any splitting (SentencePiece models hand over whole
// paragraphs) is first cut wherever two neighbouring characters stand together in no token that a
// merge makes: no merge can cross such a place, so the parts give the same tokens as the whole.
#ifndef INGOT_TEXT_TOKEN_BPE_H_
#define INGOT_TEXT_TOKEN_BPE_H_

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "text/token/model.h"

namespace ingot::text {

// Pairs of tokens and what they become.
class MergeTable {
 public:
  struct Merge {
    uint32_t rank = 0;
    TokenId result = 0;
  };
  void Reserve(size_t merges);
  // Fetches the memory that adding the pair will touch.
  void Prefetch(TokenId left, TokenId right) const {
    if (slots_.empty()) return;
    __builtin_prefetch(&slots_[HashNumber(uint64_t{left} << 32 | right, seed_) & mask_]);
  }
  // A pair that comes again takes the later rank.
  void Add(TokenId left, TokenId right, Merge merge);
  const Merge* Find(TokenId left, TokenId right) const {
    const uint64_t key = uint64_t{left} << 32 | right;
    if (slots_.empty()) return nullptr;
    for (size_t slot = HashNumber(key, seed_) & mask_;; slot = (slot + 1) & mask_) {
      if (slots_[slot].key == key) return &slots_[slot].merge;
      if (slots_[slot].key == kEmpty) return nullptr;
    }
  }
  size_t size() const { return count_; }

 private:
  static constexpr uint64_t kEmpty = UINT64_MAX;  // ids are below 2^22
  struct Slot {
    uint64_t key = kEmpty;
    Merge merge;
  };
  void Grow(size_t slots);

  std::vector<Slot> slots_;
  size_t mask_ = 0;
  size_t count_ = 0;
  uint64_t seed_ = HashSeed();
};

struct BpeOptions {
  std::optional<std::string> unknown;
  std::string continuing_prefix;  // before each character of a word but the first
  std::string end_suffix;         // after the last
  bool fuse_unknown = false;
  bool byte_fallback = false;
  bool ignore_merges = false;  // a word that is a token is that token
};

class Bpe : public Model {
 public:
  Bpe(Vocab vocab, MergeTable merges, BpeOptions options);

  std::optional<TokenId> unknown() const override { return unknown_; }
  bool TakeBytes() override;
  bool CanCut(uint32_t left, uint32_t right) const override;

 protected:
  core::Status EncodeWord(std::string_view word, const TokenSet* avoid, ModelScratch& scratch,
                          std::vector<TokenId>& out) const override;

 private:
  static constexpr TokenId kNone = UINT32_MAX;

  void IndexCharacters();
  void MarkPair(uint32_t left, uint32_t right);
  bool MeetInToken(uint32_t left, uint32_t right) const;
  TokenId IdOfPoint(uint32_t point) const;
  bool plain() const { return options_.continuing_prefix.empty() && options_.end_suffix.empty(); }

  core::Status Symbols(std::string_view word, const TokenSet* avoid, ModelScratch& scratch) const;
  core::Status SymbolsOfBytes(std::string_view word, ModelScratch& scratch) const;
  const MergeTable::Merge* FindMerge(TokenId left, TokenId right, const TokenSet* avoid) const {
    const MergeTable::Merge* merge = merges_.Find(left, right);
    return merge != nullptr && avoid != nullptr && avoid->Contains(merge->result) ? nullptr : merge;
  }
  void MergeShort(const TokenSet* avoid, ModelScratch& scratch) const;
  void MergeLong(const TokenSet* avoid, ModelScratch& scratch) const;
  core::Status EncodeUncut(std::string_view word, const TokenSet* avoid, ModelScratch& scratch,
                           std::vector<TokenId>& out) const;

  MergeTable merges_;
  BpeOptions options_;
  std::optional<TokenId> unknown_;
  bool bytes_ = false;                         // pieces are plain bytes
  std::array<TokenId, 256> byte_ids_{};        // of a byte, or of its fallback token
  std::vector<std::vector<TokenId>> by_page_;  // of each character that is a token, 256 a page
  // One bit for each pair of characters (by hash) that some merge brings together; a false yes
  // costs a cut, nothing else.
  std::vector<uint64_t> pairs_;
};

}  // namespace ingot::text

#endif  // INGOT_TEXT_TOKEN_BPE_H_
