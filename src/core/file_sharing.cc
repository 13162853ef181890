#include "core/file_sharing.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#ifdef __linux__
#include <linux/fs.h>
#endif

#include "core/strings.h"

namespace ingot::core {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

Status Failed(const char* what, const Path& path) {
  const int error = errno;
  constexpr int kCannot[] = {EXDEV, EOPNOTSUPP, ENOSYS, EINVAL, ENOTTY, EPERM, EMLINK, ETXTBSY};
  Code code = Code::kIo;
  if (error == ENOENT) code = Code::kNotFound;
  if (error == EACCES) code = Code::kPermission;
  if (error == EEXIST) code = Code::kAlreadyExists;
  if (error == ENOSPC || error == EDQUOT) code = Code::kNoSpace;
  for (const int cannot : kCannot) {
    if (error == cannot) code = Code::kUnsupported;
  }
  return {code, StrCat(Printable(path.native(), 1000), ": cannot ", what, ": ", strerror(error))};
}

}  // namespace

Status CloneFile(const Path& from, const Path& to) {
#ifdef FICLONE
  const Descriptor source(open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (source.get() < 0) return Failed("open", from);
  const Descriptor target(open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (target.get() < 0) return Failed("create", to);
  if (ioctl(target.get(), FICLONE, source.get()) == 0) return Status::Ok();
  Status failed = Failed("clone", from);
  unlink(to.c_str());
  return failed;
#else
  return Unsupported(StrCat(Printable(from.native(), 1000), ": cannot clone to ", to.native()));
#endif
}

Status LinkFile(const Path& from, const Path& to) {
  // Not to where a symbolic link leads: that is somebody else's file.
  struct stat info = {};
  if (lstat(from.c_str(), &info) != 0) return Failed("look at", from);
  if (!S_ISREG(info.st_mode)) {
    return Unsupported(StrCat(Printable(from.native(), 1000), ": not a regular file"));
  }
  if (link(from.c_str(), to.c_str()) == 0) return Status::Ok();
  return Failed("link", from);
}

Status SyncFile(const Path& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (file.get() < 0) return Failed("open", path);
  while (fsync(file.get()) != 0) {
    if (errno != EINTR) return Failed("sync", path);
  }
  return Status::Ok();
}

}  // namespace ingot::core
