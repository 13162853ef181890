// From tokens back to text: the "decoder" of tokenizer.json, as a chain of stages that tokens flow
// through. Everything is streaming: a stage holds back only what the tokens to come may still
// change, and decoding a whole list is the same flow to its end. So the pieces of a stream, put
// together, are always what decoding the whole list gives.
//
// A DecoderPlan is immutable after loading; a DecoderFlow belongs to one thread.
#ifndef INGOT_TEXT_TOKEN_DECODER_H_
#define INGOT_TEXT_TOKEN_DECODER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "text/token/component.h"
#include "text/token/regex.h"

namespace ingot::text {

// One step of the chain, as tokenizer.json has it.
struct DecoderStep {
  enum class Kind {
    kJoinWithSpaces,  // what no decoder at all means
    kByteLevel,
    kMetaspace,
    kWordPiece,
    kByteFallback,
    kFuse,
    kStrip,
    kReplace,
    kBpeSuffix,
    kCtc,
  };
  Kind kind = Kind::kFuse;
  std::string text;     // prefix of WordPiece, suffix of BPE, what Replace looks for, pad of CTC
  std::string content;  // what Replace puts there, delimiter of words of CTC
  std::shared_ptr<const Regex> regex;  // of Replace, unless it looks for a fixed text
  uint32_t point = 0;                  // of Metaspace and Strip
  bool flag = false;                   // Metaspace: a space before the first word is not shown;
                                       // WordPiece, CTC: clean up
  uint64_t start = 0;                  // of Strip
  uint64_t stop = 0;
};

// Where text goes.
class TextSink {
 public:
  virtual ~TextSink() = default;
  // A token, or a part of one: `begins` tells the first part of each.
  virtual void Take(std::string_view text, bool begins) = 0;
  // No more tokens. Called once.
  virtual void End() = 0;
};

class DecoderPlan {
 public:
  DecoderPlan();  // no decoder: tokens with spaces between them
  // BPEDecoder ByteFallback ByteLevel CTC Fuse Metaspace Replace Sequence Strip WordPiece.
  static core::Result<DecoderPlan> Load(const Component& component);

  // The first steps, as far as they look at one token alone, done to one token; what a flow takes.
  // Byte-level tokens become the bytes they stand for. Appends to out.
  void Prepare(std::string_view token, std::string& out) const;
  // What a token, prepared, adds to a text in the midst of others, as bytes.
  std::string Bytes(std::string_view prepared) const;
  // The whole chain is: bytes, put together.
  bool only_joins_bytes() const;

  // The stages after the prepared ones, in the order that tokens flow through them.
  const std::vector<DecoderStep>& steps() const { return steps_; }

 private:
  static core::Status Collect(const Component& component, std::vector<DecoderStep>& steps);
  void TakeLocalSteps();

  std::vector<DecoderStep> local_;
  std::vector<DecoderStep> steps_;
};

// Tokens in, text out, as far as it is certain.
class DecoderFlow {
 public:
  explicit DecoderFlow(const DecoderPlan& plan);
  ~DecoderFlow();
  DecoderFlow(DecoderFlow&&) noexcept;
  DecoderFlow& operator=(DecoderFlow&&) noexcept;

  void Push(std::string_view prepared);
  void Finish();
  // What has come out since the last call.
  std::string TakeText();

 private:
  class Collector;
  std::unique_ptr<Collector> end_;
  std::vector<std::unique_ptr<TextSink>> stages_;  // the first takes the tokens
};

// In decoder_stages.cc. A stage hands its output to next, which outlives it.
std::unique_ptr<TextSink> MakeStage(const DecoderStep& step, TextSink& next);
// Puts the parts of tokens together.
std::unique_ptr<TextSink> MakeWhole(TextSink& next);
// Byte-level tokens become the bytes they stand for; a flow gets its first tokens so.
std::unique_ptr<TextSink> MakeByteMap(TextSink& next);
// Replace and Strip on one whole token.
std::string ReplaceAll(const DecoderStep& step, std::string_view token);
std::string_view StripEnds(const DecoderStep& step, std::string_view token);
// The English clean-up of WordPiece and CTC.
std::string CleanUp(std::string_view text);

}  // namespace ingot::text

#endif  // INGOT_TEXT_TOKEN_DECODER_H_
