// How text is cut into the pieces that the model encodes one by one: the "pre_tokenizer" of
// tokenizer.json. Immutable after loading; any thread may use one, each with its own scratch.
#ifndef INGOT_TEXT_TOKEN_PRE_TOKENIZER_H_
#define INGOT_TEXT_TOKEN_PRE_TOKENIZER_H_

#include <memory>
#include <string_view>

#include "core/status.h"
#include "core/thread_pool.h"
#include "text/token/component.h"
#include "text/token/regex.h"

namespace ingot::text {

struct Piece {
  std::string_view text;  // valid UTF-8, not empty
  // It begins where the original text begins; Metaspace's "first" asks.
  bool at_start = false;
};

// Takes the pieces in order. A piece lives for the call only.
using PieceSink = core::FunctionRef<core::Status(const Piece&)>;

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  virtual core::Status Split(const Piece& piece, RegexScratch& scratch, PieceSink sink) const = 0;

  // What is known of a place where a character that is not white space stands before a plain
  // space: long text is encoded in parallel between such places, when the result is the same.
  enum class AtSpace {
    kUnknown,  // pieces on one side may depend on the other
    kLocal,    // they do not, but one may span the place, and is otherwise the same
    kCut,      // a piece always begins there, and neither side depends on the other
  };
  virtual AtSpace at_space() const { return AtSpace::kUnknown; }

  // The last step maps bytes to the characters that stand for them...
  virtual bool ends_in_bytes() const { return false; }
  // ...and need not, for a model that takes plain bytes. Called once, at loading.
  virtual void HandOutBytes() {}
  // Piece::at_start makes a difference.
  virtual bool asks_start() const { return false; }
  // The character that a step without any splitting puts in the place of spaces, 0 if this is none.
  virtual uint32_t unsplit_replacement() const { return 0; }
};

// BertPreTokenizer ByteLevel CharDelimiterSplit Digits FixedLength Metaspace Punctuation Sequence
// Split UnicodeScripts Whitespace WhitespaceSplit.
core::Result<std::unique_ptr<PreTokenizer>> LoadPreTokenizer(const Component& component);

// The makers of some, each group in its own file.
core::Result<std::unique_ptr<PreTokenizer>> LoadByteLevelSplit(const Component& component);
core::Result<std::unique_ptr<PreTokenizer>> LoadMetaspaceSplit(const Component& component);
core::Result<std::unique_ptr<PreTokenizer>> LoadPatternSplit(const Component& component);

}  // namespace ingot::text

#endif  // INGOT_TEXT_TOKEN_PRE_TOKENIZER_H_
