// Tokens that are looked for in the text itself, before the model sees any of it: control tokens
// like <|im_start|>, and others that a model's maker added. Filled while loading, then immutable.
#ifndef INGOT_TEXT_TOKEN_ADDED_TOKENS_H_
#define INGOT_TEXT_TOKEN_ADDED_TOKENS_H_

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "text/token/model.h"
#include "text/token/normalizer.h"
#include "text/token/vocab.h"

namespace ingot::text {

struct AddedToken {
  TokenId id = 0;
  std::string content;
  bool single_word = false;  // only where no word character touches it
  bool lstrip = false;       // takes the white space before it along
  bool rstrip = false;       // and after it
  bool normalized = false;   // is looked for in normalized text, by its own normalized form
  bool special = false;      // controls, and is not shown
  std::string normal;        // that form; content where nothing changed
};

// Longest match first among a set of texts, at each place.
class TextMatcher {
 public:
  struct Match {
    size_t end = 0;
    uint32_t value = 0;
  };
  // value comes back with a match; a text that comes again takes the new value.
  void Add(std::string_view text, uint32_t value);
  bool empty() const { return nodes_.empty(); }
  // The first place at or after `at` where a match might begin; text.size() when there is none.
  size_t Candidate(std::string_view text, size_t at) const;
  // The longest match that begins at `at` and passes the test.
  std::optional<Match> Longest(std::string_view text, size_t at,
                               const std::function<bool(const Match&)>& test) const;
  std::optional<Match> Longest(std::string_view text, size_t at) const;

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Node {
    uint32_t value = kNone;
    uint32_t child = kNone;    // first of its children
    uint32_t sibling = kNone;  // next child of its parent
    uint8_t byte = 0;
  };
  uint32_t Child(uint32_t node, uint8_t byte) const;

  std::vector<Node> nodes_;
  std::array<uint32_t, 256> roots_{};  // node after the first byte, kNone where none begins so
  std::string first_;                  // the distinct first bytes
};

// Which bytes of a text may become control tokens. Spans in order, not overlapping, covering it.
struct TrustedSpan {
  size_t end = 0;
  bool trusted = true;
};
struct Trust {
  std::vector<TrustedSpan> spans;     // empty: all of it
  const TokenSet* guarded = nullptr;  // tokens not to be found in untrusted text
  const TokenSet* avoided = nullptr;  // nor to be made of it by the model

  bool Covers(size_t begin, size_t end) const;  // all of [begin, end) is trusted
  // The end of the span that `at` lies in.
  size_t SpanEnd(size_t at) const;
};

class AddedTokens {
 public:
  // ids are given as the reference gives them: a text that the model or an earlier token has keeps
  // its id, others are counted on from there; the id in the file is only compared.
  core::Status Add(std::vector<AddedToken> tokens, const Model& model,
                   const Normalizer* normalizer);

  struct Span {
    std::optional<TokenId> token;
    size_t begin = 0;
    size_t end = 0;
  };
  // Cuts a text at the tokens that are looked for in it; `normal` says which of the two kinds.
  // source tells for each byte of text where it came from, for the sake of trust; empty: from
  // `offset` on, one by one.
  void Find(std::string_view text, bool normal, const Trust& trust,
            const std::vector<uint32_t>& source, size_t offset, std::vector<Span>& out) const;
  bool any(bool normal) const { return !(normal ? normal_ : raw_).empty(); }

  std::optional<TokenId> Id(std::string_view content) const;
  const AddedToken* Token(TokenId id) const;
  const std::vector<AddedToken>& tokens() const { return tokens_; }
  // Special tokens are known by their text: a model's token of the same text is one too.
  bool IsSpecialText(std::string_view text) const;

 private:
  std::vector<AddedToken> tokens_;                           // one for each id, sorted by id
  std::vector<std::pair<std::string, TokenId>> by_content_;  // sorted
  std::vector<std::string> special_;                         // sorted
  TextMatcher raw_;                                          // values are indices into tokens_
  TextMatcher normal_;
};

}  // namespace ingot::text

#endif  // INGOT_TEXT_TOKEN_ADDED_TOKENS_H_
