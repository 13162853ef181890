#include "text/token/vocab.h"

#include <algorithm>
#include <bit>

#include "core/strings.h"

namespace ingot::text {

using core::Corrupt;
using core::Status;
using core::StrCat;

void Vocab::Reserve(size_t tokens) {
  tokens = std::min(tokens, size_t{1} << 20);  // a guess from outside reserves no more than this
  entries_.reserve(tokens);
  by_id_.reserve(tokens);
  bytes_.reserve(tokens * 8);
  Grow(std::bit_ceil(tokens * 2));
}

void Vocab::Grow(size_t slots) {
  if (slots <= slots_.size()) return;
  slots_.assign(slots, 0);
  for (size_t i = 0; i < entries_.size(); ++i) {
    const std::string_view token = TextOf(entries_[i]);
    slots_[SlotOf(token, HashBytes(token, seed_))] = static_cast<uint32_t>(i + 1);
  }
}

size_t Vocab::SlotOf(std::string_view token, uint64_t hash) const {
  const size_t mask = slots_.size() - 1;
  const auto tag = static_cast<uint32_t>(hash >> 32);
  for (size_t slot = hash & mask;; slot = (slot + 1) & mask) {
    if (slots_[slot] == 0) return slot;
    const Entry& entry = entries_[slots_[slot] - 1];
    if (entry.tag == tag && TextOf(entry) == token) return slot;
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
  if (slots_[slot] != 0) {
    return Corrupt(StrCat("token ", core::Quoted(token, 60), " is in the vocabulary twice"));
  }
  Entry entry;
  entry.begin = static_cast<uint32_t>(bytes_.size());
  entry.length = static_cast<uint32_t>(token.size());
  entry.id = id;
  entry.tag = static_cast<uint32_t>(hash >> 32);
  bytes_.append(token);
  entries_.push_back(entry);
  slots_[slot] = static_cast<uint32_t>(entries_.size());
  if (id >= by_id_.size()) by_id_.resize(size_t{id} + 1);
  if (by_id_[id] == 0) by_id_[id] = static_cast<uint32_t>(entries_.size());
  longest_ = std::max(longest_, token.size());
  return Status::Ok();
}

std::optional<TokenId> Vocab::Find(std::string_view token) const {
  if (slots_.empty()) return std::nullopt;
  const uint32_t index = slots_[SlotOf(token, HashBytes(token, seed_))];
  if (index == 0) return std::nullopt;
  return entries_[index - 1].id;
}

std::optional<std::string_view> Vocab::Text(TokenId id) const {
  if (id >= by_id_.size() || by_id_[id] == 0) return std::nullopt;
  return TextOf(entries_[by_id_[id] - 1]);
}

}  // namespace ingot::text
