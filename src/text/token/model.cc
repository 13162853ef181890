#include "text/token/model.h"

#include <algorithm>

#include "core/strings.h"

namespace ingot::text {

using core::Status;

Status Model::Encode(std::string_view piece, ModelScratch& scratch,
                     std::vector<TokenId>& out) const {
  if (piece.size() > WordCache::kLongestWord) return EncodeWord(piece, nullptr, scratch, out);
  const uint64_t hash = WordCache::Hash(piece);
  if (scratch.cache.Find(piece, hash, out)) return Status::Ok();
  const size_t begin = out.size();
  INGOT_TRY(EncodeWord(piece, nullptr, scratch, out));
  scratch.cache.Insert(piece, hash, std::span(out).subspan(begin));
  return Status::Ok();
}

Status Model::EncodeAvoiding(std::string_view piece, const TokenSet& avoid, ModelScratch& scratch,
                             std::vector<TokenId>& out) const {
  const size_t begin = out.size();
  INGOT_TRY(Encode(piece, scratch, out));
  const bool clean = std::none_of(out.begin() + static_cast<ptrdiff_t>(begin), out.end(),
                                  [&](TokenId id) { return avoid.Contains(id); });
  if (clean) return Status::Ok();
  out.resize(begin);
  return EncodeWord(piece, &avoid, scratch, out);
}

std::string ByteTokenText(uint8_t byte) {
  constexpr char kHex[] = "0123456789ABCDEF";
  return {'<', '0', 'x', kHex[byte >> 4], kHex[byte & 15], '>'};
}

std::optional<uint8_t> ByteOfToken(std::string_view text) {
  if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return std::nullopt;
  uint8_t value = 0;
  for (const char c : text.substr(3, 2)) {
    uint8_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<uint8_t>(c - '0');
    } else if (c >= 'A' && c <= 'F') {
      digit = static_cast<uint8_t>(c - 'A' + 10);
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<uint8_t>(c - 'a' + 10);
    } else {
      return std::nullopt;
    }
    value = static_cast<uint8_t>(value << 4 | digit);
  }
  return value;
}

Status NoTokenFor(std::string_view text) {
  return core::InvalidArgument(core::StrCat("the tokenizer has no token for ",
                                            core::Quoted(text, 40),
                                            ", and no token for unknown text"));
}

}  // namespace ingot::text
