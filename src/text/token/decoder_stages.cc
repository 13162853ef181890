#include <utility>

#include "core/strings.h"
#include "text/token/byte_level.h"
#include "text/token/decoder.h"
#include "text/token/model.h"
#include "text/token/utf8.h"

namespace ingot::text {

using core::Status;
using Kind = DecoderStep::Kind;

namespace {

void ReplaceText(std::string& text, std::string_view from, std::string_view to) {
  if (from.empty()) return;
  size_t at = text.find(from);
  if (at == std::string::npos) return;
  std::string out;
  size_t kept = 0;
  for (; at != std::string::npos; at = text.find(from, kept)) {
    out.append(text, kept, at - kept);
    out.append(to);
    kept = at + from.size();
  }
  out.append(text, kept);
  text.swap(out);
}

// The length of the longest end of text that pattern begins with, short of all of pattern.
size_t PartialMatch(std::string_view text, std::string_view pattern) {
  size_t length = std::min(text.size(), pattern.size() - 1);
  while (length > 0 && text.substr(text.size() - length) != pattern.substr(0, length)) --length;
  return length;
}

class Stage : public TextSink {
 public:
  explicit Stage(TextSink& next) : next_(next) {}
  void End() override {
    Flush();
    next_.End();
  }

 protected:
  virtual void Flush() {}  // what is held back, now that nothing follows
  TextSink& next_;
};

class WholeStage : public Stage {
 public:
  using Stage::Stage;
  void Take(std::string_view text, bool begins) override {
    if (begins) Flush();
    held_ = true;
    text_.append(text);
  }

 protected:
  void Flush() override {
    if (!std::exchange(held_, false)) return;
    next_.Take(text_, true);
    text_.clear();
  }

 private:
  bool held_ = false;
  std::string text_;
};

class SpaceStage : public Stage {
 public:
  using Stage::Stage;
  void Take(std::string_view text, bool begins) override {
    if (begins && std::exchange(any_, true)) next_.Take(" ", true);
    next_.Take(text, true);
  }

 private:
  bool any_ = false;
};

class MapStage : public Stage {
 public:
  using Stage::Stage;
  void Take(std::string_view text, bool begins) override {
    const std::optional<std::string> bytes = FromByteLevel(text);
    next_.Take(bytes ? std::string_view(*bytes) : text, begins);
  }
};

// Bytes become text as soon as they are whole characters.
class ByteStage : public Stage {
 public:
  using Stage::Stage;
  void Take(std::string_view bytes, bool) override {
    if (!held_.empty()) {
      held_.append(bytes);
      bytes = held_;
    }
    std::string rest;
    while (!bytes.empty()) {
      const size_t valid = ValidPrefix(bytes);
      Emit(bytes.substr(0, valid));
      bytes.remove_prefix(valid);
      if (bytes.empty()) break;
      const BrokenPoint broken = MeasureBroken(bytes);
      if (broken.unfinished) {
        rest = bytes;
        break;
      }
      Emit(kReplacement);
      bytes.remove_prefix(broken.bytes);
    }
    held_ = std::move(rest);
  }

 protected:
  void Flush() override {
    if (!held_.empty()) Emit(kReplacement);
    held_.clear();
  }

 private:
  void Emit(std::string_view text) {
    if (!text.empty()) next_.Take(text, std::exchange(first_, false));
  }
  bool first_ = true;  // all tokens become one
  std::string held_;
};

class FuseStage : public Stage {
 public:
  using Stage::Stage;
  void Take(std::string_view text, bool) override {
    if (!text.empty()) next_.Take(text, std::exchange(first_, false));
  }

 private:
  bool first_ = true;
};

class MetaspaceStage : public Stage {
 public:
  MetaspaceStage(const DecoderStep& step, TextSink& next) : Stage(next), hide_(step.flag) {
    AppendPoint(mark_, step.point);
  }
  void Take(std::string_view text, bool begins) override {
    if (begins) ++tokens_;
    std::string shown(text);
    ReplaceText(shown, mark_, tokens_ == 1 && hide_ ? "" : " ");
    next_.Take(shown, begins);
  }

