#include "text/token/bpe.h"

#include <algorithm>
#include <bit>

#include "text/token/byte_level.h"
#include "text/token/utf8.h"

namespace ingot::text {

using core::Status;

namespace {

// Up to here a scan for the best pair is faster than a heap.
constexpr size_t kShortWord = 40;
constexpr size_t kPairBits = 1 << 21;
constexpr uint32_t kEnd = UINT32_MAX;  // no symbol

size_t PairBit(uint32_t left, uint32_t right) {
  return MixHash(uint64_t{left} << 32 | right, kHashOdd1) % kPairBits;
}

}  // namespace

void MergeTable::Reserve(size_t merges) {
  Grow(std::bit_ceil(std::min(merges, size_t{1} << 21) * 2));
}

void MergeTable::Grow(size_t slots) {
  if (slots <= slots_.size()) return;
  std::vector<Slot> old(slots);
  old.swap(slots_);
  mask_ = slots - 1;
  for (const Slot& from : old) {
    if (from.key == kEmpty) continue;
    size_t slot = HashNumber(from.key, seed_) & mask_;
    while (slots_[slot].key != kEmpty) slot = (slot + 1) & mask_;
    slots_[slot] = from;
  }
}

void MergeTable::Add(TokenId left, TokenId right, Merge merge) {
  if ((count_ + 1) * 2 > slots_.size()) Grow(std::max<size_t>(1024, slots_.size() * 2));
  const uint64_t key = uint64_t{left} << 32 | right;
  size_t slot = HashNumber(key, seed_) & mask_;
  while (slots_[slot].key != kEmpty && slots_[slot].key != key) slot = (slot + 1) & mask_;
  if (slots_[slot].key == kEmpty) ++count_;
  slots_[slot] = {key, merge};
}

Bpe::Bpe(Vocab vocab, MergeTable merges, BpeOptions options)
    : Model(std::move(vocab)), merges_(std::move(merges)), options_(std::move(options)) {
  if (options_.unknown) unknown_ = vocab_.Find(*options_.unknown);
  byte_ids_.fill(kNone);
  if (options_.byte_fallback) {
    for (size_t byte = 0; byte < 256; ++byte) {
      byte_ids_[byte] = vocab_.Find(ByteTokenText(static_cast<uint8_t>(byte))).value_or(kNone);
    }
  }
  IndexCharacters();
}

// Finds the tokens of one character, and which characters stand side by side in longer ones.
void Bpe::IndexCharacters() {
  if (!plain()) return;
  by_page_.resize((0x110000 >> 8) + 1);
  pairs_.assign(kPairBits / 64, 0);
  vocab_.ForEach([&](std::string_view token, TokenId id) {
    if (token.empty()) return;
    size_t at = 0;
    uint32_t left = NextPoint(token, at);
    if (at == token.size()) {
      std::vector<TokenId>& page = by_page_[left >> 8];
      if (page.empty()) page.assign(256, kNone);
      page[left & 255] = id;
    }
    // More tokens than merges make, which costs a few cuts and saves knowing which.
    while (at < token.size()) {
      const uint32_t right = NextPoint(token, at);
      MarkPair(left, right);
      left = right;
    }
  });
}

void Bpe::MarkPair(uint32_t left, uint32_t right) {
  const size_t bit = PairBit(left, right);
  pairs_[bit / 64] |= uint64_t{1} << bit % 64;
}

bool Bpe::MeetInToken(uint32_t left, uint32_t right) const {
  const size_t bit = PairBit(left, right);
  return (pairs_[bit / 64] >> bit % 64 & 1) != 0;
}

TokenId Bpe::IdOfPoint(uint32_t point) const {
  const std::vector<TokenId>& page = by_page_[point >> 8];
  return page.empty() ? kNone : page[point & 255];
}

bool Bpe::CanCut(uint32_t left, uint32_t right) const {
  // Characters without a token of their own may be joined to one unknown, so they are not parted.
  return plain() && !bytes_ && !options_.ignore_merges && IdOfPoint(left) != kNone &&
         IdOfPoint(right) != kNone && !MeetInToken(left, right);
}

bool Bpe::TakeBytes() {
  if (!plain()) return false;
  std::array<TokenId, 256> ids{};
  for (size_t byte = 0; byte < 256; ++byte) {
    ids[byte] = IdOfPoint(kPointOfByte[byte]);
    if (ids[byte] == kNone) return false;
  }
  byte_ids_ = ids;
  by_page_.clear();
  pairs_.clear();
  return bytes_ = true;
}

Status Bpe::EncodeWord(std::string_view word, const TokenSet* avoid, ModelScratch& scratch,
                       std::vector<TokenId>& out) const {
  if (options_.ignore_merges) {
    std::optional<TokenId> whole;
    if (!bytes_) {
      whole = vocab_.Find(word);
    } else if (word.size() <= vocab_.longest()) {
      std::string mapped;
      AppendByteLevel(mapped, word);
      whole = vocab_.Find(mapped);
    }
    if (whole && (avoid == nullptr || !avoid->Contains(*whole))) {
      out.push_back(*whole);
      return Status::Ok();
    }
  }
  if (bytes_ || !plain() || word.size() <= WordCache::kLongestWord) {
    return EncodeUncut(word, avoid, scratch, out);
  }
  size_t begin = 0;
  size_t at = 0;
  uint32_t left = NextPoint(word, at);
  bool left_known = IdOfPoint(left) != kNone;
  const auto part = [&](size_t end) {
    const std::string_view text = word.substr(begin, end - begin);
    begin = end;
    if (avoid != nullptr || options_.ignore_merges) return EncodeUncut(text, avoid, scratch, out);
    if (text.size() == word.size()) return EncodeUncut(text, avoid, scratch, out);
    return Encode(text, scratch, out);
  };
  while (at < word.size()) {
    const size_t here = at;
    const uint32_t right = NextPoint(word, at);
    const bool right_known = IdOfPoint(right) != kNone;
    if (left_known && right_known && !MeetInToken(left, right)) INGOT_TRY(part(here));
    left = right;
    left_known = right_known;
  }
  return part(word.size());
}

Status Bpe::EncodeUncut(std::string_view word, const TokenSet* avoid, ModelScratch& scratch,
                        std::vector<TokenId>& out) const {
  scratch.symbols.clear();
  if (bytes_) {
    INGOT_TRY(SymbolsOfBytes(word, scratch));
  } else {
    INGOT_TRY(Symbols(word, avoid, scratch));
  }
  if (scratch.symbols.size() <= kShortWord) {
    MergeShort(avoid, scratch);
  } else {
    MergeLong(avoid, scratch);
  }
  for (const ModelScratch::Symbol& symbol : scratch.symbols) {
    if (!symbol.gone) out.push_back(symbol.id);
  }
  return Status::Ok();
}

Status Bpe::SymbolsOfBytes(std::string_view word, ModelScratch& scratch) const {
  for (const char c : word) {
    scratch.symbols.push_back({byte_ids_[static_cast<uint8_t>(c)], 0, 0, false});
  }
  return Status::Ok();
}

// Each character becomes its token, else the tokens of its bytes, else the unknown token.
Status Bpe::Symbols(std::string_view word, const TokenSet* avoid, ModelScratch& scratch) const {
  const auto push = [&](TokenId id) { scratch.symbols.push_back({id, 0, 0, false}); };
  // Unknown text waits for the next known character, as in the original, where byte tokens in
  // between go before it.
  bool waiting = false;
  std::string decorated;
  for (size_t at = 0; at < word.size();) {
    const size_t begin = at;
    const uint32_t point = NextPoint(word, at);
    TokenId id = kNone;
    std::string_view text = word.substr(begin, at - begin);
    if (plain()) {
      id = IdOfPoint(point);
    } else {
      decorated.clear();
      if (begin > 0) decorated += options_.continuing_prefix;
      decorated += text;
      if (at == word.size()) decorated += options_.end_suffix;
      text = decorated;
      id = vocab_.Find(text).value_or(kNone);
    }
    if (id != kNone && (avoid == nullptr || !avoid->Contains(id))) {
      if (waiting) push(*unknown_);
      waiting = false;
      push(id);
      continue;
    }
    const auto has_token = [&](char c) { return byte_ids_[static_cast<uint8_t>(c)] != kNone; };
    if (options_.byte_fallback && std::all_of(text.begin(), text.end(), has_token)) {
      for (const char c : text) push(byte_ids_[static_cast<uint8_t>(c)]);
      continue;
    }
    if (!unknown_) return NoTokenFor(word.substr(begin, at - begin));
    if (waiting && !options_.fuse_unknown) push(*unknown_);
    waiting = true;
  }
  if (waiting) push(*unknown_);
  return Status::Ok();
}

void Bpe::MergeShort(const TokenSet* avoid, ModelScratch& scratch) const {
  std::vector<ModelScratch::Symbol>& symbols = scratch.symbols;
  constexpr uint32_t kNever = UINT32_MAX;
  std::array<uint32_t, kShortWord> ranks;  // of the pair that begins at each symbol
  std::array<TokenId, kShortWord> results;
  size_t count = symbols.size();
  const auto look = [&](size_t i) {
    const MergeTable::Merge* merge = FindMerge(symbols[i].id, symbols[i + 1].id, avoid);
    ranks[i] = merge == nullptr ? kNever : merge->rank;
    results[i] = merge == nullptr ? 0 : merge->result;
  };
  for (size_t i = 0; i + 1 < count; ++i) look(i);
  while (count > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < count; ++i) {
      if (ranks[i] < ranks[best]) best = i;
    }
    if (ranks[best] == kNever) break;
    symbols[best].id = results[best];
    for (size_t i = best + 1; i + 1 < count; ++i) {
      symbols[i].id = symbols[i + 1].id;
      ranks[i] = ranks[i + 1];
      results[i] = results[i + 1];
    }
    --count;
    if (best > 0) look(best - 1);
    if (best + 1 < count) look(best);
  }
  symbols.resize(count);
}

