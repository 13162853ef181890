// A tokenizer as its checkpoint defines it: text to token ids and back, id for id what the
// `tokenizers` library gives for the same tokenizer.json.
//
// Text that is not valid UTF-8 is repaired first: each broken sequence becomes U+FFFD, as Python's
// errors="replace" does. Beyond what a normalizer or a removing pre-tokenizer takes away by its
// definition nothing is dropped: a character that the model cannot write down is an error.
//
// Immutable after loading: any number of threads may encode and decode at once. Long text is
// encoded on the shared thread pool. A TokenStream belongs to one thread.
#ifndef INGOT_TEXT_TOKEN_TOKENIZER_H_
#define INGOT_TEXT_TOKEN_TOKENIZER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "text/token/added_tokens.h"
#include "text/token/decoder.h"
#include "text/token/model.h"
#include "text/token/normalizer.h"
#include "text/token/post_processor.h"
#include "text/token/pre_tokenizer.h"

namespace ingot::text {

// A part of a text, and whether control tokens may be read out of it. Text from users, tools and
// documents may not: <|im_start|> in it stays the characters that it is.
struct TextSegment {
  std::string_view text;
  bool trusted = true;
};

struct EncodeOptions {
  // Add what the post-processor puts around a text ([CLS], <s>, ...).
  bool add_special = true;
  // Tokens that untrusted text must not become, beside the special ones: those that a parser of
  // the model's output gives a meaning to (<tool_call>, <think>).
  std::span<const TokenId> also_guarded;
  // At most that many tokens, the added ones included, of the front of the text; 0: no limit.
  size_t max_tokens = 0;
  // Threads of the shared pool for long text, or the calling thread alone. The tokens are the same.
  bool parallel = true;
};

// What tokenizer.json says about batches. Neither happens unless a caller asks for it, as is the
// way of those who load tokenizers with `transformers`.
struct BatchHints {
  std::optional<size_t> truncate_to;
  std::optional<TokenId> pad_id;
};

class TokenStream;

class Tokenizer {
 public:
  // The text of a tokenizer.json. Unknown components are refused by name.
  static core::Result<std::unique_ptr<Tokenizer>> Load(std::string_view json);
  ~Tokenizer();

  core::Result<std::vector<TokenId>> Encode(std::string_view text,
                                            const EncodeOptions& options = {}) const;
  // The segments are one text: tokens may span from one to the next, as in the text without
  // segments, but no special token is read out of bytes that are not all trusted.
  core::Result<std::vector<TokenId>> EncodeSegments(std::span<const TextSegment> segments,
                                                    const EncodeOptions& options = {}) const;
  core::Result<std::vector<TokenId>> EncodePair(std::string_view first, std::string_view second,
                                                const EncodeOptions& options = {}) const;

  // Ids beyond the vocabulary have no text.
  std::string Decode(std::span<const TokenId> ids, bool skip_special = false) const;
  TokenStream Stream(bool skip_special = false) const;

  // One more than the highest id.
  TokenId id_end() const { return id_end_; }
  // As the vocabulary spells it ("Ġthe", "▁the", "<0x0A>").
  std::optional<std::string_view> TokenText(TokenId id) const;
  std::optional<TokenId> TokenOf(std::string_view text) const;
  // The bytes that the token adds to a text in the midst of others; "\n" for <0x0A>. Empty for ids
  // beyond the vocabulary. They need not be whole characters.
  std::string_view TokenBytes(TokenId id) const;
  bool IsSpecial(TokenId id) const { return special_.Contains(id); }
  const AddedTokens& added() const { return added_; }
  // What is odd about the file and was settled as the reference settles it; for a log.
  const std::vector<std::string>& notes() const { return notes_; }
  const BatchHints& batch_hints() const { return hints_; }
  const PostProcessor& post_processor() const { return post_; }

 private:
  friend class TokenStream;
  friend class TokenizerLoader;
  struct Scratch;  // working memory of one thread
  struct Pool;     // of those that wait to be used again
  class Lease;
  struct Run;  // one call of Encode

  Tokenizer();
  void Finish();  // the tables that need all parts
  core::Result<std::vector<TokenId>> EncodeText(std::string_view text, const Trust& trust,
                                                const EncodeOptions& options) const;
  core::Status EncodeChunk(std::string_view chunk, size_t offset, Run& run) const;
  core::Status EncodeSpan(std::string_view text, bool at_start, bool guarded, Run& run) const;
  core::Status EncodePieces(std::string_view text, bool at_start, bool guarded, const Run& run,
                            Scratch& scratch, std::vector<TokenId>& out) const;
  core::Status EncodeBlocks(std::string_view text, const std::vector<size_t>& ends, bool at_start,
                            bool guarded, Run& run) const;
  std::vector<size_t> Blocks(std::string_view text) const;
  std::unique_ptr<Normalizer> normalizer_;       // may be null
  std::unique_ptr<PreTokenizer> pre_tokenizer_;  // may be null
  std::unique_ptr<Model> model_;
  AddedTokens added_;
  PostProcessor post_;
  DecoderPlan decoder_;
  BatchHints hints_;
  std::vector<std::string> notes_;
  TokenId id_end_ = 0;
  TokenSet special_;
  TokenSet guarded_;         // special_, and all added tokens that say so
  TokenSet avoided_;         // guarded_ without the model's unknown token
  bool asks_start_ = false;  // some pre-tokenizer wants to know where the text starts

  // Two texts for each id, end to end in one string: what a decoder flow takes, and plain bytes.
  struct Texts {
    std::string bytes;
    std::vector<uint32_t> ends;
    std::string_view operator[](TokenId id) const {
      if (id >= ends.size()) return {};
      const uint32_t begin = id == 0 ? 0 : ends[id - 1];
      return std::string_view(bytes).substr(begin, ends[id] - begin);
    }
  };
  Texts prepared_;
  Texts plain_;

  std::unique_ptr<Pool> pool_;
};

// Turns tokens into text as they come.
class TokenStream {
 public:
  // The text that is certain now that this token came; may be empty.
  std::string Push(TokenId id);
  // The rest; a torn character becomes U+FFFD. Nothing may be pushed after it.
  std::string Finish();

 private:
  friend class Tokenizer;
  TokenStream(const Tokenizer& tokenizer, bool skip_special);

  const Tokenizer* tokenizer_;
  bool skip_special_;
  DecoderFlow flow_;
};

}  // namespace ingot::text

#endif  // INGOT_TEXT_TOKEN_TOKENIZER_H_
