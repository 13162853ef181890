#include "text/token/wordpiece.h"

#include <algorithm>

#include "text/token/utf8.h"

namespace ingot::text {

using core::Status;

WordPiece::WordPiece(Vocab vocab, WordPieceOptions options)
    : Model(std::move(vocab)), options_(std::move(options)) {
  unknown_ = vocab_.Find(options_.unknown);
}

Status WordPiece::EncodeWord(std::string_view word, const TokenSet* avoid, ModelScratch&,
                             std::vector<TokenId>& out) const {
  const size_t first = out.size();
  const auto unknown = [&] {
    if (!unknown_) return NoTokenFor(word);
    out.resize(first);
    out.push_back(*unknown_);
    return Status::Ok();
  };
  const auto characters = static_cast<uint64_t>(
      std::count_if(word.begin(), word.end(), [](char c) { return !IsUtf8Continuation(c); }));
  if (characters > options_.longest_word) return unknown();
  std::string key;
  for (size_t begin = 0; begin < word.size();) {
    key.clear();
    if (begin > 0) key = options_.continuing_prefix;
    const size_t prefix = key.size();
    // No token is longer than the longest.
    size_t end = word.size();
    if (end - begin + prefix > vocab_.longest()) {
      end = begin + vocab_.longest() - std::min(vocab_.longest(), prefix);
      while (end > begin && IsUtf8Continuation(word[end])) --end;
    }
    key.append(word, begin, end - begin);
    std::optional<TokenId> found;
    while (end > begin) {
      found = vocab_.Find(key);
      if (found && avoid != nullptr && avoid->Contains(*found)) found.reset();
      if (found) break;
      end = PreviousStart(word, end);
      key.resize(prefix + end - begin);
    }
    if (!found) return unknown();
    out.push_back(*found);
    begin = end;
  }
  return Status::Ok();
}

WordLevel::WordLevel(Vocab vocab, std::string_view unknown) : Model(std::move(vocab)) {
  unknown_ = vocab_.Find(unknown);
}

Status WordLevel::EncodeWord(std::string_view word, const TokenSet* avoid, ModelScratch&,
                             std::vector<TokenId>& out) const {
  std::optional<TokenId> id = vocab_.Find(word);
  if (!id || (avoid != nullptr && avoid->Contains(*id))) id = unknown_;
  if (!id) return NoTokenFor(word);
  out.push_back(*id);
  return Status::Ok();
}

}  // namespace ingot::text
