// Everything the program asks of the operating system's files goes through Env, so that a test can
// make a disk fill up, a write fall short, a rename or an fsync fail. Env::Posix() is the real one;
// tests/testing/fault_env.h wraps it.
//
// An Env is thread-safe. A file object belongs to one thread at a time, except ReadFile::ReadAt and
// the bytes of a MappedFile, which any number of threads may use together.
#ifndef INGOT_CORE_ENV_H_
#define INGOT_CORE_ENV_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/status.h"

namespace ingot::core {

using Path = std::filesystem::path;

enum class FileKind { kRegular, kDirectory, kSymlink, kOther };

struct FileInfo {
  FileKind kind = FileKind::kOther;
  uint64_t size = 0;
  int64_t modified_ns = 0;  // since the Unix epoch
  uint64_t device = 0;
  uint64_t inode = 0;
};

// What one read of a whole file will look like, so that the kernel can read ahead, or not.
enum class Access { kNormal, kSequential, kRandom };

class ReadFile {
 public:
  virtual ~ReadFile() = default;
  // Fills the whole of out from offset, or fails: kCorrupt when the file ends before.
  virtual Status ReadAt(uint64_t offset, std::span<std::byte> out) const = 0;
  // As it is now, not as it was when opened: a changed size or time means the file changed.
  virtual Result<FileInfo> Info() const = 0;
  // Tells the kernel that [offset, offset + size) was read and will not be wanted again soon.
  virtual void DropCache(uint64_t offset, uint64_t size) const = 0;
  const Path& path() const { return path_; }

 protected:
  explicit ReadFile(Path path) : path_(std::move(path)) {}

 private:
  Path path_;
};

class WriteFile {
 public:
  // Closes without Sync if Close was not called; the file stays where it is.
  virtual ~WriteFile() = default;
  // All of data, or an error (then the length of the file is unknown).
  virtual Status Append(std::span<const std::byte> data) = 0;
  // For writers that fill a known length out of order. Does not move the append position.
  virtual Status WriteAt(uint64_t offset, std::span<const std::byte> data) = 0;
  // Reserves blocks for [0, size) so that a full disk shows now; kNoSpace when it would not fit.
  // A file system that cannot reserve is not an error.
  virtual Status Allocate(uint64_t size) = 0;
  virtual Status Sync() = 0;  // data and length are on the disk when it returns OK
  virtual Status Close() = 0;
  // Starts writing back what lies in [offset, offset+size) without waiting. Advice only.
  virtual void StartWriteback(uint64_t offset, uint64_t size) = 0;
  const Path& path() const { return path_; }

 protected:
  explicit WriteFile(Path path) : path_(std::move(path)) {}

 private:
  Path path_;
};

// A read-only view of a whole file. The bytes stay valid until the object goes; so does their
// address. No descriptor is held. When the file shrinks underneath, or the disk cannot read a page,
// the missing pages read as zero and Check() says so: call it after reading bytes that matter.
class MappedFile {
 public:
  virtual ~MappedFile() = default;
  std::span<const std::byte> bytes() const { return bytes_; }
  const Path& path() const { return path_; }
  const FileInfo& info() const { return info_; }  // when it was mapped
  // kCorrupt when bytes are missing or the file has another length than it had. A file that was
  // rewritten in place at the same length passes: CheckUnchanged compares times as well.
  virtual Status Check() const = 0;
  // Asks for read-ahead of a range that will be needed soon. Advice only.
  virtual void WillNeed(uint64_t offset, uint64_t size) const = 0;
  // Makes the pages of a range present, reading them if need be: for a range that is about to be
  // read in order, one call instead of a fault every few pages. Advice only.
  virtual void Populate(uint64_t offset, uint64_t size) const = 0;
  // Gives the pages of a range back: they are read again if touched again. Advice only.
  virtual void Release(uint64_t offset, uint64_t size) const = 0;

 protected:
  MappedFile(Path path, const FileInfo& info) : path_(std::move(path)), info_(info) {}
  std::span<const std::byte> bytes_;

 private:
  Path path_;
  FileInfo info_;
};

// An advisory lock on a file, held until the object goes; the kernel drops it when the process
// dies. Locks of one process exclude each other too.
class FileLock {
 public:
  virtual ~FileLock() = default;
};
enum class LockMode { kShared, kExclusive };

struct DirEntry {
  std::string name;
  FileKind kind = FileKind::kOther;  // of the entry itself: links are not followed
};

struct Space {
  uint64_t available = 0;  // to an unprivileged writer
  uint64_t total = 0;
};

class Env {
 public:
  virtual ~Env() = default;
  static Env& Posix();

  // Regular files only, symbolic links followed; a FIFO, device or directory is kInvalidArgument
  // and is never waited on.
  virtual Result<std::unique_ptr<ReadFile>> OpenRead(const Path& path,
                                                     Access access = Access::kNormal) = 0;
  // An empty file has an empty view.
  virtual Result<std::unique_ptr<MappedFile>> Map(const Path& path,
                                                  Access access = Access::kNormal) = 0;
  // A new file, readable by all as the umask allows; kAlreadyExists when the name is taken.
  virtual Result<std::unique_ptr<WriteFile>> CreateNew(const Path& path) = 0;
  // An existing or new file for appending and WriteAt, its content kept.
  virtual Result<std::unique_ptr<WriteFile>> OpenWrite(const Path& path) = 0;

  virtual Status Rename(const Path& from, const Path& to) = 0;  // replaces atomically
  // Renames unless `to` exists: kAlreadyExists then, and both stay.
  virtual Status RenameNoReplace(const Path& from, const Path& to) = 0;
  virtual Status Remove(const Path& path) = 0;           // a file or an empty directory
  virtual Status CreateDirs(const Path& path) = 0;       // with parents; fine if it is there
  virtual Status SyncDir(const Path& path) = 0;          // makes renames and removals in it durable
  virtual Status Touch(const Path& path) = 0;            // access and modification time to now
  virtual Result<FileInfo> Stat(const Path& path) = 0;   // follows links
  virtual Result<FileInfo> LStat(const Path& path) = 0;  // does not
  virtual Result<std::vector<DirEntry>> List(const Path& path) = 0;  // sorted by name
  virtual Result<Space> FreeSpace(const Path& path) = 0;  // of its nearest existing directory
  // wait: blocks until it is free; otherwise kBusy at once. Creates the file if it is missing.
  virtual Result<std::unique_ptr<FileLock>> Lock(const Path& path, LockMode mode, bool wait) = 0;
};

// kCorrupt unless path still is the file that `before` described: same inode, length and time.
Status CheckUnchanged(Env& env, const Path& path, const FileInfo& before);

// The whole of a small file; kExhausted when it is larger than limit.
Result<std::string> ReadSmallFile(Env& env, const Path& path, uint64_t limit);
// Replaces path atomically and durably: temp file beside it, write, sync, rename, sync directory.
// On failure path is as it was and the temp file is gone, if the disk allows that much.
Status WriteFileAtomic(Env& env, const Path& path, std::string_view content);

inline std::span<const std::byte> AsBytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

}  // namespace ingot::core

#endif  // INGOT_CORE_ENV_H_
