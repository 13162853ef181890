#include "store/temp_file.h"

#include <memory>
#include <string>

#include "core/log.h"

namespace ingot::store {

using core::Status;

void RemoveTemp(core::Env& env, const core::Path& path) {
  if (const Status removed = env.Remove(path); !removed.ok()) {
    core::LogWarning("cannot remove a temporary file", {{"error", std::string(removed.message())}});
  }
}

TempFile::~TempFile() {
  if (there_) RemoveTemp(env_, path_);
}

Status TempFile::Write(std::string_view content) {
  INGOT_ASSIGN(const std::unique_ptr<core::WriteFile> file, env_.CreateNew(path_));
  there_ = true;
  INGOT_TRY(file->Append(core::AsBytes(content)));
  INGOT_TRY(file->Sync());
  return file->Close();
}

Status TempFile::MoveTo(const core::Path& target) {
  INGOT_TRY(env_.Rename(path_, target));
  there_ = false;
  return Status::Ok();
}

Status TempFile::MoveToNew(const core::Path& target) {
  INGOT_TRY(env_.RenameNoReplace(path_, target));
  there_ = false;
  return Status::Ok();
}

}  // namespace ingot::store
