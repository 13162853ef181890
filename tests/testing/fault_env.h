// An Env that counts what a program asks of the disk and fails the n-th such operation, as a full
// disk, a short write, a failed fsync or a failed rename would; it can also play a power cut, which
// loses whatever was written and not synced. Thread-safe.
#ifndef INGOT_TESTS_TESTING_FAULT_ENV_H_
#define INGOT_TESTS_TESTING_FAULT_ENV_H_

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/env.h"

namespace ingot::testing {

// Only what changes the disk is counted; reading is not.
enum class Operation {
  kCreate,
  kAppend,
  kWriteAt,
  kAllocate,
  kSync,
  kClose,
  kRename,
  kRemove,
  kCreateDirs,
  kSyncDir,
  kTouch,
};

enum class FaultMode {
  kOnce,        // that operation fails, later ones work
  kFromThenOn,  // the disk is gone: that one and all later ones fail
};

class FaultEnv : public core::Env {
 public:
  explicit FaultEnv(core::Env& base) : base_(base) {}

  // The operation with this index (0 is the next one) fails with the error; an append or write puts
  // half of its data down first.
  void FailAt(size_t index, core::Status error, FaultMode mode = FaultMode::kOnce);
  void Heal();  // no more faults; counting starts again from 0

  size_t operations() const;           // since Heal or the beginning
  std::vector<Operation> log() const;  // their kinds, in order
  bool fault_happened() const;

  // From now on fsync is counted, and may fail, but does not wait for a real disk: a test with
  // thousands of them would take minutes.
  void SkipRealSyncs() { real_syncs_ = false; }

  // Cuts every file back to what was synced of it, as a power cut may. Files made through this Env
  // only; call when no file is open.
  void DropUnsynced();

  core::Result<std::unique_ptr<core::ReadFile>> OpenRead(const core::Path& path,
                                                         core::Access access) override;
  core::Result<std::unique_ptr<core::MappedFile>> Map(const core::Path& path,
                                                      core::Access access) override;
  core::Result<std::unique_ptr<core::WriteFile>> CreateNew(const core::Path& path) override;
  core::Result<std::unique_ptr<core::WriteFile>> OpenWrite(const core::Path& path) override;
  core::Status Rename(const core::Path& from, const core::Path& to) override;
  core::Status RenameNoReplace(const core::Path& from, const core::Path& to) override;
  core::Status Remove(const core::Path& path) override;
  core::Status CreateDirs(const core::Path& path) override;
  core::Status SyncDir(const core::Path& path) override;
  core::Status Touch(const core::Path& path) override;
  core::Result<core::FileInfo> Stat(const core::Path& path) override;
  core::Result<core::FileInfo> LStat(const core::Path& path) override;
  core::Result<std::vector<core::DirEntry>> List(const core::Path& path) override;
  core::Result<core::Space> FreeSpace(const core::Path& path) override;
  core::Result<std::unique_ptr<core::FileLock>> Lock(const core::Path& path, core::LockMode mode,
                                                     bool wait) override;

 private:
  friend class FaultWriteFile;
  core::Status Count(Operation operation);  // the fault, when it is this operation's turn
  void Written(const core::Path& path, uint64_t end);
  void Synced(const core::Path& path);
  void Moved(const core::Path& from, const core::Path& to);

  struct Length {
    uint64_t written = 0;
    uint64_t synced = 0;
  };

  core::Env& base_;
  mutable std::mutex lock_;
  std::vector<Operation> log_;
  std::optional<size_t> fail_at_;
  core::Status error_;
  FaultMode mode_ = FaultMode::kOnce;
  bool happened_ = false;
  std::atomic<bool> real_syncs_{true};
  std::map<core::Path, Length> lengths_;
};

}  // namespace ingot::testing

#endif  // INGOT_TESTS_TESTING_FAULT_ENV_H_
