#include "text/token/vocab.h"

#include <algorithm>
#include <array>
#include <bit>

#include "core/strings.h"

namespace ingot::text {

using core::Corrupt;
using core::Status;
using core::StrCat;

namespace {

uint32_t Tag(uint64_t hash) { return static_cast<uint32_t>(hash >> 32); }

}  // namespace

void Vocab::Reserve(size_t tokens) {
  tokens = std::min(tokens, size_t{1} << 20);  // a guess from outside reserves no more than this
  entries_.reserve(tokens);
  by_id_.reserve(tokens);
  bytes_.reserve(tokens * 8);
  Grow(std::bit_ceil(tokens * 2));
}

void Vocab::Grow(size_t slots) {
  if (slots <= slots_.size()) return;
  slots_.assign(slots, {});
  for (size_t i = 0; i < entries_.size(); ++i) {
    const std::string_view token = TextOf(entries_[i]);
    const uint64_t hash = HashBytes(token, seed_);
    slots_[SlotOf(token, hash)] = {Tag(hash), static_cast<uint32_t>(i + 1)};
  }
}

size_t Vocab::SlotOf(std::string_view token, uint64_t hash) const {
  const size_t mask = slots_.size() - 1;
  for (size_t slot = hash & mask;; slot = (slot + 1) & mask) {
    const Slot& found = slots_[slot];
    if (found.index == 0) return slot;
    if (found.tag == Tag(hash) && TextOf(entries_[found.index - 1]) == token) return slot;
  }
}

Status Vocab::Add(std::string_view token, TokenId id) {
  if (id > kMaxTokenId) {
    return Corrupt(StrCat("token ", core::Quoted(token, 60), " has the id ", id,
                          ", over the limit of ", kMaxTokenId));
  }
  if (token.size() > kMaxTokenBytes || bytes_.size() + token.size() > UINT32_MAX) {
    return core::Exhausted(StrCat("token ", id, " is too long"));
  }
  if ((entries_.size() + 1) * 2 > slots_.size()) Grow(std::max<size_t>(1024, slots_.size() * 2));
  const uint64_t hash = HashBytes(token, seed_);
  const size_t slot = SlotOf(token, hash);
  if (slots_[slot].index != 0) {
    return Corrupt(StrCat("token ", core::Quoted(token, 60), " is in the vocabulary twice"));
  }
  Entry entry;
  entry.begin = static_cast<uint32_t>(bytes_.size());
  entry.length = static_cast<uint32_t>(token.size());
  entry.id = id;
  bytes_.append(token);
  entries_.push_back(entry);
  slots_[slot] = {Tag(hash), static_cast<uint32_t>(entries_.size())};
  if (id >= by_id_.size()) by_id_.resize(size_t{id} + 1);
  if (by_id_[id] == 0) by_id_[id] = static_cast<uint32_t>(entries_.size());
  longest_ = std::max(longest_, token.size());
  return Status::Ok();
}

Status Vocab::AddMany(std::string_view texts, std::span<const Addition> tokens) {
  if (!slots_.empty()) {
    size_t begin = 0;
    for (const Addition& token : tokens) {
      const uint64_t hash = HashBytes(texts.substr(begin, token.end - begin), seed_);
      __builtin_prefetch(&slots_[hash & (slots_.size() - 1)]);
      begin = token.end;
    }
  }
  size_t begin = 0;
  for (const Addition& token : tokens) {
    INGOT_TRY(Add(texts.substr(begin, token.end - begin), token.id));
    begin = token.end;
  }
  return Status::Ok();
}

std::optional<TokenId> Vocab::Find(std::string_view token) const {
  if (slots_.empty()) return std::nullopt;
  const uint32_t index = slots_[SlotOf(token, HashBytes(token, seed_))].index;
  if (index == 0) return std::nullopt;
  return entries_[index - 1].id;
}

void Vocab::FindMany(std::span<const std::string_view> tokens, std::span<TokenId> ids) const {
  constexpr size_t kTogether = 32;
  std::array<uint64_t, kTogether> hashes;
  const size_t mask = slots_.size() - 1;
  for (size_t begin = 0; begin < tokens.size(); begin += kTogether) {
    const size_t count = std::min(kTogether, tokens.size() - begin);
    if (slots_.empty()) {
      std::fill_n(ids.begin() + static_cast<ptrdiff_t>(begin), count, kNoToken);
      continue;
    }
    for (size_t i = 0; i < count; ++i) {
      hashes[i] = HashBytes(tokens[begin + i], seed_);
      __builtin_prefetch(&slots_[hashes[i] & mask]);
    }
    // The first slot is nearly always the right one.
    for (size_t i = 0; i < count; ++i) {
      const uint32_t index = slots_[hashes[i] & mask].index;
      if (index != 0) __builtin_prefetch(&entries_[index - 1]);
    }
    for (size_t i = 0; i < count; ++i) {
      const uint32_t index = slots_[hashes[i] & mask].index;
      if (index != 0) __builtin_prefetch(bytes_.data() + entries_[index - 1].begin);
    }
    for (size_t i = 0; i < count; ++i) {
      const uint32_t index = slots_[SlotOf(tokens[begin + i], hashes[i])].index;
      ids[begin + i] = index == 0 ? kNoToken : entries_[index - 1].id;
    }
  }
}

std::optional<std::string_view> Vocab::Text(TokenId id) const {
  if (id >= by_id_.size() || by_id_[id] == 0) return std::nullopt;
  return TextOf(entries_[by_id_[id] - 1]);
}

}  // namespace ingot::text
