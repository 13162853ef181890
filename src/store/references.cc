#include "store/references.h"

#include <algorithm>
#include <string>

#include "core/strings.h"
#include "store/quarantine.h"
#include "store/session.h"

namespace ingot::store {
namespace {

using core::Code;
using core::DirEntry;
using core::LockMode;
using core::Result;

void Mark(const Manifest& manifest, DigestSet& set) {
  manifest.ForEachBlob([&](const Layer& layer) { set.insert(layer.digest); });
}

struct OwnedFiles {
  std::vector<Path> alive;
  std::vector<Path> dead;
};

// Files of a directory of sessions or leases, by whether a process still holds them.
Result<OwnedFiles> FindOwned(core::Env& env, const Path& directory) {
  OwnedFiles files;
  Result<std::vector<DirEntry>> entries = env.List(directory);
  if (!entries.ok()) {
    if (entries.status().code() == Code::kNotFound) return files;
    return std::move(entries).status();
  }
  for (const DirEntry& entry : *entries) {
    const Path path = directory / entry.name;
    if (entry.kind != core::FileKind::kRegular) continue;
    INGOT_ASSIGN(const LockHandle lock, TryLockFile(env, path, LockMode::kExclusive));
    (lock == nullptr ? files.alive : files.dead).push_back(path);
  }
  return files;
}

}  // namespace

Result<References> FindReferences(const Store& store, const StoreLock& held,
                                  const ManifestScan& scan) {
  if (!held.exclusive()) return core::Internal("references are counted under an exclusive lock");
  core::Env& env = store.env();
  INGOT_TRY(scan.RequireAllReadable());
  References references;
  for (const StoredModel& model : scan.models) Mark(model.manifest(), references.models);
  // A file whose name no program of ours would read may still be somebody's manifest.
  for (const Path& stranger : scan.strangers) {
    const Result<std::string> text = core::ReadSmallFile(env, stranger, kMaxManifestBytes);
    if (!text.ok()) continue;
    if (const Result<Manifest> manifest = ParseManifest(*text); manifest.ok()) {
      Mark(*manifest, references.models);
    }
  }

  INGOT_ASSIGN(const OwnedFiles leases, FindOwned(env, store.layout().Leases()));
  for (const Path& path : leases.alive) {
    INGOT_ASSIGN(const std::string text, core::ReadSmallFile(env, path, kMaxManifestBytes));
    INGOT_ASSIGN(const Manifest manifest,
                 ParseManifest(text).Context(core::Printable(path.native(), 1000)));
    Mark(manifest, references.in_use);
  }
  INGOT_ASSIGN(const OwnedFiles sessions, FindOwned(env, store.layout().Sessions()));
  for (const Path& path : sessions.alive) {
    INGOT_ASSIGN(const std::vector<Digest> claims, ReadSessionClaims(env, path));
    references.in_use.insert(claims.begin(), claims.end());
  }
  INGOT_ASSIGN(const std::vector<Digest> rescued, DigestsInQuarantine(store));
  references.rescued.insert(rescued.begin(), rescued.end());
  return references;
}

Result<DeadFiles> FindDeadFiles(const Store& store, const StoreLock& held) {
  if (!held.exclusive()) return core::Internal("dead files are looked for under an exclusive lock");
  core::Env& env = store.env();
  DeadFiles dead;
  INGOT_ASSIGN(OwnedFiles leases, FindOwned(env, store.layout().Leases()));
  INGOT_ASSIGN(OwnedFiles sessions, FindOwned(env, store.layout().Sessions()));
  dead.owners = std::move(leases.dead);
  dead.owners.insert(dead.owners.end(), sessions.dead.begin(), sessions.dead.end());
  Result<std::vector<DirEntry>> temps = env.List(store.layout().Temp());
  if (!temps.ok()) {
    if (temps.status().code() == Code::kNotFound) return dead;
    return std::move(temps).status();
  }
  for (const DirEntry& temp : *temps) {
    // <session>.<number>
    const std::string session = temp.name.substr(0, temp.name.rfind('.'));
    const bool alive = std::any_of(sessions.alive.begin(), sessions.alive.end(),
                                   [&](const Path& path) { return path.filename() == session; });
    if (!alive && temp.kind == core::FileKind::kRegular) {
      dead.temps.push_back(store.layout().Temp() / temp.name);
    }
  }
  return dead;
}

}  // namespace ingot::store