void Bpe::MergeLong(const TokenSet* avoid, ModelScratch& scratch) const {
  std::vector<ModelScratch::Symbol>& symbols = scratch.symbols;
  std::vector<ModelScratch::Merge>& heap = scratch.merges;
  const auto later = [](const ModelScratch::Merge& a, const ModelScratch::Merge& b) {
    return a.order > b.order;
  };
  const auto candidate = [&](uint32_t left) {
    const uint32_t right = symbols[left].next;
    if (right == kEnd) return false;
    const MergeTable::Merge* merge = FindMerge(symbols[left].id, symbols[right].id, avoid);
    if (merge == nullptr) return false;
    heap.push_back({uint64_t{merge->rank} << 32 | left, merge->result});
    return true;
  };
  const auto count = static_cast<uint32_t>(symbols.size());
  heap.clear();
  for (uint32_t i = 0; i < count; ++i) {
    symbols[i].previous = i == 0 ? kEnd : i - 1;
    symbols[i].next = i + 1 == count ? kEnd : i + 1;
  }
  for (uint32_t i = 0; i < count; ++i) candidate(i);
  std::make_heap(heap.begin(), heap.end(), later);
  while (!heap.empty()) {
    const ModelScratch::Merge top = heap.front();
    std::pop_heap(heap.begin(), heap.end(), later);
    heap.pop_back();
    const auto left = static_cast<uint32_t>(top.order);
    if (symbols[left].gone || symbols[left].next == kEnd) continue;
    const uint32_t right = symbols[left].next;
    // An entry is stale when one of its two has been merged into something else meanwhile.
    const MergeTable::Merge* merge = FindMerge(symbols[left].id, symbols[right].id, avoid);
    if (merge == nullptr || merge->result != top.result) continue;
    symbols[left].id = top.result;
    symbols[left].next = symbols[right].next;
    symbols[right].gone = true;
    if (symbols[left].next != kEnd) symbols[symbols[left].next].previous = left;
    if (symbols[left].previous != kEnd && candidate(symbols[left].previous)) {
      std::push_heap(heap.begin(), heap.end(), later);
    }
    if (candidate(left)) std::push_heap(heap.begin(), heap.end(), later);
  }
}

}  // namespace ingot::text
