// The normalizer that SentencePiece models carry along: a trie from character sequences to their
// replacements, in one blob. The reference looks up the whole of a short grapheme cluster first,
// takes the SHORTEST entry that the cluster begins with and drops the rest of it; so do we.
//
// Blob: u32 size of the trie in bytes, the trie as u32 units of a double array, the replacements,
// each ended by a zero byte. All little-endian, all from a file: every index is checked.
#include <array>
#include <optional>
#include <vector>

#include "core/strings.h"
#include "text/token/clusters.h"
#include "text/token/normalizer.h"

namespace ingot::text {

using core::Result;
using core::Status;

namespace {

constexpr size_t kMaxBlob = 16 << 20;
constexpr size_t kLongestCluster = 5;  // bytes; longer ones are taken character by character

std::optional<std::string> DecodeBase64(std::string_view text) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::array<int8_t, 256> values{};
  values.fill(-1);
  for (size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<uint8_t>(kAlphabet[i])] = static_cast<int8_t>(i);
  }
  if (text.size() % 4 != 0) return std::nullopt;
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string out;
  out.reserve(text.size() * 3 / 4);
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int8_t value = values[static_cast<uint8_t>(c)];
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out.push_back(static_cast<char>(bits >> count));
    }
  }
  return out;
}

class PrecompiledNormalizer : public Normalizer {
 public:
  PrecompiledNormalizer(std::vector<uint32_t> units, std::string replacements)
      : units_(std::move(units)), replacements_(std::move(replacements)) {}

  Status Apply(NormalText& target) const override {
    const std::string_view text = target.text;
    std::optional<Rewriter> out;
    size_t kept = 0;
    const auto replace = [&](size_t begin, size_t end, std::string_view with) {
      if (!out) out.emplace(target);
      out->Keep(kept, begin);
      out->Put(with, begin);
      kept = end;
    };
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = ClusterEnd(text, begin);
      if (end - begin <= kLongestCluster) {
        if (const auto found = Find(text.substr(begin, end - begin))) {
          replace(begin, end, *found);
          begin = end;
          continue;
        }
      }
      while (begin < end) {
        const size_t next = begin + Utf8Length(text[begin]);
        if (const auto found = Find(text.substr(begin, next - begin))) replace(begin, next, *found);
        begin = next;
      }
    }
    if (out) {
      out->Keep(kept, text.size());
      out->Commit();
    }
    return Status::Ok();
  }

 private:
  // The replacement of the shortest entry that key begins with.
  std::optional<std::string_view> Find(std::string_view key) const {
    if (units_.empty()) return std::nullopt;
    size_t node = Offset(units_[0]);
    for (const char c : key) {
      const auto byte = static_cast<uint8_t>(c);
      if (byte == 0) return std::nullopt;
      node ^= byte;
      if (node >= units_.size()) return std::nullopt;
      const uint32_t unit = units_[node];
      if ((unit & (uint32_t{1} << 31 | 0xFF)) != byte) return std::nullopt;
      node ^= Offset(unit);
      if ((unit >> 8 & 1) != 0)
        return node < units_.size() ? Replacement(units_[node]) : std::nullopt;
    }
    return std::nullopt;
  }
  static size_t Offset(uint32_t unit) { return size_t{unit >> 10} << ((unit & (1u << 9)) >> 6); }

  std::optional<std::string_view> Replacement(uint32_t leaf) const {
    const size_t begin = leaf & 0x7FFFFFFF;
    if (begin > replacements_.size()) return std::nullopt;
    size_t end = replacements_.find('\0', begin);
    if (end == std::string::npos) end = replacements_.size();
    const std::string_view found = std::string_view(replacements_).substr(begin, end - begin);
    // An index into the middle of a character would tear it.
    if (!found.empty() && IsUtf8Continuation(found[0])) return std::nullopt;
    return found;
  }

  std::vector<uint32_t> units_;
  std::string replacements_;
};

uint32_t LittleEndian(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 4; i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

}  // namespace

Result<std::unique_ptr<Normalizer>> LoadPrecompiled(const Component& component) {
  constexpr std::string_view kKey = "precompiled_charsmap";
  INGOT_ASSIGN(const std::string encoded, component.String(kKey));
  const std::optional<std::string> blob = DecodeBase64(encoded);
  if (!blob || blob->size() > kMaxBlob) return component.Fail(kKey, "base64 of up to 16 MiB");
  std::string_view rest = *blob;
  if (rest.size() < 4) return component.Fail(kKey, "a trie and its replacements");
  const size_t count = LittleEndian(rest) / 4;
  rest.remove_prefix(4);
  if (count > rest.size() / 4) return component.Fail(kKey, "a trie that fits into its blob");
  std::vector<uint32_t> units(count);
  for (size_t i = 0; i < count; ++i) units[i] = LittleEndian(rest.substr(4 * i));
  rest.remove_prefix(4 * count);
  if (ValidPrefix(rest) != rest.size()) return component.Fail(kKey, "replacements in UTF-8");
  return std::unique_ptr<Normalizer>(
      std::make_unique<PrecompiledNormalizer>(std::move(units), std::string(rest)));
}

}  // namespace ingot::text
