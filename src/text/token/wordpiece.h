// WordPiece: from the left, always the longest token; a word that cannot be finished is one unknown
// token. WordLevel: a word is a token or unknown.
#ifndef INGOT_TEXT_TOKEN_WORDPIECE_H_
#define INGOT_TEXT_TOKEN_WORDPIECE_H_

#include <string>
#include <vector>

#include "text/token/model.h"

namespace ingot::text {

struct WordPieceOptions {
  std::string unknown;
  std::string continuing_prefix;  // "##"
  uint64_t longest_word = 100;    // characters
};

class WordPiece : public Model {
 public:
  WordPiece(Vocab vocab, WordPieceOptions options);
  std::optional<TokenId> unknown() const override { return unknown_; }

 protected:
  core::Status EncodeWord(std::string_view word, const TokenSet* avoid, ModelScratch& scratch,
                          std::vector<TokenId>& out) const override;

 private:
  WordPieceOptions options_;
  std::optional<TokenId> unknown_;
};

class WordLevel : public Model {
 public:
  WordLevel(Vocab vocab, std::string_view unknown);
  std::optional<TokenId> unknown() const override { return unknown_; }

 protected:
  core::Status EncodeWord(std::string_view word, const TokenSet* avoid, ModelScratch& scratch,
                          std::vector<TokenId>& out) const override;

 private:
  std::optional<TokenId> unknown_;
};

}  // namespace ingot::text

#endif  // INGOT_TEXT_TOKEN_WORDPIECE_H_
