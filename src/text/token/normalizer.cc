#include "text/token/normalizer.h"

#include <optional>
#include <vector>

#include "text/token/byte_level.h"
#include "text/token/normal_forms.h"
#include "text/token/unicode.h"

namespace ingot::text {

using core::Result;
using core::Status;
using NormalizerPtr = std::unique_ptr<Normalizer>;

void LowercaseAll(NormalText& target) {
  constexpr uint32_t kDottedI = 0x130;  // the one letter whose lower case is two characters
  if (target.text.find("\xC4\xB0") == std::string::npos) {
    ChangePoints(target, ToLower17);
    return;
  }
  Rewriter out(target);
  std::string bytes;
  for (size_t at = 0; at < target.text.size();) {
    const size_t here = at;
    const uint32_t point = NextPoint(target.text, at);
    bytes.clear();
    if (point == kDottedI) {
      bytes = "i\xCC\x87";
    } else {
      AppendPoint(bytes, ToLower17(point));
    }
    out.Put(bytes, here);
  }
  out.Commit();
}

namespace {

class FormNormalizer : public Normalizer {
 public:
  explicit FormNormalizer(NormalForm form) : form_(form) {}
  Status Apply(NormalText& text) const override {
    ToNormalForm(form_, text);
    return Status::Ok();
  }

 private:
  NormalForm form_;
};

class LowercaseNormalizer : public Normalizer {
 public:
  Status Apply(NormalText& text) const override {
    LowercaseAll(text);
    return Status::Ok();
  }
};

class StripAccentsNormalizer : public Normalizer {
 public:
  Status Apply(NormalText& text) const override {
    ChangePoints(text, [](uint32_t point) { return IsMark9(point) ? kDropPoint : point; });
    return Status::Ok();
  }
};

// The clean-up of Google's NMT systems: control characters go, odd spaces become plain ones.
class NmtNormalizer : public Normalizer {
 public:
  Status Apply(NormalText& text) const override {
    ChangePoints(text, [](uint32_t point) -> uint32_t {
      if ((point >= 0x01 && point <= 0x08) || point == 0x0B || (point >= 0x0E && point <= 0x1F) ||
          point == 0x7F || point == 0x8F || point == 0x9F) {
        return kDropPoint;
      }
      const bool space = point == 0x09 || point == 0x0A || point == 0x0C || point == 0x0D ||
                         point == 0x1680 || (point >= 0x200B && point <= 0x200F) ||
                         point == 0x2028 || point == 0x2029 || point == 0x2581 || point == 0xFEFF ||
                         point == 0xFFFD;
      return space ? ' ' : point;
    });
    return Status::Ok();
  }
};

class StripNormalizer : public Normalizer {
 public:
  StripNormalizer(bool left, bool right) : left_(left), right_(right) {}
  Status Apply(NormalText& target) const override {
    const std::string_view text = target.text;
    size_t begin = 0;
    size_t end = text.size();
    while (left_ && begin < end) {
      size_t next = begin;
      if (!IsSpace(NextPoint(text, next))) break;
      begin = next;
    }
    while (right_ && end > begin) {
      const size_t start = PreviousStart(text, end);
      if (!IsSpace(PointAt(text, start))) break;
      end = start;
    }
    if (begin == 0 && end == text.size()) return Status::Ok();
    Rewriter out(target);
    out.Keep(begin, end);
    out.Commit();
    return Status::Ok();
  }

 private:
  bool left_;
  bool right_;
};

class PrependNormalizer : public Normalizer {
 public:
  explicit PrependNormalizer(std::string text) : text_(std::move(text)) {}
  Status Apply(NormalText& target) const override {
    if (target.text.empty()) return Status::Ok();
    Rewriter out(target);
    out.Put(text_, 0);
    out.Keep(0, target.text.size());
    out.Commit();
    return Status::Ok();
  }

 private:
  std::string text_;
};

class ReplaceNormalizer : public Normalizer {
 public:
  ReplaceNormalizer(std::string literal, std::optional<Regex> regex, std::string content)
      : literal_(std::move(literal)), regex_(std::move(regex)), content_(std::move(content)) {}

  Status Apply(NormalText& target) const override {
    const std::string_view text = target.text;
    std::optional<Rewriter> out;
    size_t kept = 0;
    const auto replace = [&](size_t begin, size_t end) {
      if (!out) out.emplace(target);
      out->Keep(kept, begin);
      // The new text is taken to come from the last character that it replaces.
      size_t from = end > begin ? PreviousStart(text, end) : begin;
      if (end == begin) from = begin == 0 ? Rewriter::kStart : PreviousStart(text, begin);
      out->Put(content_, from);
      kept = end;
      return Status::Ok();
    };
    if (regex_) {
      RegexScratch scratch;
      INGOT_TRY(regex_->Find(text, scratch, replace));
    } else {
      for (size_t at = text.find(literal_); at != std::string_view::npos;
           at = text.find(literal_, kept)) {
        INGOT_TRY(replace(at, at + literal_.size()));
      }
    }
    if (out) {
      out->Keep(kept, text.size());
      out->Commit();
    }
    return Status::Ok();
  }

