#include "text/token/added_tokens.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "core/strings.h"
#include "text/token/unicode.h"
#include "text/token/utf8.h"

namespace ingot::text {

using core::Status;
using core::StrCat;

namespace {

// Searching costs at most this many steps a byte.
constexpr size_t kLongestAdded = 1024;
constexpr size_t kMostAdded = 1 << 20;

bool EndsWithWord(std::string_view text) {
  return !text.empty() && IsWord16(PointAt(text, PreviousStart(text, text.size())));
}
bool BeginsWithWord(std::string_view text) { return !text.empty() && IsWord16(PointAt(text, 0)); }

size_t SpaceBefore(std::string_view text, size_t at) {
  while (at > 0) {
    const size_t start = PreviousStart(text, at);
    if (!IsSpace(PointAt(text, start))) break;
    at = start;
  }
  return at;
}
size_t SpaceAfter(std::string_view text, size_t at) {
  while (at < text.size()) {
    size_t next = at;
    if (!IsSpace(NextPoint(text, next))) break;
    at = next;
  }
  return at;
}

}  // namespace

void TextMatcher::Add(std::string_view text, uint32_t value) {
  if (text.empty()) return;
  if (nodes_.empty()) roots_.fill(kNone);
  uint32_t node = kNone;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    uint32_t next = i == 0 ? roots_[byte] : Child(node, byte);
    if (next == kNone) {
      next = static_cast<uint32_t>(nodes_.size());
      Node made;
      made.byte = byte;
      if (i == 0) {
        roots_[byte] = next;
        first_.push_back(text[0]);
      } else {
        made.sibling = nodes_[node].child;
        nodes_[node].child = next;
      }
      nodes_.push_back(made);
    }
    node = next;
  }
  nodes_[node].value = value;
}

uint32_t TextMatcher::Child(uint32_t node, uint8_t byte) const {
  uint32_t child = nodes_[node].child;
  while (child != kNone && nodes_[child].byte != byte) child = nodes_[child].sibling;
  return child;
}

size_t TextMatcher::Candidate(std::string_view text, size_t at) const {
  if (first_.size() == 1) return std::min(text.find(first_[0], at), text.size());
  while (at < text.size() && roots_[static_cast<uint8_t>(text[at])] == kNone) ++at;
  return at;
}

std::optional<TextMatcher::Match> TextMatcher::Longest(
    std::string_view text, size_t at, const std::function<bool(const Match&)>& test) const {
  std::optional<Match> best;
  uint32_t node = roots_[static_cast<uint8_t>(text[at])];
  while (node != kNone) {
    ++at;
    if (nodes_[node].value != kNone) {
      const Match match{at, nodes_[node].value};
      if (!test || test(match)) best = match;
    }
    if (at >= text.size()) break;
    node = Child(node, static_cast<uint8_t>(text[at]));
  }
  return best;
}

std::optional<TextMatcher::Match> TextMatcher::Longest(std::string_view text, size_t at) const {
  return Longest(text, at, nullptr);
}

bool Trust::Covers(size_t begin, size_t end) const {
  const auto holds = [&](size_t at) {
    return std::upper_bound(spans.begin(), spans.end(), at,
                            [](size_t p, const TrustedSpan& span) { return p < span.end; });
  };
  if (spans.empty()) return true;
  for (auto span = holds(begin); span != spans.end(); ++span) {
    if (!span->trusted) return false;
    if (span->end >= end) return true;
  }
  return begin >= end;
}

size_t Trust::SpanEnd(size_t at) const {
  const auto span = std::upper_bound(spans.begin(), spans.end(), at,
                                     [](size_t p, const TrustedSpan& s) { return p < s.end; });
  return span == spans.end() ? at + 1 : span->end;
}

