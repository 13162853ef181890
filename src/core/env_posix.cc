// Env over POSIX and Linux calls. Interrupted calls are repeated; partial reads and writes go on
// until all is done or an error says why not.
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include "core/env.h"
#include "core/fd.h"
#include "core/map_posix.h"
#include "core/strings.h"

namespace ingot::core {
namespace {

std::string Name(const Path& path) { return Printable(path.native(), 1000); }

Status Failed(std::string_view what, const Path& path) {
  return ErrnoStatus(errno, StrCat(Name(path), ": cannot ", what));
}

FileKind KindOf(mode_t mode) {
  if (S_ISREG(mode)) return FileKind::kRegular;
  if (S_ISDIR(mode)) return FileKind::kDirectory;
  if (S_ISLNK(mode)) return FileKind::kSymlink;
  return FileKind::kOther;
}

std::string_view KindName(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  return "something else";
}

FileInfo InfoOf(const struct stat& st) {
  FileInfo info;
  info.kind = KindOf(st.st_mode);
  info.size = static_cast<uint64_t>(st.st_size);
  info.modified_ns = int64_t{st.st_mtim.tv_sec} * 1'000'000'000 + st.st_mtim.tv_nsec;
  info.device = st.st_dev;
  info.inode = st.st_ino;
  return info;
}

// off_t is signed: sizes beyond 2^63 - 1 cannot be said to the kernel.
bool FitsOffset(uint64_t offset, uint64_t size) {
  constexpr uint64_t kMax = INT64_MAX;
  return offset <= kMax && size <= kMax - offset;
}

struct OpenedFile {
  Fd fd;
  FileInfo info;
};

// Opens a regular file for reading. The kind is looked at before opening, since merely opening a
// device can act on it, and again after, since the name may mean another file by then.
Result<OpenedFile> OpenRegular(const Path& path, Access access) {
  struct stat st = {};
  const auto refuse = [&] {
    return InvalidArgument(
        StrCat(Name(path), ": expected a regular file, found ", KindName(st.st_mode)));
  };
  if (stat(path.c_str(), &st) != 0) return Failed("open", path);
  if (!S_ISREG(st.st_mode)) return refuse();
  Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.valid() || fstat(fd.get(), &st) != 0) return Failed("open", path);
  if (!S_ISREG(st.st_mode)) return refuse();
  if (access != Access::kNormal) {
    posix_fadvise(fd.get(), 0, 0,
                  access == Access::kSequential ? POSIX_FADV_SEQUENTIAL : POSIX_FADV_RANDOM);
  }
  return OpenedFile{std::move(fd), InfoOf(st)};
}

class PosixReadFile : public ReadFile {
 public:
  PosixReadFile(Path path, Fd fd) : ReadFile(std::move(path)), fd_(std::move(fd)) {}

  Status ReadAt(uint64_t offset, std::span<std::byte> out) const override {
    if (!FitsOffset(offset, out.size())) {
      return InvalidArgument(StrCat(Name(path()), ": offset ", offset, " is out of range"));
    }
    size_t done = 0;
    while (done < out.size()) {
      const ssize_t got =
          pread(fd_.get(), out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return Failed("read", path());
      if (got == 0) {
        return Corrupt(StrCat(Name(path()), ": ends at byte ", offset + done, ", expected ",
                              out.size() - done, " bytes more"));
      }
      done += static_cast<size_t>(got);
    }
    return Status::Ok();
  }

  Result<FileInfo> Info() const override {
    struct stat st = {};
    if (fstat(fd_.get(), &st) != 0) return Failed("look at", path());
    return InfoOf(st);
  }

  void DropCache(uint64_t offset, uint64_t size) const override {
    if (!FitsOffset(offset, size)) return;
    posix_fadvise(fd_.get(), static_cast<off_t>(offset), static_cast<off_t>(size),
                  POSIX_FADV_DONTNEED);
  }

 private:
  Fd fd_;
};

class PosixWriteFile : public WriteFile {
 public:
  PosixWriteFile(Path path, Fd fd, uint64_t end)
      : WriteFile(std::move(path)), fd_(std::move(fd)), end_(end) {}

  Status Append(std::span<const std::byte> data) override {
    INGOT_TRY(WriteAt(end_, data));
    end_ += data.size();
    return Status::Ok();
  }

