// What a tokenizer does to text before anything looks for tokens in it: the "normalizer" of
// tokenizer.json. Immutable after loading; any thread may apply one.
#ifndef INGOT_TEXT_TOKEN_NORMALIZER_H_
#define INGOT_TEXT_TOKEN_NORMALIZER_H_

#include <memory>

#include "core/status.h"
#include "text/token/component.h"
#include "text/token/normal_text.h"
#include "text/token/utf8.h"

namespace ingot::text {

class Normalizer {
 public:
  virtual ~Normalizer() = default;
  // text is valid UTF-8 and stays so. Only patterns can fail, by reaching their limit.
  virtual core::Status Apply(NormalText& text) const = 0;
};

// NFC NFD NFKC NFKD Lowercase Strip StripAccents Prepend Replace Nmt BertNormalizer Precompiled
// ByteLevel Sequence.
core::Result<std::unique_ptr<Normalizer>> LoadNormalizer(const Component& component);

// The makers of the larger ones, each in its own file.
core::Result<std::unique_ptr<Normalizer>> LoadBertNormalizer(const Component& component);
core::Result<std::unique_ptr<Normalizer>> LoadPrecompiled(const Component& component);

// Shared passes. A character for which drop holds goes; one for which change gives another becomes
// that. Both take a code point.
template <typename Change>
void ChangePoints(NormalText& target, const Change& change);
// What change returns for a character that goes.
constexpr uint32_t kDropPoint = 0xFFFFFFFF;
void LowercaseAll(NormalText& text);

template <typename Change>
void ChangePoints(NormalText& target, const Change& change) {
  const std::string_view text = target.text;
  size_t at = 0;
  while (at < text.size()) {
    size_t next = at;
    const uint32_t point = NextPoint(text, next);
    if (change(point) != point) break;
    at = next;
  }
  if (at >= text.size()) return;
  Rewriter out(target);
  size_t kept = 0;
  std::string bytes;
  while (at < text.size()) {
    const size_t here = at;
    const uint32_t point = NextPoint(text, at);
    const uint32_t changed = change(point);
    if (changed == point) continue;
    out.Keep(kept, here);
    if (changed != kDropPoint) {
      bytes.clear();
      AppendPoint(bytes, changed);
      out.Put(bytes, here);
    }
    kept = at;
  }
  out.Keep(kept, text.size());
  out.Commit();
}

}  // namespace ingot::text

#endif  // INGOT_TEXT_TOKEN_NORMALIZER_H_
