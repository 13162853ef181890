// Unigram: of all ways to write a piece as tokens, the one with the best sum of scores, found by
// dynamic programming over the bytes. Text that no token covers becomes unknown, neighbours as one,
// or the tokens of its bytes.
#ifndef INGOT_TEXT_TOKEN_UNIGRAM_H_
#define INGOT_TEXT_TOKEN_UNIGRAM_H_

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "text/token/model.h"

namespace ingot::text {

class Unigram : public Model {
 public:
  struct Options {
    std::optional<TokenId> unknown;
    bool byte_fallback = false;
  };
  // pieces in the order of their ids. A text that comes twice encodes to its last id.
  struct Piece {
    std::string text;
    double score = 0;
  };
  static core::Result<std::unique_ptr<Model>> Make(std::vector<Piece> pieces, Options options);

  size_t size() const override { return texts_.size(); }
  std::optional<TokenId> unknown() const override { return options_.unknown; }
  std::optional<std::string_view> Text(TokenId id) const override;

 protected:
  core::Status EncodeWord(std::string_view word, const TokenSet* avoid, ModelScratch& scratch,
                          std::vector<TokenId>& out) const override;

 private:
  // A trie over bytes: edges in a hash table, so that building it costs one step a byte.
  class Trie {
   public:
    void Add(std::string_view text, TokenId id);
    static constexpr uint32_t kNone = UINT32_MAX;
    uint32_t Child(uint32_t node, uint8_t byte) const;
    uint32_t IdAt(uint32_t node) const { return ids_[node]; }

   private:
    struct Edge {
      uint64_t key = UINT64_MAX;  // node << 8 | byte
      uint32_t child = 0;
    };
    void Grow();
    std::vector<Edge> edges_;
    std::vector<uint32_t> ids_{kNone};  // of the token that ends at each node
    uint64_t seed_ = HashSeed();
  };

  Unigram(Vocab vocab, std::vector<Piece> pieces, Options options);
  core::Status Emit(std::string_view text, const TokenSet* avoid, std::vector<TokenId>& out) const;

  std::vector<std::string> texts_;  // by id, with those that came twice
  std::vector<double> scores_;
  Options options_;
  double unknown_score_ = 0;
  Trie trie_;
  std::array<TokenId, 256> byte_ids_{};
};

}  // namespace ingot::text

#endif  // INGOT_TEXT_TOKEN_UNIGRAM_H_
