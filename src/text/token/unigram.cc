#include "text/token/unigram.h"

#include <algorithm>
#include <limits>

#include "core/strings.h"
#include "text/token/utf8.h"

namespace ingot::text {

using core::Result;
using core::Status;
using core::StrCat;

namespace {

constexpr double kUnknownPenalty = 10;  // below the worst token

}  // namespace

uint32_t Unigram::Trie::Child(uint32_t node, uint8_t byte) const {
  if (edges_.empty()) return kNone;
  const uint64_t key = uint64_t{node} << 8 | byte;
  const size_t mask = edges_.size() - 1;
  for (size_t slot = HashNumber(key, seed_) & mask;; slot = (slot + 1) & mask) {
    if (edges_[slot].key == key) return edges_[slot].child;
    if (edges_[slot].key == UINT64_MAX) return kNone;
  }
}

void Unigram::Trie::Grow() {
  std::vector<Edge> old(std::max<size_t>(4096, edges_.size() * 2));
  old.swap(edges_);
  const size_t mask = edges_.size() - 1;
  for (const Edge& edge : old) {
    if (edge.key == UINT64_MAX) continue;
    size_t slot = HashNumber(edge.key, seed_) & mask;
    while (edges_[slot].key != UINT64_MAX) slot = (slot + 1) & mask;
    edges_[slot] = edge;
  }
}

void Unigram::Trie::Add(std::string_view text, TokenId id) {
  uint32_t node = 0;
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    uint32_t child = Child(node, byte);
    if (child == kNone) {
      if (ids_.size() * 2 > edges_.size()) Grow();
      child = static_cast<uint32_t>(ids_.size());
      ids_.push_back(kNone);
      const uint64_t key = uint64_t{node} << 8 | byte;
      const size_t mask = edges_.size() - 1;
      size_t slot = HashNumber(key, seed_) & mask;
      while (edges_[slot].key != UINT64_MAX) slot = (slot + 1) & mask;
      edges_[slot] = {key, child};
    }
    node = child;
  }
  ids_[node] = id;
}

Result<std::unique_ptr<Model>> Unigram::Make(std::vector<Piece> pieces, Options options) {
  if (pieces.size() > size_t{kMaxTokenId} + 1) {
    return core::Exhausted(StrCat("a vocabulary of ", pieces.size(), " tokens is over the limit"));
  }
  if (options.unknown && *options.unknown >= pieces.size()) {
    return core::Corrupt(StrCat("model.unk_id is ", *options.unknown, ", but there are only ",
                                pieces.size(), " tokens"));
  }
  Vocab vocab;
  vocab.Reserve(pieces.size());
  size_t total = 0;
  for (size_t i = pieces.size(); i-- > 0;) {
    total += pieces[i].text.size();
    if (total > size_t{256} << 20) return core::Exhausted("the vocabulary is too large");
    if (vocab.Find(pieces[i].text)) continue;  // the last one of its text counts
    INGOT_TRY(vocab.Add(pieces[i].text, static_cast<TokenId>(i)));
  }
  return std::unique_ptr<Model>(new Unigram(std::move(vocab), std::move(pieces), options));
}

Unigram::Unigram(Vocab vocab, std::vector<Piece> pieces, Options options)
    : Model(std::move(vocab)), options_(options) {
  double worst = std::numeric_limits<double>::infinity();
  texts_.reserve(pieces.size());
  scores_.reserve(pieces.size());
  for (Piece& piece : pieces) {
    worst = std::min(worst, piece.score);
    scores_.push_back(piece.score);
    trie_.Add(piece.text, *vocab_.Find(piece.text));
    texts_.push_back(std::move(piece.text));
  }
  unknown_score_ = worst - kUnknownPenalty;
  for (size_t byte = 0; byte < 256; ++byte) {
    byte_ids_[byte] = vocab_.Find(ByteTokenText(static_cast<uint8_t>(byte))).value_or(Trie::kNone);
  }
}

std::optional<std::string_view> Unigram::Text(TokenId id) const {
  if (id >= texts_.size()) return std::nullopt;
  return texts_[id];
}

Status Unigram::EncodeWord(std::string_view word, const TokenSet* avoid, ModelScratch& scratch,
                           std::vector<TokenId>& out) const {
  std::vector<ModelScratch::Step>& steps = scratch.steps;
  steps.assign(word.size() + 1, {});
  const auto reach = [&](size_t begin, size_t end, double score, TokenId id) {
    ModelScratch::Step& step = steps[end];
    if (step.reached && !(score > step.score)) return;
    step = {score, static_cast<uint32_t>(begin), id, true};
  };
  const TokenId unknown = options_.unknown.value_or(Trie::kNone);
  for (size_t begin = 0; begin < word.size();) {
    const double so_far = steps[begin].score;
    const size_t character = begin + Utf8Length(word[begin]);
    bool single = false;
    uint32_t node = 0;
    for (size_t end = begin; end < word.size();) {
      node = trie_.Child(node, static_cast<uint8_t>(word[end++]));
      if (node == Trie::kNone) break;
      const TokenId id = trie_.IdAt(node);
      if (id == Trie::kNone || (avoid != nullptr && avoid->Contains(id))) continue;
      reach(begin, end, scores_[id] + so_far, id);
      single |= end == character;
    }
    if (!single) {
      if (!options_.unknown) return NoTokenFor(word.substr(begin, character - begin));
      reach(begin, character, unknown_score_ + so_far, unknown);
    }
    begin = character;
  }
  // Backwards from the end; unknown neighbours are taken together.
  std::vector<uint32_t>& cuts = scratch.cuts;
  cuts.clear();
  bool in_unknown = false;
  for (size_t end = word.size(); end > 0; end = steps[end].begin) {
    const bool is_unknown = options_.unknown && steps[end].id == unknown;
    if (!(in_unknown && is_unknown)) cuts.push_back(static_cast<uint32_t>(end));
    in_unknown = is_unknown;
  }
  size_t begin = 0;
  for (size_t i = cuts.size(); i-- > 0;) {
    INGOT_TRY(Emit(word.substr(begin, cuts[i] - begin), avoid, out));
    begin = cuts[i];
  }
  return Status::Ok();
}

Status Unigram::Emit(std::string_view text, const TokenSet* avoid,
                     std::vector<TokenId>& out) const {
  const std::optional<TokenId> id = vocab_.Find(text);
  if (id && (avoid == nullptr || !avoid->Contains(*id))) {
    out.push_back(*id);
    return Status::Ok();
  }
  const auto has_token = [&](char c) { return byte_ids_[static_cast<uint8_t>(c)] != Trie::kNone; };
  if (options_.byte_fallback && std::all_of(text.begin(), text.end(), has_token)) {
    for (const char c : text) out.push_back(byte_ids_[static_cast<uint8_t>(c)]);
    return Status::Ok();
  }
  if (!options_.unknown) return NoTokenFor(text);
  out.push_back(*options_.unknown);
  return Status::Ok();
}

}  // namespace ingot::text