  Status WriteAt(uint64_t offset, std::span<const std::byte> data) override {
    if (!fd_.valid()) return Internal(StrCat(Name(path()), ": written to after it was closed"));
    if (!FitsOffset(offset, data.size())) {
      return InvalidArgument(StrCat(Name(path()), ": offset ", offset, " is out of range"));
    }
    size_t done = 0;
    while (done < data.size()) {
      const ssize_t put = pwrite(fd_.get(), data.data() + done, data.size() - done,
                                 static_cast<off_t>(offset + done));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return Failed("write", path());
      if (put == 0) return IoError(StrCat(Name(path()), ": the system wrote nothing"));
      done += static_cast<size_t>(put);
    }
    return Status::Ok();
  }

  Status Allocate(uint64_t size) override {
    if (size == 0) return Status::Ok();
    if (!FitsOffset(0, size)) {
      return InvalidArgument(StrCat(Name(path()), ": ", size, " bytes are out of range"));
    }
    while (fallocate(fd_.get(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size)) != 0) {
      if (errno == EINTR) continue;
      if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG) {
        return Failed(StrCat("reserve ", HumanBytes(size)), path());
      }
      return Status::Ok();  // this file system cannot reserve; writes will tell
    }
    return Status::Ok();
  }

  Status Sync() override {
    while (fsync(fd_.get()) != 0) {
      if (errno != EINTR) return Failed("sync", path());
    }
    return Status::Ok();
  }

  Status Close() override {
    const int fd = fd_.release();
    // EINTR: Linux has closed the descriptor all the same.
    if (fd >= 0 && close(fd) != 0 && errno != EINTR) return Failed("close", path());
    return Status::Ok();
  }

  void StartWriteback(uint64_t offset, uint64_t size) override {
    if (!FitsOffset(offset, size)) return;
    sync_file_range(fd_.get(), static_cast<off_t>(offset), static_cast<off_t>(size),
                    SYNC_FILE_RANGE_WRITE);
  }

 private:
  Fd fd_;
  uint64_t end_;
};

class PosixLock : public FileLock {
 public:
  explicit PosixLock(Fd fd) : fd_(std::move(fd)) {}

 private:
  Fd fd_;  // closing it unlocks
};

class PosixEnv : public Env {
 public:
  Result<std::unique_ptr<ReadFile>> OpenRead(const Path& path, Access access) override {
    INGOT_ASSIGN(OpenedFile file, OpenRegular(path, access));
    return std::unique_ptr<ReadFile>(std::make_unique<PosixReadFile>(path, std::move(file.fd)));
  }

  Result<std::unique_ptr<MappedFile>> Map(const Path& path, Access access) override {
    INGOT_ASSIGN(const OpenedFile file, OpenRegular(path, access));
    return MapPosix(path, file.fd, file.info, access);
  }

  Result<std::unique_ptr<WriteFile>> CreateNew(const Path& path) override {
    Fd fd(open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644));
    if (!fd.valid()) return Failed("create", path);
    return std::unique_ptr<WriteFile>(std::make_unique<PosixWriteFile>(path, std::move(fd), 0));
  }

