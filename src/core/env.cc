#include "core/env.h"

#include <atomic>

#include "core/strings.h"

namespace ingot::core {

Result<std::string> ReadSmallFile(Env& env, const Path& path, uint64_t limit) {
  INGOT_ASSIGN(const std::unique_ptr<ReadFile> file, env.OpenRead(path));
  INGOT_ASSIGN(const FileInfo info, file->Info());
  if (info.size > limit) {
    return Exhausted(StrCat(Printable(path.native()), ": ", info.size, " bytes, over the limit of ",
                            limit, " for such a file"));
  }
  std::string content(info.size, '\0');
  INGOT_TRY(file->ReadAt(0, std::as_writable_bytes(std::span(content))));
  return content;
}

Status WriteFileAtomic(Env& env, const Path& path, std::string_view content) {
  // Unique among our threads and, by time, among processes; a collision is only an error.
  static std::atomic<uint64_t> counter{0};
  Path temp = path;
  std::unique_ptr<WriteFile> file;
  for (int attempt = 0; file == nullptr; ++attempt) {
    temp = path;
    temp += StrCat(".", reinterpret_cast<uintptr_t>(&content), "-", counter.fetch_add(1), ".tmp");
    Result<std::unique_ptr<WriteFile>> created = env.CreateNew(temp);
    if (!created.ok()) {
      if (created.status().code() == Code::kAlreadyExists && attempt < 100) continue;
      return std::move(created).status();
    }
    file = *std::move(created);
  }
  Status status = file->Append(AsBytes(content));
  if (status.ok()) status = file->Sync();
  if (const Status closed = file->Close(); status.ok()) status = closed;
  if (status.ok()) status = env.Rename(temp, path);
  if (!status.ok()) {
    // The error that matters is the first; a leftover temp file is harmless.
    if (const Status removed = env.Remove(temp); !removed.ok()) return status;
    return status;
  }
  return env.SyncDir(path.parent_path());
}

Status CheckUnchanged(Env& env, const Path& path, const FileInfo& before) {
  INGOT_ASSIGN(const FileInfo now, env.Stat(path));
  const std::string name = Printable(path.native());
  if (now.device != before.device || now.inode != before.inode) {
    return Corrupt(StrCat(name, ": was replaced by another file while it was being read"));
  }
  if (now.size != before.size) {
    return Corrupt(StrCat(name, ": changed from ", before.size, " to ", now.size,
                          " bytes while it was being read"));
  }
  if (now.modified_ns != before.modified_ns) {
    return Corrupt(StrCat(name, ": was written to while it was being read"));
  }
  return Status::Ok();
}

}  // namespace ingot::core
