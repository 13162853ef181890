// Metaspace: spaces become a visible character, words begin with one.
#include "text/token/pre_tokenizer.h"
#include "text/token/utf8.h"

namespace ingot::text {

using core::Result;
using core::Status;

namespace {

enum class Prepend { kAlways, kFirst, kNever };

class MetaspaceSplit : public PreTokenizer {
 public:
  MetaspaceSplit(uint32_t replacement, Prepend prepend, bool split)
      : point_(replacement), prepend_(prepend), split_(split) {
    AppendPoint(mark_, replacement);
  }

  Status Split(const Piece& piece, RegexScratch&, PieceSink sink) const override {
    std::string text;
    text.reserve(piece.text.size() + piece.text.size() / 4 + 8);
    const bool marked = piece.text.starts_with(mark_) || piece.text.starts_with(' ');
    if (!marked &&
        (prepend_ == Prepend::kAlways || (prepend_ == Prepend::kFirst && piece.at_start))) {
      text += mark_;
    }
    size_t kept = 0;
    for (size_t at = piece.text.find(' '); at != std::string_view::npos;
         at = piece.text.find(' ', kept)) {
      text.append(piece.text, kept, at - kept);
      text += mark_;
      kept = at + 1;
    }
    text.append(piece.text, kept);
    if (!split_) return sink({text, piece.at_start});
    // A piece begins at each mark.
    const std::string_view all = text;
    size_t begin = 0;
    while (begin < all.size()) {
      size_t end = all.find(mark_, begin + 1);
      if (end == std::string_view::npos) end = all.size();
      INGOT_TRY(sink({all.substr(begin, end - begin), piece.at_start && begin == 0}));
      begin = end;
    }
    return Status::Ok();
  }

  AtSpace at_space() const override { return split_ ? AtSpace::kCut : AtSpace::kUnknown; }
  bool asks_start() const override { return prepend_ == Prepend::kFirst; }
  uint32_t unsplit_replacement() const override { return split_ ? 0 : point_; }

 private:
  uint32_t point_;
  std::string mark_;
  Prepend prepend_;
  bool split_;
};

}  // namespace

Result<std::unique_ptr<PreTokenizer>> LoadMetaspaceSplit(const Component& component) {
  INGOT_ASSIGN(const uint32_t replacement, component.Point("replacement"));
  INGOT_ASSIGN(const bool split, component.BoolOr("split", true));
  INGOT_ASSIGN(const bool prefix, component.BoolOr("add_prefix_space", true));
  Prepend prepend = Prepend::kAlways;
  if (component.Find("prepend_scheme") != nullptr) {
    INGOT_ASSIGN(const std::string scheme, component.String("prepend_scheme"));
    if (scheme == "first") {
      prepend = Prepend::kFirst;
    } else if (scheme == "never") {
      prepend = Prepend::kNever;
    } else if (scheme != "always") {
      return component.Fail("prepend_scheme", "always, first or never");
    }
  }
  if (!prefix && prepend != Prepend::kNever) {
    return component.Fail("prepend_scheme", "never, because add_prefix_space is false");
  }
  return std::unique_ptr<PreTokenizer>(
      std::make_unique<MetaspaceSplit>(replacement, prepend, split));
}

}  // namespace ingot::text