 private:
  std::string literal_;
  std::optional<Regex> regex_;
  std::string content_;
};

class ByteLevelNormalizer : public Normalizer {
 public:
  Status Apply(NormalText& target) const override {
    Rewriter out(target);
    std::string bytes;
    for (size_t at = 0; at < target.text.size();) {
      const size_t length = Utf8Length(target.text[at]);
      bytes.clear();
      AppendByteLevel(bytes, std::string_view(target.text).substr(at, length));
      out.Put(bytes, at);
      at += length;
    }
    out.Commit();
    return Status::Ok();
  }
};

class SequenceNormalizer : public Normalizer {
 public:
  explicit SequenceNormalizer(std::vector<NormalizerPtr> steps) : steps_(std::move(steps)) {}
  Status Apply(NormalText& text) const override {
    for (const NormalizerPtr& step : steps_) INGOT_TRY(step->Apply(text));
    return Status::Ok();
  }

 private:
  std::vector<NormalizerPtr> steps_;
};

template <NormalForm form>
Result<NormalizerPtr> LoadForm(const Component&) {
  return NormalizerPtr(std::make_unique<FormNormalizer>(form));
}

template <typename Kind>
Result<NormalizerPtr> LoadPlain(const Component&) {
  return NormalizerPtr(std::make_unique<Kind>());
}

Result<NormalizerPtr> LoadStrip(const Component& component) {
  INGOT_ASSIGN(const bool left, component.Bool("strip_left"));
  INGOT_ASSIGN(const bool right, component.Bool("strip_right"));
  return NormalizerPtr(std::make_unique<StripNormalizer>(left, right));
}

Result<NormalizerPtr> LoadPrepend(const Component& component) {
  INGOT_ASSIGN(std::string text, component.String("prepend"));
  return NormalizerPtr(std::make_unique<PrependNormalizer>(std::move(text)));
}

Result<NormalizerPtr> LoadReplace(const Component& component) {
  INGOT_ASSIGN(const Component::Pattern pattern, component.PatternField("pattern"));
  INGOT_ASSIGN(std::string content, component.String("content"));
  std::optional<Regex> regex;
  // An empty literal matches between all characters, which is a pattern's work.
  if (pattern.is_regex || pattern.text.empty()) {
    INGOT_ASSIGN(regex, CompilePattern(pattern));
  }
  return NormalizerPtr(
      std::make_unique<ReplaceNormalizer>(pattern.text, std::move(regex), std::move(content)));
}

Result<NormalizerPtr> LoadSequence(const Component& component) {
  INGOT_ASSIGN(const std::vector<Component> list, component.List("normalizers"));
  std::vector<NormalizerPtr> steps;
  for (const Component& element : list) {
    INGOT_ASSIGN(NormalizerPtr step, LoadNormalizer(element));
    steps.push_back(std::move(step));
  }
  return NormalizerPtr(std::make_unique<SequenceNormalizer>(std::move(steps)));
}

struct Kind {
  std::string_view type;
  Result<NormalizerPtr> (*load)(const Component&);
};
constexpr Kind kKinds[] = {
    {"NFC", LoadForm<NormalForm::kNfc>},
    {"NFD", LoadForm<NormalForm::kNfd>},
    {"NFKC", LoadForm<NormalForm::kNfkc>},
    {"NFKD", LoadForm<NormalForm::kNfkd>},
    {"Lowercase", LoadPlain<LowercaseNormalizer>},
    {"StripAccents", LoadPlain<StripAccentsNormalizer>},
    {"Nmt", LoadPlain<NmtNormalizer>},
    {"ByteLevel", LoadPlain<ByteLevelNormalizer>},
    {"Strip", LoadStrip},
    {"Prepend", LoadPrepend},
    {"Replace", LoadReplace},
    {"BertNormalizer", LoadBertNormalizer},
    {"Precompiled", LoadPrecompiled},
    {"Sequence", LoadSequence},
};

}  // namespace

Result<NormalizerPtr> LoadNormalizer(const Component& component) {
  INGOT_ASSIGN(const std::string type, component.Type());
  for (const Kind& kind : kKinds) {
    if (type != kind.type) continue;
    Result<NormalizerPtr> loaded = kind.load(component);
    if (!loaded.ok()) return std::move(loaded).status();
    return loaded;
  }
  return component.Unknown(type);
}

}  // namespace ingot::text
