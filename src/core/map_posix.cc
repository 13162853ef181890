#include "core/map_posix.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>

#include "core/checked.h"
#include "core/map_guard.h"
#include "core/strings.h"

namespace ingot::core {
namespace {

constexpr uint64_t kLargestCopy = uint64_t{64} << 20;  // bytes read instead of mapped, at most
constexpr size_t kCopyAlignment = 4096;                // as a mapping would be
// MADV_POPULATE_READ of Linux 5.14, which older headers do not have and older kernels refuse. Pages
// that are not there are an error of the call, and no signal.
constexpr int kPopulateRead = 22;

std::string Name(const Path& path) { return Printable(path.native(), 1000); }

// Common to both forms: the length now against the length then.
class CheckedFile : public MappedFile {
 public:
  using MappedFile::MappedFile;
  Status Check() const override {
    struct stat st = {};
    // A file that was removed or replaced is still whole under its mapping.
    if (stat(path().c_str(), &st) != 0 || st.st_ino != info().inode || st.st_dev != info().device) {
      return Status::Ok();
    }
    const auto size = static_cast<uint64_t>(st.st_size);
    if (size == info().size) return Status::Ok();
    return Corrupt(StrCat(Name(path()), ": changed from ", info().size, " to ", size,
                          " bytes while it was in use"));
  }
};

class PosixMappedFile : public CheckedFile {
 public:
  PosixMappedFile(const Path& path, const FileInfo& info, void* memory)
      : CheckedFile(path, info), memory_(memory), range_(GuardMapping(memory, info.size)) {
    bytes_ = {static_cast<const std::byte*>(memory), info.size};
  }
  ~PosixMappedFile() override {
    UnguardMapping(range_);
    munmap(memory_, bytes_.size());
  }

  Status Check() const override {
    INGOT_TRY(CheckedFile::Check());
    if (!range_->damaged.load(std::memory_order_acquire)) return Status::Ok();
    return Corrupt(StrCat(Name(path()),
                          ": part of the file could not be read (it was cut while in "
                          "use, or the disk failed)"));
  }

  void WillNeed(uint64_t offset, uint64_t size) const override {
    Advise(offset, size, MADV_WILLNEED);
  }
  void Populate(uint64_t offset, uint64_t size) const override {
    Advise(offset, size, kPopulateRead);
  }
  void Release(uint64_t offset, uint64_t size) const override {
    Advise(offset, size, MADV_DONTNEED);
  }

 private:
  void Advise(uint64_t offset, uint64_t size, int advice) const {
    if (!SpanFits(offset, size, bytes_.size())) return;
    // Release shrinks to whole pages, so as not to drop a neighbour's; read-ahead grows to them.
    constexpr uint64_t kPage = 4096;
    const uint64_t end = offset + size;
    uint64_t from = offset / kPage * kPage;
    uint64_t to = end;
    if (advice == MADV_DONTNEED) {
      from = CeilDiv(offset, kPage) * kPage;
      to = end == bytes_.size() ? end : end / kPage * kPage;
    }
    if (from < to) madvise(static_cast<std::byte*>(memory_) + from, to - from, advice);
  }

  void* memory_;
  GuardedRange* range_;
};

class CopiedFile : public CheckedFile {
 public:
  CopiedFile(const Path& path, const FileInfo& info, std::unique_ptr<std::byte[]> memory,
             size_t offset)
      : CheckedFile(path, info), memory_(std::move(memory)) {
    bytes_ = {memory_.get() + offset, info.size};
  }
  void WillNeed(uint64_t, uint64_t) const override {}
  void Populate(uint64_t, uint64_t) const override {}
  void Release(uint64_t, uint64_t) const override {}

 private:
  std::unique_ptr<std::byte[]> memory_;
};

Result<std::unique_ptr<MappedFile>> CopyFile(const Path& path, const Fd& fd, const FileInfo& info) {
  auto memory = std::make_unique_for_overwrite<std::byte[]>(info.size + kCopyAlignment);
  const size_t misaligned = reinterpret_cast<uintptr_t>(memory.get()) % kCopyAlignment;
  const size_t offset = misaligned == 0 ? 0 : kCopyAlignment - misaligned;
  uint64_t done = 0;
  while (done < info.size) {
    const ssize_t got =
        pread(fd.get(), memory.get() + offset + done, info.size - done, static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus(errno, StrCat(Name(path), ": cannot read"));
    if (got == 0) {
      return Corrupt(StrCat(Name(path), ": ends at byte ", done, ", expected ", info.size));
    }
    done += static_cast<uint64_t>(got);
  }
  return std::unique_ptr<MappedFile>(
      std::make_unique<CopiedFile>(path, info, std::move(memory), offset));
}

}  // namespace

Result<std::unique_ptr<MappedFile>> MapPosix(const Path& path, const Fd& fd, const FileInfo& info,
                                             Access access) {
  // mmap refuses a length of nothing.
  if (info.size == 0) return CopyFile(path, fd, info);
  const bool room = GuardedMappings() < MappingLimit();
  if (room) {
    void* memory = mmap(nullptr, info.size, PROT_READ, MAP_SHARED, fd.get(), 0);
    if (memory != MAP_FAILED) {
      if (access == Access::kSequential) madvise(memory, info.size, MADV_SEQUENTIAL);
      if (access == Access::kRandom) madvise(memory, info.size, MADV_RANDOM);
      return std::unique_ptr<MappedFile>(std::make_unique<PosixMappedFile>(path, info, memory));
    }
    if (errno != ENOMEM) return ErrnoStatus(errno, StrCat(Name(path), ": cannot map"));
  }
  if (info.size <= kLargestCopy) return CopyFile(path, fd, info);
  return Exhausted(StrCat(Name(path), ": cannot map ", HumanBytes(info.size), ": ",
                          GuardedMappings(), " files are mapped already, of ", MappingLimit(),
                          " that the system allows (vm.max_map_count)"));
}

}  // namespace ingot::core