Status AddedTokens::Add(std::vector<AddedToken> tokens, const Model& model,
                        const Normalizer* normalizer) {
  if (tokens.size() > kMostAdded) {
    return core::Exhausted(StrCat(tokens.size(), " added tokens are over the limit"));
  }
  std::unordered_map<std::string, TokenId> ids;
  std::map<TokenId, AddedToken> by_id;
  std::set<std::string> special;
  auto next = static_cast<TokenId>(model.size());
  for (AddedToken& token : tokens) {
    if (token.content.empty()) continue;
    if (token.content.size() > kLongestAdded) {
      return core::Exhausted(StrCat("added_tokens: ", core::Quoted(token.content, 60), " has ",
                                    token.content.size(), " bytes, over the limit of ",
                                    kLongestAdded));
    }
    const auto known = ids.find(token.content);
    std::optional<TokenId> id =
        known == ids.end() ? model.vocab().Find(token.content) : std::optional(known->second);
    if (!id) id = next++;
    if (*id > kMaxTokenId) return core::Corrupt("added_tokens: too many tokens");
    token.id = *id;
    token.normal = token.content;
    if (token.normalized && normalizer != nullptr) {
      NormalText text;
      text.text = token.content;
      INGOT_TRY(normalizer->Apply(text));
      token.normal = std::move(text.text);
    }
    ids[token.content] = *id;
    if (token.special) special.insert(token.content);
    by_id[*id] = std::move(token);
  }
  for (auto& [id, token] : by_id) {
    TextMatcher& matcher = token.normalized ? normal_ : raw_;
    matcher.Add(token.normal, static_cast<uint32_t>(tokens_.size()));
    tokens_.push_back(std::move(token));
  }
  by_content_.assign(ids.begin(), ids.end());
  std::sort(by_content_.begin(), by_content_.end());
  special_.assign(special.begin(), special.end());
  return Status::Ok();
}

std::optional<TokenId> AddedTokens::Id(std::string_view content) const {
  const auto found =
      std::lower_bound(by_content_.begin(), by_content_.end(), content,
                       [](const auto& entry, std::string_view c) { return entry.first < c; });
  if (found == by_content_.end() || found->first != content) return std::nullopt;
  return found->second;
}

const AddedToken* AddedTokens::Token(TokenId id) const {
  const auto found = std::lower_bound(tokens_.begin(), tokens_.end(), id,
                                      [](const AddedToken& t, TokenId i) { return t.id < i; });
  return found == tokens_.end() || found->id != id ? nullptr : &*found;
}

bool AddedTokens::IsSpecialText(std::string_view text) const {
  return std::binary_search(special_.begin(), special_.end(), text, std::less<>());
}

void AddedTokens::Find(std::string_view text, bool normal, const Trust& trust,
                       const std::vector<uint32_t>& source, size_t offset,
                       std::vector<Span>& out) const {
  out.clear();
  const TextMatcher& matcher = normal ? normal_ : raw_;
  size_t written = 0;
  // Where a byte of text stands in the whole text.
  const auto origin = [&](size_t at) { return source.empty() ? at + offset : source[at] + offset; };
  const auto allowed = [&](size_t begin, const TextMatcher::Match& match) {
    if (trust.guarded == nullptr || !trust.guarded->Contains(tokens_[match.value].id)) return true;
    return trust.Covers(origin(begin), origin(match.end - 1) + 1);
  };
  for (size_t at = 0; !matcher.empty() && at < text.size();) {
    at = matcher.Candidate(text, at);
    if (at >= text.size()) break;
    std::optional<TextMatcher::Match> match = matcher.Longest(text, at);
    if (match && !allowed(at, *match)) {
      const size_t refused = match->end;
      match =
          matcher.Longest(text, at, [&](const TextMatcher::Match& m) { return allowed(at, m); });
      if (!match) {
        // What a user typed is passed over as one; a text that only began there is not.
        const size_t span = trust.SpanEnd(origin(at));
        at = origin(refused - 1) < span ? refused : at + 1;
        continue;
      }
    }
    if (!match) {
      ++at;
      continue;
    }
    const AddedToken& token = tokens_[match->value];
    size_t begin = at;
    size_t end = match->end;
    at = end;
    if (token.single_word &&
        (EndsWithWord(text.substr(0, begin)) || BeginsWithWord(text.substr(end)))) {
      continue;
    }
    if (token.lstrip) begin = std::max(SpaceBefore(text, begin), written);
    if (token.rstrip) end = SpaceAfter(text, end);
    if (written < begin) out.push_back({std::nullopt, written, begin});
    out.push_back({token.id, begin, end});
    written = end;
  }
  if (written < text.size()) out.push_back({std::nullopt, written, text.size()});
}

}  // namespace ingot::text
