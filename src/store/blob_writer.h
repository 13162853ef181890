// Writes one blob: bytes go to a temp file of the session as they come and are hashed on the way;
// Commit makes them durable and gives them their name. Until then, and when anything fails, the
// store has not changed.
//
// A blob that already bears that name is not believed: its size and content are checked, and only
// where they are right is the new file dropped (and the old one's times set to now). A bad one is
// moved to quarantine and the new one takes its place.
//
// One object, one thread. Belongs to its session.
#ifndef INGOT_STORE_BLOB_WRITER_H_
#define INGOT_STORE_BLOB_WRITER_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "core/env.h"
#include "core/hash_crew.h"
#include "core/sha256.h"
#include "core/status.h"
#include "store/session.h"

namespace ingot::store {

class BlobWriter {
 public:
  // From WriteSession::NewBlob.
  BlobWriter(WriteSession& session, std::unique_ptr<core::WriteFile> file,
             BlobExpectation expectation)
      : session_(session), file_(std::move(file)), expectation_(std::move(expectation)) {}
  // Removes the temp file unless Commit succeeded.
  ~BlobWriter();
  BlobWriter(const BlobWriter&) = delete;
  BlobWriter& operator=(const BlobWriter&) = delete;

  // From now on bytes are hashed together with those of the crew's other members. The member, whose
  // thread appends, outlives that.
  void HashWith(core::HashCrew::Member& member) { member_ = &member; }

  core::Status Append(std::span<const std::byte> data);
  core::Status Append(std::string_view text) { return Append(core::AsBytes(text)); }
  // For bytes that are there before their turn: writes them where they will lie, offset bytes from
  // the start of the blob and not before what was appended.
  core::Status PlaceAhead(uint64_t offset, std::span<const std::byte> data);
  // The next size bytes were all placed ahead: takes them up, reading them back for the hash.
  core::Status AppendPlaced(uint64_t size);
  uint64_t size() const { return size_; }

  // Call once. kCorrupt when the bytes are not those that were expected.
  core::Result<BlobInfo> Commit();

 private:
  core::Status CheckRoom(uint64_t more) const;
  // data was written and is next.
  void Take(std::span<const std::byte> data);

  WriteSession& session_;
  std::unique_ptr<core::WriteFile> file_;
  BlobExpectation expectation_;
  core::Sha256 hash_;
  core::HashCrew::Member* member_ = nullptr;  // nullptr: alone
  uint64_t size_ = 0;
  uint64_t placed_ = 0;        // bytes placed ahead that were not taken up yet
  uint64_t written_back_ = 0;  // the kernel was asked to write out everything before this
  bool adopted_ = false;       // the temp file has become a blob, or is gone
};

}  // namespace ingot::store

#endif  // INGOT_STORE_BLOB_WRITER_H_
