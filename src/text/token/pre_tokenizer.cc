#include "text/token/pre_tokenizer.h"

#include <algorithm>
#include <vector>

#include "text/token/delimiters.h"
#include "text/token/unicode.h"
#include "text/token/utf8.h"

namespace ingot::text {

using core::Result;
using core::Status;
using PreTokenizerPtr = std::unique_ptr<PreTokenizer>;

namespace {

bool IsPunctuation(uint32_t point) {
  if (point >= 0x80) return IsPunctuation8(point);
  return (point >= '!' && point <= '/') || (point >= ':' && point <= '@') ||
         (point >= '[' && point <= '`') || (point >= '{' && point <= '~');
}

// Every character for which is_delimiter holds is a delimiter of its own.
template <typename Test>
Status SplitAt(const Piece& piece, Delimiters rule, const Test& is_delimiter, PieceSink sink) {
  SpanJoiner joiner(piece, rule, sink);
  size_t begin = 0;
  for (size_t at = 0; at < piece.text.size();) {
    const size_t here = at;
    if (!is_delimiter(NextPoint(piece.text, at))) continue;
    if (begin < here) INGOT_TRY(joiner.Add(begin, here, false));
    INGOT_TRY(joiner.Add(here, at, true));
    begin = at;
  }
  if (begin < piece.text.size()) INGOT_TRY(joiner.Add(begin, piece.text.size(), false));
  return joiner.Finish();
}

class PunctuationSplit : public PreTokenizer {
 public:
  explicit PunctuationSplit(Delimiters rule) : rule_(rule) {}
  Status Split(const Piece& piece, RegexScratch&, PieceSink sink) const override {
    return SplitAt(piece, rule_, IsPunctuation, sink);
  }
  AtSpace at_space() const override { return AtSpace::kLocal; }

 private:
  Delimiters rule_;
};

class DigitSplit : public PreTokenizer {
 public:
  explicit DigitSplit(bool each) : rule_(each ? Delimiters::kIsolated : Delimiters::kContiguous) {}
  Status Split(const Piece& piece, RegexScratch&, PieceSink sink) const override {
    return SplitAt(piece, rule_, IsNumeric17, sink);
  }
  AtSpace at_space() const override { return AtSpace::kLocal; }

 private:
  Delimiters rule_;
};

class CharacterSplit : public PreTokenizer {
 public:
  explicit CharacterSplit(uint32_t delimiter) : delimiter_(delimiter) {}
  Status Split(const Piece& piece, RegexScratch&, PieceSink sink) const override {
    return SplitAt(
        piece, Delimiters::kRemoved, [this](uint32_t point) { return point == delimiter_; }, sink);
  }
  AtSpace at_space() const override { return delimiter_ == ' ' ? AtSpace::kCut : AtSpace::kLocal; }

 private:
  uint32_t delimiter_;
};

class SpaceSplit : public PreTokenizer {
 public:
  Status Split(const Piece& piece, RegexScratch&, PieceSink sink) const override {
    return SplitAt(piece, Delimiters::kRemoved, IsSpace, sink);
  }
  AtSpace at_space() const override { return AtSpace::kCut; }
};

class BertSplit : public PreTokenizer {
 public:
  Status Split(const Piece& piece, RegexScratch&, PieceSink sink) const override {
    const auto words = [&](const Piece& word) {
      return SplitAt(word, Delimiters::kIsolated, IsPunctuation, sink);
    };
    return SplitAt(piece, Delimiters::kRemoved, IsSpace, words);
  }
  AtSpace at_space() const override { return AtSpace::kCut; }
};

// Runs of word characters, and runs of what is neither word nor space.
class WordSplit : public PreTokenizer {
 public:
  Status Split(const Piece& piece, RegexScratch&, PieceSink sink) const override {
    enum class Kind { kSpace, kWord, kOther };
    const auto kind_of = [](uint32_t point) {
      return IsWord16(point) ? Kind::kWord : IsSpace(point) ? Kind::kSpace : Kind::kOther;
    };
    size_t begin = 0;
    Kind kind = Kind::kSpace;
    const auto emit = [&](size_t end) {
      if (kind == Kind::kSpace || begin == end) return Status::Ok();
      return sink({piece.text.substr(begin, end - begin), piece.at_start && begin == 0});
    };
    for (size_t at = 0; at < piece.text.size();) {
      const size_t here = at;
      const Kind next = kind_of(NextPoint(piece.text, at));
      if (next == kind) continue;
      INGOT_TRY(emit(here));
      begin = here;
      kind = next;
    }
    return emit(piece.text.size());
  }
  AtSpace at_space() const override { return AtSpace::kCut; }
};

class FixedLengthSplit : public PreTokenizer {
 public:
  explicit FixedLengthSplit(uint64_t length) : length_(length) {}
  Status Split(const Piece& piece, RegexScratch&, PieceSink sink) const override {
    for (size_t begin = 0; begin < piece.text.size();) {
      size_t end = begin;
      for (uint64_t i = 0; i < length_ && end < piece.text.size(); ++i) {
        end += Utf8Length(piece.text[end]);
      }
      INGOT_TRY(sink({piece.text.substr(begin, end - begin), piece.at_start && begin == 0}));
      begin = end;
    }
    return Status::Ok();
  }