 private:
  std::string mark_;
  bool hide_;
  size_t tokens_ = 0;
};

class WordPieceStage : public Stage {
 public:
  WordPieceStage(const DecoderStep& step, TextSink& next)
      : Stage(next), prefix_(step.text), clean_(step.flag) {}
  void Take(std::string_view text, bool) override {
    std::string shown;
    if (std::exchange(first_, false)) {
      shown = text;
    } else if (text.starts_with(prefix_)) {
      shown = text.substr(prefix_.size());
    } else {
      shown = core::StrCat(" ", text);
    }
    next_.Take(clean_ ? CleanUp(shown) : shown, true);
  }

 private:
  std::string prefix_;
  bool clean_;
  bool first_ = true;
};

// Tokens that spell a byte wait until another kind of token comes: only then it is known whether
// all of them together are text. If they are not, each becomes U+FFFD.
class FallbackStage : public Stage {
 public:
  using Stage::Stage;
  void Take(std::string_view text, bool) override {
    if (const std::optional<uint8_t> byte = ByteOfToken(text)) {
      bytes_.push_back(static_cast<char>(*byte));
      return;
    }
    Flush();
    next_.Take(text, true);
  }

 protected:
  void Flush() override {
    if (bytes_.empty()) return;
    if (ValidPrefix(bytes_) == bytes_.size()) {
      next_.Take(bytes_, true);
    } else {
      for (size_t i = 0; i < bytes_.size(); ++i) next_.Take(kReplacement, true);
    }
    bytes_.clear();
  }

 private:
  std::string bytes_;
};

// After a fusing stage the token comes in parts, so that only its start may be stripped here; with
// an end to strip, tokens are put together first.
class StripStage : public Stage {
 public:
  StripStage(const DecoderStep& step, TextSink& next) : Stage(next), step_(step) {
    start_only_ = step.stop == 0;
  }
  void Take(std::string_view text, bool begins) override {
    if (!start_only_) return next_.Take(StripEnds(step_, text), true);
    if (begins) left_ = step_.start;
    while (left_ > 0 && !text.empty()) {
      size_t at = 0;
      if (NextPoint(text, at) != step_.point) {
        left_ = 0;
        break;
      }
      text.remove_prefix(at);
      --left_;
    }
    next_.Take(text, begins);
  }

 private:
  DecoderStep step_;
  bool start_only_;
  uint64_t left_ = 0;  // how many may still go from this token
};

class ReplaceStage : public Stage {
 public:
  ReplaceStage(const DecoderStep& step, TextSink& next) : Stage(next), step_(step) {}
  void Take(std::string_view text, bool begins) override {
    if (step_.regex) return next_.Take(ReplaceAll(step_, text), true);
    // A fixed text may come in parts: the start of one is kept until it is complete or not.
    if (begins) Flush();
    begins_ |= begins;
    held_.append(text);
    std::string out;
    size_t kept = 0;
    for (size_t at = held_.find(step_.text); at != std::string::npos;
         at = held_.find(step_.text, kept)) {
      out.append(held_, kept, at - kept);
      out.append(step_.content);
      kept = at + step_.text.size();
    }
    const std::string_view rest = std::string_view(held_).substr(kept);
    const size_t partial = PartialMatch(rest, step_.text);
    out.append(rest.substr(0, rest.size() - partial));
    held_.erase(0, held_.size() - partial);
    if (!out.empty() || begins_) next_.Take(out, std::exchange(begins_, false));
  }

 protected:
  void Flush() override {
    if (!held_.empty()) next_.Take(held_, std::exchange(begins_, false));
    held_.clear();
  }

 private:
  DecoderStep step_;
  std::string held_;
  bool begins_ = false;
};

// The suffix that ends a word becomes a space, but not at the very end: the last token waits.
class SuffixStage : public Stage {
 public:
  SuffixStage(const DecoderStep& step, TextSink& next) : Stage(next), suffix_(step.text) {}
  void Take(std::string_view text, bool) override {
    if (held_) Emit(" ");
    held_ = true;
    text_ = text;
  }

