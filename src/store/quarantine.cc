#include "store/quarantine.h"

#include <algorithm>

#include "core/strings.h"

namespace ingot::store {
namespace {

using core::Code;
using core::Result;
using core::Status;
using core::StrCat;

// "2026-11-21T08:15:30Z" without what file managers dislike.
std::string DirectoryName(int64_t wall_ns) {
  std::string name = core::Rfc3339(wall_ns);
  std::erase_if(name, [](char c) { return c == ':' || c == '-'; });
  return name;
}

void FindDigests(std::string_view text, std::vector<Digest>& out) {
  constexpr size_t kDigestSize = 7 + 64;
  for (size_t at = text.find("sha256"); at != std::string_view::npos;
       at = text.find("sha256", at + 1)) {
    if (const Result<Digest> digest = Digest::Parse(text.substr(at, kDigestSize)); digest.ok()) {
      out.push_back(*digest);
    }
  }
}

Status SearchManifests(core::Env& env, const Path& directory, int levels,
                       std::vector<Digest>& out) {
  Result<std::vector<core::DirEntry>> entries = env.List(directory);
  if (!entries.ok()) {
    const bool absent = entries.status().code() == Code::kNotFound;
    return absent ? Status::Ok() : std::move(entries).status();
  }
  for (const core::DirEntry& entry : *entries) {
    const Path path = directory / entry.name;
    if (entry.kind == core::FileKind::kDirectory && levels > 1) {
      INGOT_TRY(SearchManifests(env, path, levels - 1, out));
    } else if (entry.kind == core::FileKind::kRegular) {
      const Result<std::string> text = core::ReadSmallFile(env, path, kMaxManifestBytes);
      if (text.ok()) FindDigests(*text, out);  // unreadable or huge: nothing can be found in it
    }
  }
  return Status::Ok();
}

}  // namespace

Result<Path> Quarantine::Take(const StoreLock&, const Path& file) {
  core::Env& env = store_.env();
  const Path relative = file.lexically_relative(store_.layout().root());
  const std::string base = DirectoryName(store_.clock().WallNs());
  for (int attempt = 0;; ++attempt) {
    if (directory_.empty()) {
      directory_ =
          store_.layout().Quarantine() / (attempt == 0 ? base : StrCat(base, "-", attempt));
    }
    const Path target = directory_ / relative;
    INGOT_TRY(env.CreateDirs(target.parent_path()));
    const Status moved = env.RenameNoReplace(file, target);
    if (moved.ok()) return target;
    // Another run of the same second put the same name there.
    if (moved.code() != Code::kAlreadyExists || attempt == 1000) return moved;
    directory_.clear();
  }
}

Result<std::vector<Digest>> DigestsInQuarantine(const Store& store) {
  core::Env& env = store.env();
  std::vector<Digest> digests;
  Result<std::vector<core::DirEntry>> runs = env.List(store.layout().Quarantine());
  if (!runs.ok()) {
    if (runs.status().code() == Code::kNotFound) return digests;
    return std::move(runs).status();
  }
  for (const core::DirEntry& run : *runs) {
    const Path manifests = store.layout().Quarantine() / run.name / "manifests";
    INGOT_TRY(SearchManifests(env, manifests, 4, digests));
  }
  return digests;
}

}  // namespace ingot::store
