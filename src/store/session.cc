#include "store/session.h"

#include <unistd.h>

#include <random>

#include "core/log.h"
#include "core/strings.h"
#include "store/blob_writer.h"
#include "store/hash_file.h"
#include "store/quarantine.h"
#include "store/temp_file.h"

namespace ingot::store {
namespace {

using core::Code;
using core::FileInfo;
using core::LockMode;
using core::Result;
using core::Status;
using core::StrCat;

// <process id>-<64 random bits>
std::string NewSessionName() {
  std::random_device random;
  const uint64_t bits = uint64_t{random()} << 32 | random();
  return StrCat(getpid(), "-", bits);
}

// Times are only advice to other programs: a blob that belongs to another user may keep its own.
Status TouchBlob(core::Env& env, const Path& path) {
  Status touched = env.Touch(path);
  return touched.code() == Code::kPermission ? Status::Ok() : touched;
}

// A full disk has a remedy.
Status WithSpaceHint(Status status) {
  if (status.code() != Code::kNoSpace) return status;
  return std::move(status).WithHint(
      "`ingot gc` frees what no model uses, `ingot rm` removes models.");
}

// Makes `directory`, below `top`, and every new entry on the way to it durable.
Status CreateDirsDurably(core::Env& env, const Path& top, const Path& directory) {
  std::vector<Path> changed;  // directories that get a new entry
  for (Path path = directory; path != top && !env.Stat(path).ok(); path = path.parent_path()) {
    changed.push_back(path.parent_path());
  }
  INGOT_TRY(env.CreateDirs(directory));
  for (const Path& path : changed) INGOT_TRY(env.SyncDir(path));
  return Status::Ok();
}

}  // namespace

Result<std::unique_ptr<WriteSession>> WriteSession::Begin(const Store& store) {
  const Layout& layout = store.layout();
  std::unique_ptr<WriteSession> session(
      new WriteSession(store, layout.Sessions() / NewSessionName()));
  INGOT_TRY(session->PrepareStore().Context(
      StrCat("preparing the model store ", core::Printable(layout.root().native(), 1000))));
  // A sweep looks at session files while it holds the store exclusively: it cannot see this one
  // between being made and being locked.
  INGOT_ASSIGN(const StoreLock held, LockStore(store.env(), layout, LockMode::kShared));
  INGOT_ASSIGN(session->lock_, TryLockFile(store.env(), session->file_, LockMode::kExclusive));
  if (session->lock_ == nullptr) {
    return core::Internal(StrCat("session ", session->file_.native(), " is taken"));
  }
  INGOT_ASSIGN(session->journal_, store.env().OpenWrite(session->file_));
  return session;
}

WriteSession::~WriteSession() {
  if (lock_ == nullptr) return;
  journal_.reset();
  // Removed before it is unlocked, so that nobody takes it for a dead session's.
  if (const Status removed = store_.env().Remove(file_); !removed.ok()) {
    core::LogWarning("cannot remove a session file", {{"error", std::string(removed.message())}});
  }
}

Status WriteSession::PrepareStore() {
  core::Env& env = store_.env();
  const Layout& layout = store_.layout();
  // The store's own parent may have to be made as well; from there on everything is synced.
  Path top = layout.root();
  while (top.has_relative_path() && !env.Stat(top).ok()) top = top.parent_path();
  for (const Path& directory : {layout.Blobs(), layout.Manifests(), layout.Temp(),
                                layout.Sessions(), layout.Locks(), layout.Leases()}) {
    INGOT_TRY(CreateDirsDurably(env, top, directory));
  }
  // A blob gets its name by a rename, which stays within one file system.
  INGOT_ASSIGN(const FileInfo blobs, env.Stat(layout.Blobs()));
  INGOT_ASSIGN(const FileInfo temp, env.Stat(layout.Temp()));
  if (blobs.device != temp.device) {
    return core::Unsupported(StrCat(core::Printable(layout.Blobs().native(), 1000),
                                    " lies on another file system than the rest of the store"))
        .WithHint("Move the whole store there and set INGOT_MODELS to it.");
  }
  return Status::Ok();
}

Path WriteSession::NextTempPath() {
  return store_.layout().Temp() / StrCat(file_.filename().native(), ".", temp_count_.fetch_add(1));
}

Result<std::unique_ptr<BlobWriter>> WriteSession::NewBlob(BlobExpectation expectation) {
  INGOT_ASSIGN(std::unique_ptr<core::WriteFile> file, store_.env().CreateNew(NextTempPath()));
  const std::optional<uint64_t> size = expectation.size;
  core::WriteFile& temp = *file;
  auto writer = std::make_unique<BlobWriter>(*this, std::move(file), std::move(expectation));
  if (size) INGOT_TRY(WithSpaceHint(temp.Allocate(*size)));
  return writer;
}

Result<BlobInfo> WriteSession::PutBlob(std::string_view content) {
  INGOT_ASSIGN(const std::unique_ptr<BlobWriter> writer, NewBlob());
  INGOT_TRY(writer->Append(content));
  return writer->Commit();
}

Status WriteSession::Claim(const StoreLock&, const Digest& digest) {
  const std::lock_guard<std::mutex> hold(journal_lock_);
  if (claimed_.contains(digest)) return Status::Ok();
  // The newline in front ends a line that an earlier, failed write may have left unfinished.
  INGOT_TRY(journal_->Append(core::AsBytes(StrCat('\n', digest.FileName(), '\n'))));
  claimed_.insert(digest);
  return Status::Ok();
}

Result<bool> WriteSession::Reuse(const Digest& digest, uint64_t size, Trust trust) {
  core::Env& env = store_.env();
  INGOT_ASSIGN(const StoreLock held, LockStore(env, store_.layout(), LockMode::kShared));
  INGOT_TRY(Claim(held, digest));
  const Path path = store_.layout().Blob(digest);
  const Result<FileInfo> info = env.Stat(path);
  if (!info.ok()) {
    if (info.status().code() == Code::kNotFound) return false;
    return info.status();
  }
  if (info->kind != core::FileKind::kRegular || info->size != size) return false;
  if (trust == Trust::kRehash) {
    const Result<Digest> found = HashFile(env, path);
    if (!found.ok() || *found != digest) return false;
  }
  const Status touched = TouchBlob(env, path);
  if (touched.code() == Code::kNotFound) return false;
  if (!touched.ok()) return touched;
  return true;
}

Result<bool> WriteSession::Adopt(const Path& temp, const Digest& digest, uint64_t size) {
  INGOT_ASSIGN(const bool present, Reuse(digest, size, Trust::kRehash));
  if (present) return true;
  core::Env& env = store_.env();
  const Path path = store_.layout().Blob(digest);
  INGOT_ASSIGN(const StoreLock held, LockStore(env, store_.layout(), LockMode::kShared));
  Quarantine quarantine(store_);
  // Whatever bears the name was just found wanting, or was put there since by somebody else.
  for (int attempt = 0;; ++attempt) {
    const Status placed = env.RenameNoReplace(temp, path);
    if (placed.ok()) return false;
    if (placed.code() != Code::kAlreadyExists || attempt == 3) return placed;
    const Result<Digest> found = HashFile(env, path);
    if (found.ok() && *found == digest) {
      INGOT_TRY(TouchBlob(env, path));
      return true;
    }
    const Result<Path> moved = quarantine.Take(held, path);
    if (!moved.ok() && moved.status().code() != Code::kNotFound) return moved.status();
    if (moved.ok()) {
      core::LogWarning("a damaged blob was replaced",
                       {{"digest", digest.ToString()}, {"kept as", moved->native()}});
    }
  }
}

Result<BlobInfo> WriteSession::AdoptFile(const Path& file, const Digest& digest, uint64_t size) {
  INGOT_ASSIGN(const bool reused, Adopt(file, digest, size));
  if (reused) RemoveTemp(store_.env(), file);
  return BlobInfo{digest, size, reused};
}

Status WriteSession::CheckBlobs(const Manifest& manifest) {
  core::Env& env = store_.env();
  std::unordered_set<Digest> seen;
  Status status;
  manifest.ForEachBlob([&](const Layer& layer) {
    if (!status.ok() || !seen.insert(layer.digest).second) return;
    const Path path = store_.layout().Blob(layer.digest);
    const std::string what = layer.name.empty() ? layer.media_type : core::Quoted(layer.name, 200);
    const Result<FileInfo> info = env.Stat(path);
    if (!info.ok()) {
      status = info.status().Context(StrCat("the blob of layer ", what));
    } else if (info->size != layer.size || info->kind != core::FileKind::kRegular) {
      status =
          core::Corrupt(StrCat("the blob of layer ", what, ", ", layer.digest.ToString(),
                               ": expected a file of ", layer.size, " bytes, found ", info->size));
    } else {
      status = TouchBlob(env, path);
    }
  });
  return status;
}

Status WriteSession::PlaceManifest(const Path& target, std::string_view bytes) {
  core::Env& env = store_.env();
  const Layout& layout = store_.layout();
  INGOT_TRY(env.SyncDir(layout.Blobs()));  // names of blobs before the manifest that uses them
  const Path directory = target.parent_path();
  INGOT_TRY(env.CreateDirs(directory));
  // Always, and not only where a directory is new: who made it may have been stopped before this.
  for (Path path = directory; path != layout.Manifests();) {
    path = path.parent_path();
    INGOT_TRY(env.SyncDir(path));
  }
  // Not beside its target, where any name would be somebody's model.
  TempFile temp(env, NextTempPath());
  INGOT_TRY(temp.Write(bytes));
  INGOT_TRY(temp.MoveTo(target));
  return env.SyncDir(directory);
}

Result<StoredModel> WriteSession::Commit(const ModelName& name, std::string manifest_bytes) {
  INGOT_ASSIGN(RawManifest raw, ParseRawManifest(std::move(manifest_bytes)));
  core::Env& env = store_.env();
  INGOT_ASSIGN(const StoreLock held, LockStore(env, store_.layout(), LockMode::kShared));
  INGOT_ASSIGN(const ModelName canonical, store_.Canonical(name));
  const std::string context = StrCat("writing the manifest of ", canonical.Short());
  INGOT_TRY(CheckBlobs(raw.manifest).Context(context));
  const Path target = store_.layout().ManifestOf(canonical);
  INGOT_TRY(PlaceManifest(target, raw.bytes).Context(context));
  return StoredModel{canonical, std::move(raw), store_.clock().WallNs()};
}

Result<StoredModel> WriteSession::Commit(const ModelName& name, const Manifest& manifest) {
  return Commit(name, EncodeManifest(manifest));
}

Path UniqueTempPath(const Layout& layout) { return layout.Temp() / (NewSessionName() + ".0"); }

Result<std::vector<Digest>> ReadSessionClaims(core::Env& env, const Path& session_file) {
  INGOT_ASSIGN(const std::string text, core::ReadSmallFile(env, session_file, kMaxManifestBytes));
  std::vector<Digest> claims;
  for (const std::string_view line : core::Split(text, '\n')) {
    // A line that was never finished belongs to a blob that was never relied on.
    if (const Result<Digest> digest = Digest::Parse(line); digest.ok()) claims.push_back(*digest);
  }
  return claims;
}

}  // namespace ingot::store
