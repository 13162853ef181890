#include "store/store.h"

#include <algorithm>
#include <array>

#include "core/strings.h"

namespace ingot::store {
namespace {

using core::Code;
using core::DirEntry;
using core::FileInfo;
using core::FileKind;
using core::Result;
using core::Status;
using core::StrCat;

constexpr std::string_view kDamageHint =
    "`ingot verify` finds out what else is damaged, `ingot repair` sets it aside.";

// The entries of a directory; none where there is no directory.
Result<std::vector<DirEntry>> ListIfThere(core::Env& env, const Path& path) {
  Result<std::vector<DirEntry>> entries = env.List(path);
  if (!entries.ok() && entries.status().code() == Code::kNotFound) return std::vector<DirEntry>();
  return entries;
}

// What an entry is, links followed; kOther for a link that leads nowhere.
FileKind KindOf(core::Env& env, const Path& path, const DirEntry& entry) {
  if (entry.kind != FileKind::kSymlink) return entry.kind;
  const Result<FileInfo> info = env.Stat(path);
  return info.ok() ? info->kind : FileKind::kOther;
}

// Paths of all files exactly four levels below manifests/, in order.
Status FindManifestFiles(core::Env& env, const Path& directory, int levels,
                         std::vector<Path>& out) {
  INGOT_ASSIGN(const std::vector<DirEntry> entries, ListIfThere(env, directory));
  for (const DirEntry& entry : entries) {
    const Path path = directory / entry.name;
    const FileKind kind = KindOf(env, path, entry);
    if (levels > 1) {
      if (kind == FileKind::kDirectory) INGOT_TRY(FindManifestFiles(env, path, levels - 1, out));
    } else if (kind != FileKind::kDirectory) {
      out.push_back(path);
    }
  }
  return Status::Ok();
}

Result<ModelName> NameOfPath(const Path& manifests, const Path& path) {
  std::array<std::string, 4> parts;
  size_t count = 0;
  for (const Path& part : path.lexically_relative(manifests)) {
    if (count < parts.size()) parts[count] = part.native();
    ++count;
  }
  if (count != parts.size()) return core::InvalidArgument("a manifest lies four levels deep");
  return ModelName::FromParts(parts[0], parts[1], parts[2], parts[3]);
}

Result<StoredModel> ReadManifestFile(core::Env& env, const Path& path, const ModelName& name) {
  // The time is asked for first: should the file be replaced in between, it looks older, not newer.
  INGOT_ASSIGN(const FileInfo info, env.Stat(path));
  INGOT_ASSIGN(std::string bytes, core::ReadSmallFile(env, path, kMaxManifestBytes));
  Result<RawManifest> raw = ParseRawManifest(std::move(bytes));
  if (!raw.ok()) return std::move(raw).status().Context(core::Printable(path.native(), 1000));
  return StoredModel{name, *std::move(raw), info.modified_ns};
}

Status CheckBlobFile(const FileInfo& info, const Path& path, uint64_t expected_size) {
  if (info.size == expected_size) return Status::Ok();
  return core::Corrupt(StrCat(core::Printable(path.native(), 1000), ": expected ", expected_size,
                              " bytes, found ", info.size))
      .WithHint(kDamageHint);
}

}  // namespace

Status ManifestScan::RequireAllReadable() const {
  if (unreadable.empty()) return Status::Ok();
  const UnreadableManifest& first = unreadable.front();
  std::string more = unreadable.size() == 1
                         ? std::string()
                         : StrCat(" (and ", unreadable.size() - 1, " more like it)");
  return core::Corrupt(StrCat("the manifest of ", first.name->Short(), " cannot be read", more,
                              ": ", first.error.message()))
      .WithHint(
          "Which blobs it needs is unknown, so none is removed; `ingot repair` sets such "
          "manifests aside.");
}

Result<ModelName> Store::Canonical(const ModelName& name) const {
  std::array<std::string, 4> parts = {name.host(), name.name_space(), name.model(), name.tag()};
  Path directory = layout_.Manifests();
  for (std::string& part : parts) {
    INGOT_ASSIGN(const std::vector<DirEntry> entries, ListIfThere(env_, directory));
    const auto spelled = [&](auto&& same) {
      return std::find_if(entries.begin(), entries.end(),
                          [&](const DirEntry& entry) { return same(entry.name, part); });
    };
    // The exact spelling wins where a case-sensitive disk holds several.
    auto found = spelled([](const std::string& a, const std::string& b) { return a == b; });
    if (found == entries.end()) found = spelled(core::EqualsIgnoreCase);
    if (found == entries.end()) break;
    part = found->name;
    directory /= part;
  }
  // Equal but for case to a valid name, hence valid.
  return ModelName::FromParts(parts[0], parts[1], parts[2], parts[3], name.scheme());
}

Result<ManifestScan> Store::Scan() const {
  ManifestScan scan;
  std::vector<Path> files;
  INGOT_TRY(FindManifestFiles(env_, layout_.Manifests(), 4, files));
  for (const Path& path : files) {
    const Result<ModelName> name = NameOfPath(layout_.Manifests(), path);
    if (!name.ok()) {
      scan.strangers.push_back(path);
      continue;
    }
    Result<StoredModel> model = ReadManifestFile(env_, path, *name);
    if (model.ok()) {
      scan.models.push_back(*std::move(model));
      continue;
    }
    // Removed since it was listed: as if it had never been there. A link to nowhere stays an error.
    if (model.status().code() == Code::kNotFound && !env_.LStat(path).ok()) continue;
    scan.unreadable.push_back({path, *name, std::move(model).status()});
  }
  return scan;
}

Result<StoredModel> Store::ReadExact(const ModelName& name) const {
  return ReadManifestFile(env_, layout_.ManifestOf(name), name);
}

Result<StoredModel> Store::Read(const ModelName& name) const {
  INGOT_ASSIGN(const ModelName canonical, Canonical(name));
  Result<StoredModel> model = ReadExact(canonical);
  if (model.ok()) return model;
  Status status = std::move(model).status();
  if (status.code() != Code::kNotFound) {
    return std::move(status)
        .Context(canonical.Short())
        .WithHint(StrCat("`ingot repair` sets it aside; then pull or create ", canonical.Short(),
                         " again."));
  }
  return core::NotFound(StrCat("model ", core::Quoted(canonical.Short(), 500), " not found"))
      .WithHint(SuggestName(canonical));
}

std::string Store::SuggestName(const ModelName& name) const {
  const Result<ManifestScan> scan = Scan();
  std::vector<std::string> names;
  if (scan.ok()) {
    for (const StoredModel& model : scan->models) names.push_back(model.name.Short());
  }
  if (const auto close = core::ClosestMatch(name.Short(), names)) {
    return StrCat("Did you mean `", *close, "`?");
  }
  const std::string known = names.empty() ? StrCat("There are no models in ",
                                                   core::Printable(layout_.root().native(), 1000))
                                          : "`ingot list` shows the models there are";
  return StrCat(known, "; `ingot pull ", name.Short(), "` fetches it from where its name says.");
}

Result<std::unique_ptr<core::ReadFile>> Store::OpenBlob(const Layer& layer,
                                                        core::Access access) const {
  const Path path = layout_.Blob(layer.digest);
  INGOT_ASSIGN(std::unique_ptr<core::ReadFile> file, env_.OpenRead(path, access));
  INGOT_ASSIGN(const FileInfo info, file->Info());
  INGOT_TRY(CheckBlobFile(info, path, layer.size));
  return file;
}

Result<std::unique_ptr<core::MappedFile>> Store::MapBlob(const Layer& layer,
                                                         core::Access access) const {
  const Path path = layout_.Blob(layer.digest);
  INGOT_ASSIGN(std::unique_ptr<core::MappedFile> file, env_.Map(path, access));
  INGOT_TRY(CheckBlobFile(file->info(), path, layer.size));
  return file;
}

Result<std::string> Store::ReadBlob(const Layer& layer, uint64_t limit) const {
  const Path path = layout_.Blob(layer.digest);
  INGOT_ASSIGN(std::string content, core::ReadSmallFile(env_, path, limit));
  const Digest found = Digest::Of(content);
  if (found == layer.digest) return content;
  return core::Corrupt(
             StrCat(core::Printable(path.native(), 1000), ": its content is ", found.ToString()))
      .WithHint(kDamageHint);
}

Result<ModelConfig> Store::ReadConfig(const Manifest& manifest) const {
  INGOT_ASSIGN(const std::string text, ReadBlob(manifest.config, kMaxConfigBytes));
  return ParseModelConfig(text).Context(
      core::Printable(layout_.Blob(manifest.config.digest).native(), 1000));
}

}  // namespace ingot::store
