// What turns a piece of text into tokens: BPE, WordPiece, Unigram or WordLevel, the "model" of
// tokenizer.json. Immutable after loading; any thread may encode, each with its own scratch.
#ifndef INGOT_TEXT_TOKEN_MODEL_H_
#define INGOT_TEXT_TOKEN_MODEL_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "text/token/vocab.h"
#include "text/token/word_cache.h"

namespace ingot::text {

// Working memory of encoding, kept from piece to piece so that nothing is allocated for each.
struct ModelScratch {
  WordCache cache;
  // BPE: the symbols of one word, linked, and the merges that wait.
  struct Symbol {
    TokenId id = 0;
    uint32_t previous = 0;
    uint32_t next = 0;
    bool gone = false;
  };
  std::vector<Symbol> symbols;
  struct Merge {
    uint64_t order = 0;  // rank << 32 | position: the smallest goes first
    TokenId result = 0;
  };
  std::vector<Merge> merges;
  // Unigram: the best way to each byte.
  struct Step {
    double score = 0;
    uint32_t begin = 0;
    TokenId id = 0;
    bool reached = false;
  };
  std::vector<Step> steps;
  std::vector<uint32_t> cuts;
};

class Model {
 public:
  virtual ~Model() = default;

  // Appends the tokens of a piece, which is not empty.
  core::Status Encode(std::string_view piece, ModelScratch& scratch,
                      std::vector<TokenId>& out) const;
  // The same without the tokens in `avoid`, which the text may spell but must not become. Costs
  // more only for pieces that would have become one.
  core::Status EncodeAvoiding(std::string_view piece, const TokenSet& avoid, ModelScratch& scratch,
                              std::vector<TokenId>& out) const;

  const Vocab& vocab() const { return vocab_; }
  // How many tokens the file counts, which is what ids of added tokens are given from.
  virtual size_t size() const { return vocab_.size(); }
  virtual std::optional<TokenId> unknown() const { return std::nullopt; }
  virtual std::optional<std::string_view> Text(TokenId id) const { return vocab_.Text(id); }

  // BPE alone: takes pieces as plain bytes from now on, where every byte has its character in the
  // vocabulary. Called once, at loading.
  virtual bool TakeBytes() { return false; }
  // True when a piece may be cut between these two characters without changing its tokens.
  virtual bool CanCut(uint32_t, uint32_t) const { return false; }

 protected:
  explicit Model(Vocab vocab) : vocab_(std::move(vocab)) {}
  // Without cache. avoid may be null.
  virtual core::Status EncodeWord(std::string_view word, const TokenSet* avoid,
                                  ModelScratch& scratch, std::vector<TokenId>& out) const = 0;

  Vocab vocab_;
};

// "<0x0A>" for 10.
std::string ByteTokenText(uint8_t byte);
// 10 for "<0x0A>"; either case of hexadecimal digits.
std::optional<uint8_t> ByteOfToken(std::string_view text);

// The error for text that a model has no way to write down. Nothing is ever dropped instead.
core::Status NoTokenFor(std::string_view text);

}  // namespace ingot::text

#endif  // INGOT_TEXT_TOKEN_MODEL_H_