 private:
  uint64_t length_;
};

// Cuts where the script changes. As in the original, spaces belong to no script and go with what is
// before them, and spaces at the very start are lost.
class ScriptSplit : public PreTokenizer {
 public:
  Status Split(const Piece& piece, RegexScratch&, PieceSink sink) const override {
    const uint8_t any = 0;
    size_t begin = std::string_view::npos;
    uint8_t last = any;
    bool seen = false;
    for (size_t at = 0; at < piece.text.size();) {
      const size_t here = at;
      const uint8_t script = ScriptOf(NextPoint(piece.text, at));
      if (script == any) continue;
      if (!seen || script != last) {
        if (seen) INGOT_TRY(Emit(piece, begin, here, sink));
        begin = here;
      }
      last = script;
      seen = true;
    }
    return seen ? Emit(piece, begin, piece.text.size(), sink) : Status::Ok();
  }

 private:
  static Status Emit(const Piece& piece, size_t begin, size_t end, PieceSink sink) {
    return sink({piece.text.substr(begin, end - begin), piece.at_start && begin == 0});
  }
  static uint8_t Named(std::string_view name) {
    uint8_t script = 1;
    while (script < ScriptCount() && ScriptName(script) != name) ++script;
    return script;
  }
  // Japanese mixes three scripts within a word: they count as one.
  static uint8_t ScriptOf(uint32_t point) {
    static const uint8_t han = Named("Han");
    static const uint8_t hiragana = Named("Hiragana");
    static const uint8_t katakana = Named("Katakana");
    if (point == ' ') return 0;
    const uint8_t script = Scripts9()[point];
    return point == 0x30FC || script == hiragana || script == katakana ? han : script;
  }
};

class SequenceSplit : public PreTokenizer {
 public:
  explicit SequenceSplit(std::vector<PreTokenizerPtr> steps) : steps_(std::move(steps)) {}

  Status Split(const Piece& piece, RegexScratch& scratch, PieceSink sink) const override {
    return From(0, piece, scratch, sink);
  }

  AtSpace at_space() const override {
    for (const PreTokenizerPtr& step : steps_) {
      const AtSpace here = step->at_space();
      if (here != AtSpace::kLocal) return here;
    }
    return AtSpace::kLocal;
  }
  bool asks_start() const override {
    return std::any_of(steps_.begin(), steps_.end(),
                       [](const PreTokenizerPtr& step) { return step->asks_start(); });
  }
  bool ends_in_bytes() const override { return !steps_.empty() && steps_.back()->ends_in_bytes(); }
  void HandOutBytes() override { steps_.back()->HandOutBytes(); }

 private:
  Status From(size_t step, const Piece& piece, RegexScratch& scratch, PieceSink sink) const {
    if (step == steps_.size()) return sink(piece);
    if (step + 1 == steps_.size()) return steps_[step]->Split(piece, scratch, sink);
    const auto next = [&](const Piece& part) { return From(step + 1, part, scratch, sink); };
    return steps_[step]->Split(piece, scratch, next);
  }

  std::vector<PreTokenizerPtr> steps_;
};

template <typename Kind>
Result<PreTokenizerPtr> LoadPlain(const Component&) {
  return PreTokenizerPtr(std::make_unique<Kind>());
}

Result<PreTokenizerPtr> LoadPunctuation(const Component& component) {
  Delimiters rule = Delimiters::kIsolated;
  if (component.Find("behavior") != nullptr) {
    INGOT_ASSIGN(rule, DelimitersField(component, "behavior"));
  }
  return PreTokenizerPtr(std::make_unique<PunctuationSplit>(rule));
}

Result<PreTokenizerPtr> LoadDigits(const Component& component) {
  INGOT_ASSIGN(const bool each, component.Bool("individual_digits"));
  return PreTokenizerPtr(std::make_unique<DigitSplit>(each));
}

Result<PreTokenizerPtr> LoadCharacter(const Component& component) {
  INGOT_ASSIGN(const uint32_t delimiter, component.Point("delimiter"));
  return PreTokenizerPtr(std::make_unique<CharacterSplit>(delimiter));
}

Result<PreTokenizerPtr> LoadFixedLength(const Component& component) {
  uint64_t length = 5;
  if (component.Find("length") != nullptr) {
    INGOT_ASSIGN(length, component.Unsigned("length"));
  }
  if (length == 0) return component.Fail("length", "at least 1");
  return PreTokenizerPtr(std::make_unique<FixedLengthSplit>(length));
}

Result<PreTokenizerPtr> LoadSequence(const Component& component) {
  INGOT_ASSIGN(const std::vector<Component> list, component.List("pretokenizers"));
  std::vector<PreTokenizerPtr> steps;
  for (const Component& element : list) {
    INGOT_ASSIGN(PreTokenizerPtr step, LoadPreTokenizer(element));
    steps.push_back(std::move(step));
  }
  return PreTokenizerPtr(std::make_unique<SequenceSplit>(std::move(steps)));
}

struct Kind {
  std::string_view type;
  Result<PreTokenizerPtr> (*load)(const Component&);
};
constexpr Kind kKinds[] = {
    {"BertPreTokenizer", LoadPlain<BertSplit>},
    {"Whitespace", LoadPlain<WordSplit>},
    {"WhitespaceSplit", LoadPlain<SpaceSplit>},
    {"UnicodeScripts", LoadPlain<ScriptSplit>},
    {"ByteLevel", LoadByteLevelSplit},
    {"CharDelimiterSplit", LoadCharacter},
    {"Digits", LoadDigits},
    {"FixedLength", LoadFixedLength},
    {"Metaspace", LoadMetaspaceSplit},
    {"Punctuation", LoadPunctuation},
    {"Sequence", LoadSequence},
    {"Split", LoadPatternSplit},
};

}  // namespace

Result<PreTokenizerPtr> LoadPreTokenizer(const Component& component) {
  INGOT_ASSIGN(const std::string type, component.Type());
  for (const Kind& kind : kKinds) {
    if (type == kind.type) return kind.load(component);
  }
  return component.Unknown(type);
}

}  // namespace ingot::text
