// Split: at the matches of a pattern or of a fixed text. ByteLevel: by GPT-2's pattern, into bytes.
#include <optional>

#include "text/token/byte_level.h"
#include "text/token/delimiters.h"
#include "text/token/pre_tokenizer.h"

namespace ingot::text {

using core::Result;
using core::Status;

namespace {

constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// What lies between the matches of a search, and the matches, are spans of the piece.
template <typename Search>
Status SplitBy(const Piece& piece, Delimiters rule, bool invert, const Search& search,
               PieceSink sink) {
  SpanJoiner joiner(piece, rule, sink);
  size_t last = 0;
  const auto visit = [&](size_t begin, size_t end) {
    if (last != begin) INGOT_TRY(joiner.Add(last, begin, invert));
    last = end;
    return joiner.Add(begin, end, !invert);
  };
  INGOT_TRY(search(visit));
  if (last != piece.text.size()) INGOT_TRY(joiner.Add(last, piece.text.size(), invert));
  return joiner.Finish();
}

class RegexSplit : public PreTokenizer {
 public:
  RegexSplit(Regex regex, Delimiters rule, bool invert)
      : regex_(std::move(regex)), rule_(rule), invert_(invert) {}
  Status Split(const Piece& piece, RegexScratch& scratch, PieceSink sink) const override {
    const auto search = [&](const auto& visit) { return regex_.Find(piece.text, scratch, visit); };
    return SplitBy(piece, rule_, invert_, search, sink);
  }

 private:
  Regex regex_;
  Delimiters rule_;
  bool invert_;
};

class LiteralSplit : public PreTokenizer {
 public:
  LiteralSplit(std::string literal, Delimiters rule, bool invert)
      : literal_(std::move(literal)), rule_(rule), invert_(invert) {}
  Status Split(const Piece& piece, RegexScratch&, PieceSink sink) const override {
    const auto search = [&](const auto& visit) {
      size_t at = piece.text.find(literal_);
      while (at != std::string_view::npos) {
        const size_t end = at + literal_.size();
        INGOT_TRY(visit(at, end));
        at = piece.text.find(literal_, end);
      }
      return Status::Ok();
    };
    return SplitBy(piece, rule_, invert_, search, sink);
  }
  AtSpace at_space() const override {
    if (Utf8Length(literal_[0]) != literal_.size()) return AtSpace::kUnknown;
    const bool begins = rule_ == Delimiters::kIsolated || rule_ == Delimiters::kContiguous ||
                        rule_ == Delimiters::kMergedWithNext || rule_ == Delimiters::kRemoved;
    return literal_ == " " && begins && !invert_ ? AtSpace::kCut : AtSpace::kLocal;
  }

 private:
  std::string literal_;
  Delimiters rule_;
  bool invert_;
};

class ByteLevelSplit : public PreTokenizer {
 public:
  ByteLevelSplit(bool prefix_space, std::optional<Regex> regex)
      : prefix_space_(prefix_space), regex_(std::move(regex)) {}

  Status Split(const Piece& piece, RegexScratch& scratch, PieceSink sink) const override {
    if (prefix_space_ && !piece.text.starts_with(' ')) {
      const std::string spaced = ' ' + std::string(piece.text);
      return Cut({spaced, piece.at_start}, scratch, sink);
    }
    return Cut(piece, scratch, sink);
  }
  AtSpace at_space() const override { return regex_ ? AtSpace::kCut : AtSpace::kLocal; }
  bool ends_in_bytes() const override { return true; }
  void HandOutBytes() override { plain_ = true; }

 private:
  Status Cut(const Piece& piece, RegexScratch& scratch, PieceSink sink) const {
    const auto emit = [&](const Piece& part) {
      if (plain_) return sink(part);
      std::string mapped;
      mapped.reserve(part.text.size() * 2);
      AppendByteLevel(mapped, part.text);
      return sink({mapped, part.at_start});
    };
    if (!regex_) return emit(piece);
    const auto search = [&](const auto& visit) { return regex_->Find(piece.text, scratch, visit); };
    return SplitBy(piece, Delimiters::kIsolated, false, search, emit);
  }

  bool prefix_space_;
  std::optional<Regex> regex_;
  bool plain_ = false;
};

}  // namespace

Result<std::unique_ptr<PreTokenizer>> LoadPatternSplit(const Component& component) {
  INGOT_ASSIGN(const Component::Pattern pattern, component.PatternField("pattern"));
  INGOT_ASSIGN(const Delimiters rule, DelimitersField(component, "behavior"));
  INGOT_ASSIGN(const bool invert, component.Bool("invert"));
  if (!pattern.is_regex && !pattern.text.empty()) {
    return std::unique_ptr<PreTokenizer>(
        std::make_unique<LiteralSplit>(pattern.text, rule, invert));
  }
  Result<Regex> regex = CompilePattern(pattern);
  if (!regex.ok()) return std::move(regex).status().Context(component.where());
  return std::unique_ptr<PreTokenizer>(
      std::make_unique<RegexSplit>(*std::move(regex), rule, invert));
}

Result<std::unique_ptr<PreTokenizer>> LoadByteLevelSplit(const Component& component) {
  INGOT_ASSIGN(const bool prefix_space, component.Bool("add_prefix_space"));
  INGOT_ASSIGN(const bool use_regex, component.BoolOr("use_regex", true));
  std::optional<Regex> regex;
  if (use_regex) {
    INGOT_ASSIGN(regex, Regex::Compile(kGpt2Pattern));
  }
  return std::unique_ptr<PreTokenizer>(
      std::make_unique<ByteLevelSplit>(prefix_space, std::move(regex)));
}

}  // namespace ingot::text
