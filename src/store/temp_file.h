// A small file that is written whole, made durable, and only then moved to where it belongs. Goes
// away with the object unless it was moved. One thread.
#ifndef INGOT_STORE_TEMP_FILE_H_
#define INGOT_STORE_TEMP_FILE_H_

#include <string_view>

#include "core/env.h"
#include "core/status.h"

namespace ingot::store {

class TempFile {
 public:
  TempFile(core::Env& env, core::Path path) : env_(env), path_(std::move(path)) {}
  ~TempFile();
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;

  core::Status Write(std::string_view content);      // creates it; synced when OK
  core::Status MoveTo(const core::Path& target);     // replaces atomically
  core::Status MoveToNew(const core::Path& target);  // kAlreadyExists if something is there

 private:
  core::Env& env_;
  core::Path path_;
  bool there_ = false;
};

// Removes a temporary file; where that fails a later `ingot gc` will, so it is only logged.
void RemoveTemp(core::Env& env, const core::Path& path);

}  // namespace ingot::store

#endif  // INGOT_STORE_TEMP_FILE_H_