 protected:
  void Flush() override {
    if (held_) Emit("");
    held_ = false;
  }

 private:
  void Emit(std::string_view end) {
    ReplaceText(text_, suffix_, end);
    next_.Take(text_, true);
  }
  std::string suffix_;
  bool held_ = false;
  std::string text_;
};

class CtcStage : public Stage {
 public:
  CtcStage(const DecoderStep& step, TextSink& next) : Stage(next), step_(step) {}
  void Take(std::string_view text, bool) override {
    if (last_ && *last_ == text) return;
    last_ = text;
    std::string shown(text);
    ReplaceText(shown, step_.text, "");
    if (step_.flag) {
      shown = CleanUp(shown);
      ReplaceText(shown, step_.content, " ");
    }
    if (!shown.empty()) next_.Take(shown, true);
  }

 private:
  DecoderStep step_;
  std::optional<std::string> last_;
};

}  // namespace

std::unique_ptr<TextSink> MakeWhole(TextSink& next) { return std::make_unique<WholeStage>(next); }
std::unique_ptr<TextSink> MakeByteMap(TextSink& next) { return std::make_unique<MapStage>(next); }

std::unique_ptr<TextSink> MakeStage(const DecoderStep& step, TextSink& next) {
  switch (step.kind) {
    case Kind::kJoinWithSpaces:
      return std::make_unique<SpaceStage>(next);
    case Kind::kByteLevel:
      return std::make_unique<ByteStage>(next);
    case Kind::kMetaspace:
      return std::make_unique<MetaspaceStage>(step, next);
    case Kind::kWordPiece:
      return std::make_unique<WordPieceStage>(step, next);
    case Kind::kByteFallback:
      return std::make_unique<FallbackStage>(next);
    case Kind::kFuse:
      return std::make_unique<FuseStage>(next);
    case Kind::kStrip:
      return std::make_unique<StripStage>(step, next);
    case Kind::kReplace:
      return std::make_unique<ReplaceStage>(step, next);
    case Kind::kBpeSuffix:
      return std::make_unique<SuffixStage>(step, next);
    case Kind::kCtc:
      return std::make_unique<CtcStage>(step, next);
  }
  return std::make_unique<FuseStage>(next);
}

std::string ReplaceAll(const DecoderStep& step, std::string_view token) {
  std::string out;
  if (!step.regex) {
    out = token;
    ReplaceText(out, step.text, step.content);
    return out;
  }
  size_t kept = 0;
  RegexScratch scratch;
  const auto replace = [&](size_t begin, size_t end) {
    out.append(token.substr(kept, begin - kept));
    out.append(step.content);
    kept = end;
    return Status::Ok();
  };
  // A pattern that reaches its limit leaves the rest of the token as it stands.
  static_cast<void>(step.regex->Find(token, scratch, replace));
  out.append(token.substr(kept));
  return out;
}

std::string_view StripEnds(const DecoderStep& step, std::string_view token) {
  for (uint64_t i = 0; i < step.start && !token.empty(); ++i) {
    size_t at = 0;
    if (NextPoint(token, at) != step.point) break;
    token.remove_prefix(at);
  }
  for (uint64_t i = 0; i < step.stop && !token.empty(); ++i) {
    const size_t last = PreviousStart(token, token.size());
    if (PointAt(token, last) != step.point) break;
    token.remove_suffix(token.size() - last);
  }
  return token;
}

std::string CleanUp(std::string_view text) {
  static constexpr std::pair<std::string_view, std::string_view> kRules[] = {
      {" .", "."},   {" ?", "?"},     {" !", "!"},    {" ,", ","},
      {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},  {" do not", " don't"},
      {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  std::string out(text);
  if (out.find(' ') == std::string::npos) return out;
  for (const auto& [from, to] : kRules) ReplaceText(out, from, to);
  return out;
}

}  // namespace ingot::text
