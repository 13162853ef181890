#include "core/hash_crew.h"

#include <algorithm>
#include <utility>

namespace ingot::core {
namespace {

// Hashed faster than another thread is woken.
constexpr size_t kShortPiece = size_t{16} << 10;
// Longer pieces are hashed in several steps, so that a long one is not left alone after the others.
constexpr size_t kStep = size_t{1} << 20;

}  // namespace

HashCrew::HashCrew(int processors, size_t together)
    : processors_(static_cast<size_t>(std::max(processors, 1))),
      together_(together > 0 ? together : Sha256::MostTogether()),
      free_turns_(processors_) {}

HashCrew::Member::Member(HashCrew& crew) : crew_(crew) { crew_.Join(*this); }
HashCrew::Member::~Member() { crew_.Leave(); }

void HashCrew::Member::Update(Sha256& hash, std::span<const std::byte> data) {
  while (data.size() > kShortPiece && crew_.together_ > 1) {
    piece_ = {.hash = &hash, .data = data.first(std::min(data.size(), kStep))};
    data = data.subspan(piece_.data.size());
    crew_.Update(*this);
  }
  hash.Update(data);
}

void HashCrew::Join(Member& member) {
  std::unique_lock<std::mutex> hold(lock_);
  MakeReady(member);
  AwaitTurn(member, hold);
}

void HashCrew::Leave() {
  std::unique_lock<std::mutex> hold(lock_);
  if (ready_.empty() && !hashes_.empty()) HashWaiting(nullptr, hold);
  PassTurn();
}

void HashCrew::Update(Member& member) {
  std::unique_lock<std::mutex> hold(lock_);
  hashes_.push_back(&member);
  if (hashes_.size() >= together_ || ready_.empty()) {
    HashWaiting(&member, hold);
    return;
  }
  member.has_turn_ = false;
  PassTurn();
  AwaitTurn(member, hold);
}

void HashCrew::MakeReady(Member& member) {
  ready_.push_back(&member);
  if (free_turns_ == 0) return;
  --free_turns_;
  PassTurn();
}

void HashCrew::PassTurn() {
  if (ready_.empty()) {
    ++free_turns_;
    return;
  }
  Member& next = *ready_.front();
  ready_.pop_front();
  next.has_turn_ = true;
  // With the lock held: the member may end as soon as it has its turn.
  next.turn_came_.notify_one();
}

void HashCrew::AwaitTurn(Member& member, std::unique_lock<std::mutex>& hold) {
  member.turn_came_.wait(hold, [&] { return member.has_turn_; });
}

void HashCrew::HashWaiting(const Member* caller, std::unique_lock<std::mutex>& hold) {
  const std::vector<Member*> taken = std::exchange(hashes_, {});
  hold.unlock();
  std::vector<Sha256::Piece> pieces;
  pieces.reserve(taken.size());
  for (const Member* member : taken) pieces.push_back(member->piece_);
  Sha256::UpdateTogether(pieces);
  hold.lock();
  for (Member* member : taken) {
    if (member != caller) MakeReady(*member);
  }
}

}  // namespace ingot::core
