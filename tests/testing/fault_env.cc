#include "tests/testing/fault_env.h"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace ingot::testing {

using core::Path;
using core::Result;
using core::Status;

class FaultWriteFile : public core::WriteFile {
 public:
  FaultWriteFile(FaultEnv& env, std::unique_ptr<core::WriteFile> base, uint64_t end)
      : WriteFile(base->path()), env_(env), base_(std::move(base)), end_(end) {}

  Status Append(std::span<const std::byte> data) override {
    const Status fault = env_.Count(Operation::kAppend);
    const auto part = fault.ok() ? data : data.first(data.size() / 2);
    INGOT_TRY(base_->Append(part));
    end_ += part.size();
    env_.Written(path(), end_);
    return fault;
  }
  Status WriteAt(uint64_t offset, std::span<const std::byte> data) override {
    const Status fault = env_.Count(Operation::kWriteAt);
    const auto part = fault.ok() ? data : data.first(data.size() / 2);
    INGOT_TRY(base_->WriteAt(offset, part));
    env_.Written(path(), offset + part.size());
    return fault;
  }
  Status Allocate(uint64_t size) override {
    INGOT_TRY(env_.Count(Operation::kAllocate));
    return base_->Allocate(size);
  }
  Status Sync() override {
    INGOT_TRY(env_.Count(Operation::kSync));
    if (env_.real_syncs_) INGOT_TRY(base_->Sync());
    env_.Synced(path());
    return Status::Ok();
  }
  Status Close() override {
    const Status fault = env_.Count(Operation::kClose);
    const Status closed = base_->Close();
    return fault.ok() ? closed : fault;
  }
  void StartWriteback(uint64_t offset, uint64_t size) override {
    base_->StartWriteback(offset, size);
  }

 private:
  FaultEnv& env_;
  std::unique_ptr<core::WriteFile> base_;
  uint64_t end_;
};

void FaultEnv::FailAt(size_t index, Status error, FaultMode mode) {
  const std::lock_guard<std::mutex> hold(lock_);
  log_.clear();
  fail_at_ = index;
  error_ = std::move(error);
  mode_ = mode;
  happened_ = false;
}

void FaultEnv::Heal() {
  const std::lock_guard<std::mutex> hold(lock_);
  log_.clear();
  fail_at_.reset();
  happened_ = false;
}

size_t FaultEnv::operations() const {
  const std::lock_guard<std::mutex> hold(lock_);
  return log_.size();
}

std::vector<Operation> FaultEnv::log() const {
  const std::lock_guard<std::mutex> hold(lock_);
  return log_;
}

bool FaultEnv::fault_happened() const {
  const std::lock_guard<std::mutex> hold(lock_);
  return happened_;
}

Status FaultEnv::Count(Operation operation) {
  const std::lock_guard<std::mutex> hold(lock_);
  const size_t index = log_.size();
  log_.push_back(operation);
  if (!fail_at_) return Status::Ok();
  const bool fails = mode_ == FaultMode::kOnce ? index == *fail_at_ : index >= *fail_at_;
  if (!fails) return Status::Ok();
  happened_ = true;
  return error_;
}

void FaultEnv::Written(const Path& path, uint64_t end) {
  const std::lock_guard<std::mutex> hold(lock_);
  Length& length = lengths_[path];
  length.written = std::max(length.written, end);
}

void FaultEnv::Synced(const Path& path) {
  const std::lock_guard<std::mutex> hold(lock_);
  Length& length = lengths_[path];
  length.synced = length.written;
}

void FaultEnv::Moved(const Path& from, const Path& to) {
  const std::lock_guard<std::mutex> hold(lock_);
  if (const auto found = lengths_.find(from); found != lengths_.end()) {
    const Length length = found->second;
    lengths_.erase(found);
    lengths_[to] = length;
  }
}

void FaultEnv::DropUnsynced() {
  const std::lock_guard<std::mutex> hold(lock_);
  for (const auto& [path, length] : lengths_) {
    std::error_code ignored;  // the file may have been removed since
    if (length.synced < length.written && std::filesystem::exists(path, ignored)) {
      std::filesystem::resize_file(path, length.synced);
    }
  }
  lengths_.clear();
}

Result<std::unique_ptr<core::WriteFile>> FaultEnv::CreateNew(const Path& path) {
  INGOT_TRY(Count(Operation::kCreate));
  INGOT_ASSIGN(std::unique_ptr<core::WriteFile> file, base_.CreateNew(path));
  Written(path, 0);
  return std::unique_ptr<core::WriteFile>(
      std::make_unique<FaultWriteFile>(*this, std::move(file), 0));
}

Result<std::unique_ptr<core::WriteFile>> FaultEnv::OpenWrite(const Path& path) {
  INGOT_TRY(Count(Operation::kCreate));
  INGOT_ASSIGN(std::unique_ptr<core::WriteFile> file, base_.OpenWrite(path));
  INGOT_ASSIGN(const core::FileInfo info, base_.Stat(path));
  Written(path, info.size);
  return std::unique_ptr<core::WriteFile>(
      std::make_unique<FaultWriteFile>(*this, std::move(file), info.size));
}

Status FaultEnv::Rename(const Path& from, const Path& to) {
  INGOT_TRY(Count(Operation::kRename));
  INGOT_TRY(base_.Rename(from, to));
  Moved(from, to);
  return Status::Ok();
}

Status FaultEnv::RenameNoReplace(const Path& from, const Path& to) {
  INGOT_TRY(Count(Operation::kRename));
  INGOT_TRY(base_.RenameNoReplace(from, to));
  Moved(from, to);
  return Status::Ok();
}

Status FaultEnv::Remove(const Path& path) {
  INGOT_TRY(Count(Operation::kRemove));
  return base_.Remove(path);
}
Status FaultEnv::CreateDirs(const Path& path) {
  INGOT_TRY(Count(Operation::kCreateDirs));
  return base_.CreateDirs(path);
}
Status FaultEnv::SyncDir(const Path& path) {
  INGOT_TRY(Count(Operation::kSyncDir));
  return real_syncs_ ? base_.SyncDir(path) : Status::Ok();
}
Status FaultEnv::Touch(const Path& path) {
  INGOT_TRY(Count(Operation::kTouch));
  return base_.Touch(path);
}

Result<std::unique_ptr<core::ReadFile>> FaultEnv::OpenRead(const Path& path, core::Access access) {
  return base_.OpenRead(path, access);
}
Result<std::unique_ptr<core::MappedFile>> FaultEnv::Map(const Path& path, core::Access access) {
  return base_.Map(path, access);
}
Result<core::FileInfo> FaultEnv::Stat(const Path& path) { return base_.Stat(path); }
Result<core::FileInfo> FaultEnv::LStat(const Path& path) { return base_.LStat(path); }
Result<std::vector<core::DirEntry>> FaultEnv::List(const Path& path) { return base_.List(path); }
Result<core::Space> FaultEnv::FreeSpace(const Path& path) { return base_.FreeSpace(path); }
Result<std::unique_ptr<core::FileLock>> FaultEnv::Lock(const Path& path, core::LockMode mode,
                                                       bool wait) {
  return base_.Lock(path, mode, wait);
}

}  // namespace ingot::testing