  Result<std::unique_ptr<WriteFile>> OpenWrite(const Path& path) override {
    Fd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW, 0644));
    struct stat st = {};
    if (!fd.valid() || fstat(fd.get(), &st) != 0) return Failed("open for writing", path);
    if (!S_ISREG(st.st_mode)) {
      return InvalidArgument(
          StrCat(Name(path), ": expected a regular file, found ", KindName(st.st_mode)));
    }
    return std::unique_ptr<WriteFile>(
        std::make_unique<PosixWriteFile>(path, std::move(fd), static_cast<uint64_t>(st.st_size)));
  }

  Status Rename(const Path& from, const Path& to) override {
    if (rename(from.c_str(), to.c_str()) == 0) return Status::Ok();
    return Failed(StrCat("rename to ", Name(to)), from);
  }

  Status RenameNoReplace(const Path& from, const Path& to) override {
    if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) {
      return Status::Ok();
    }
    if (errno != EINVAL && errno != ENOSYS) return Failed(StrCat("rename to ", Name(to)), from);
    // A file system without that flag: a hard link is as exclusive.
    if (link(from.c_str(), to.c_str()) != 0) return Failed(StrCat("link to ", Name(to)), from);
    return Remove(from);
  }

  Status Remove(const Path& path) override {
    if (remove(path.c_str()) == 0) return Status::Ok();
    return Failed("remove", path);
  }

  Status CreateDirs(const Path& path) override {
    // Nobody else may write in what we make, whatever the umask says.
    if (mkdir(path.c_str(), 0755) == 0) return Status::Ok();
    if (errno == ENOENT && path.has_parent_path() && path.parent_path() != path) {
      INGOT_TRY(CreateDirs(path.parent_path()));
      if (mkdir(path.c_str(), 0755) == 0) return Status::Ok();
    }
    const int error = errno;
    struct stat st = {};
    if (error == EEXIST && stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode)) {
      return Status::Ok();
    }
    return ErrnoStatus(error, StrCat(Name(path), ": cannot create directory"));
  }

  Status SyncDir(const Path& path) override {
    const Path directory = path.empty() ? Path(".") : path;
    const Fd fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.valid()) return Failed("open", directory);
    while (fsync(fd.get()) != 0) {
      if (errno == EINVAL || errno == ENOTSUP)
        return Status::Ok();  // it keeps directories safe alone
      if (errno != EINTR) return Failed("sync", directory);
    }
    return Status::Ok();
  }

  Status Touch(const Path& path) override {
    if (utimensat(AT_FDCWD, path.c_str(), nullptr, 0) == 0) return Status::Ok();
    return Failed("touch", path);
  }

  Result<FileInfo> Stat(const Path& path) override {
    struct stat st = {};
    if (stat(path.c_str(), &st) != 0) return Failed("look at", path);
    return InfoOf(st);
  }

  Result<FileInfo> LStat(const Path& path) override {
    struct stat st = {};
    if (lstat(path.c_str(), &st) != 0) return Failed("look at", path);
    return InfoOf(st);
  }

  Result<std::vector<DirEntry>> List(const Path& path) override {
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(path.c_str()), &closedir);
    if (directory == nullptr) return Failed("list", path);
    std::vector<DirEntry> entries;
    while (true) {
      errno = 0;
      const dirent* entry = readdir(directory.get());
      if (entry == nullptr) break;
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      struct stat st = {};
      // Gone since readdir saw it: not there is what the caller should see.
      if (fstatat(dirfd(directory.get()), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) continue;
      entries.push_back({std::string(name), KindOf(st.st_mode)});
    }
    if (errno != 0) return Failed("list", path);
    std::sort(entries.begin(), entries.end(),
              [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
    return entries;
  }

  Result<Space> FreeSpace(const Path& path) override {
    Path place = path.empty() ? Path(".") : path;
    struct statvfs vfs = {};
    while (statvfs(place.c_str(), &vfs) != 0) {
      if (errno == EINTR) continue;
      if (errno != ENOENT || !place.has_relative_path()) return Failed("ask for free space", path);
      place = place.has_parent_path() ? place.parent_path() : Path(".");
    }
    return Space{uint64_t{vfs.f_bavail} * vfs.f_frsize, uint64_t{vfs.f_blocks} * vfs.f_frsize};
  }

  Result<std::unique_ptr<FileLock>> Lock(const Path& path, LockMode mode, bool wait) override {
    Fd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
    // A store that we may only read can still be locked for reading.
    if (!fd.valid() && (errno == EACCES || errno == EROFS) && mode == LockMode::kShared) {
      fd = Fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    }
    if (!fd.valid()) return Failed("open lock", path);
    const int operation = (mode == LockMode::kShared ? LOCK_SH : LOCK_EX) | (wait ? 0 : LOCK_NB);
    if (flock(fd.get(), operation) != 0) {
      if (errno == EINTR)
        return Cancelled(StrCat(Name(path), ": interrupted while waiting for the lock"));
      return Failed("lock", path);
    }
    return std::unique_ptr<FileLock>(std::make_unique<PosixLock>(std::move(fd)));
  }
};

}  // namespace

Env& Env::Posix() {
  static PosixEnv env;
  return env;
}

}  // namespace ingot::core
