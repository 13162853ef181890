// Lets many threads, each of which works for a stream of bytes and hashes it, share few processors
// so that streams are hashed together, which is two to three times as fast as one after the other
// (Sha256::UpdateTogether). At any time as many of its members run as there are processors. Who has
// a piece to hash lets another run in his place; once enough pieces wait, or nobody is left to run,
// one of the members hashes them all.
//
// Thread-safe; each Member belongs to one thread. Nothing can stop for good: a member waits only
// when it gave its turn to another, and who ends, or has a piece and finds nobody to give his turn
// to, hashes what waits. Members must not wait for each other in other ways.
#ifndef INGOT_CORE_HASH_CREW_H_
#define INGOT_CORE_HASH_CREW_H_

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <span>
#include <vector>

#include "core/sha256.h"

namespace ingot::core {

class HashCrew {
 public:
  // together: how many pieces are hashed at once, at most; 0 for as many as it is worthwhile.
  explicit HashCrew(int processors, size_t together = 0);

  // A thread that hashes, as long as the object lives. Made where it runs: it may have to wait for
  // its turn.
  class Member {
   public:
    explicit Member(HashCrew& crew);
    ~Member();
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;

    // hash.Update(data), perhaps by another thread while this one waits.
    void Update(Sha256& hash, std::span<const std::byte> data);

   private:
    friend class HashCrew;

    HashCrew& crew_;
    std::condition_variable turn_came_;
    Sha256::Piece piece_;    // while it waits to be hashed
    bool has_turn_ = false;  // guarded by the crew's lock
  };

  // So many members keep all processors hashing as many pieces at once as there can be.
  size_t MembersWanted() const { return processors_ * together_; }

 private:
  void Join(Member& member);
  void Leave();
  void Update(Member& member);
  // With the lock held: lets a member run as soon as there is a turn, hands the caller's turn on,
  // waits for one.
  void MakeReady(Member& member);
  void PassTurn();
  static void AwaitTurn(Member& member, std::unique_lock<std::mutex>& hold);
  // The lock is held on entry and on return, and not while hashing. Pieces of others than the
  // caller make these ready.
  void HashWaiting(const Member* caller, std::unique_lock<std::mutex>& hold);

  const size_t processors_;
  const size_t together_;
  std::mutex lock_;              // guards what follows
  size_t free_turns_;            // none while a member is ready
  std::deque<Member*> ready_;    // to run, in the order in which they became so
  std::vector<Member*> hashes_;  // that wait for their pieces
};

}  // namespace ingot::core

#endif  // INGOT_CORE_HASH_CREW_H_
