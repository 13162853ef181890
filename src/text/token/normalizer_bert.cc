// The clean-up of BERT: control characters out, all white space plain, spaces around ideographs,
// accents off, lower case.
#include "text/token/normal_forms.h"
#include "text/token/normalizer.h"
#include "text/token/unicode.h"

namespace ingot::text {

using core::Result;
using core::Status;

namespace {

// The blocks of ideographs as the original lists them, gaps included.
bool IsIdeograph(uint32_t point) {
  constexpr struct {
    uint32_t first;
    uint32_t last;
  } kBlocks[] = {{0x4E00, 0x9FFF},   {0x3400, 0x4DBF},   {0x20000, 0x2A6DF}, {0x2A700, 0x2B73F},
                 {0x2B740, 0x2B81F}, {0x2B920, 0x2CEAF}, {0xF900, 0xFAFF},   {0x2F800, 0x2FA1F}};
  if (point < 0x3400) return false;
  for (const auto& block : kBlocks) {
    if (point >= block.first && point <= block.last) return true;
  }
  return false;
}

uint32_t Clean(uint32_t point) {
  if (point > ' ' && point < 0x7F) return point;
  if (point == '\t' || point == '\n' || point == '\r') return ' ';
  if (point == 0 || point == 0xFFFD || IsOther8(point)) return kDropPoint;
  return IsSpace(point) ? ' ' : point;
}

void SpaceIdeographs(NormalText& target) {
  const std::string_view text = target.text;
  size_t at = 0;
  while (at < text.size()) {
    const size_t here = at;
    if (IsIdeograph(NextPoint(text, at))) {
      at = here;
      break;
    }
  }
  if (at >= text.size()) return;
  Rewriter out(target);
  size_t kept = 0;
  while (at < text.size()) {
    const size_t here = at;
    if (!IsIdeograph(NextPoint(text, at))) continue;
    out.Keep(kept, here);
    out.Put(" ", here);
    out.Keep(here, at);
    out.Put(" ", here);
    kept = at;
  }
  out.Keep(kept, text.size());
  out.Commit();
}

class BertNormalizer : public Normalizer {
 public:
  struct Options {
    bool clean = true;
    bool space_ideographs = true;
    bool strip_accents = true;
    bool lowercase = true;
  };
  explicit BertNormalizer(Options options) : options_(options) {}

  Status Apply(NormalText& text) const override {
    if (options_.clean) ChangePoints(text, Clean);
    if (options_.space_ideographs) SpaceIdeographs(text);
    if (options_.strip_accents) {
      ToNormalForm(NormalForm::kNfd, text);
      ChangePoints(text, [](uint32_t point) { return IsNonspacing8(point) ? kDropPoint : point; });
    }
    if (options_.lowercase) LowercaseAll(text);
    return Status::Ok();
  }

 private:
  Options options_;
};

}  // namespace

Result<std::unique_ptr<Normalizer>> LoadBertNormalizer(const Component& component) {
  BertNormalizer::Options options;
  INGOT_ASSIGN(options.clean, component.Bool("clean_text"));
  INGOT_ASSIGN(options.space_ideographs, component.Bool("handle_chinese_chars"));
  INGOT_ASSIGN(options.lowercase, component.Bool("lowercase"));
  // null: accents go where case goes.
  INGOT_ASSIGN(options.strip_accents, component.BoolOr("strip_accents", options.lowercase));
  return std::unique_ptr<Normalizer>(std::make_unique<BertNormalizer>(options));
}

}  // namespace ingot::text
