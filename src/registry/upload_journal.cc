#include "registry/upload_journal.h"

#include <utility>

#include "core/log.h"
#include "core/strings.h"
#include "store/transfer_files.h"

namespace ingot::registry {
namespace {

using core::StrCat;

constexpr uint64_t kLongestEntry = 1 << 16;

std::string HeaderLine(const store::Layer& layer) {
  return StrCat("ingot-upload 1 ", layer.digest.ToString(), " ", layer.size, "\n");
}

void LogTrouble(const core::Status& status) {
  core::LogInfo("how far an upload is cannot be kept", {{"why", std::string(status.message())}});
}

}  // namespace

UploadJournal::UploadJournal(const store::Store& store, std::string repository)
    : store_(store), repository_(std::move(repository)) {
  const store::Layout& layout = store.layout();
  core::Status status = store.env().CreateDirs(store::UploadsOf(layout));
  if (status.ok()) status = store.env().CreateDirs(layout.Locks());
  if (status.ok()) {
    auto lock = store::TryLockFile(store.env(), store::UploadLockOf(layout, repository_),
                                   core::LockMode::kExclusive);
    status = lock.status();
    if (lock.ok()) lock_ = *std::move(lock);
  }
  if (!status.ok()) LogTrouble(status);
}

core::Path UploadJournal::FileOf(const store::Layer& layer) const {
  return store::UploadsOf(store_.layout()) /
         StrCat(layer.digest.Hex(), "-", store::Digest::Of(repository_).Hex().substr(0, 16));
}

std::optional<std::string> UploadJournal::Find(const store::Layer& layer) const {
  if (lock_ == nullptr) return std::nullopt;
  const auto text = core::ReadSmallFile(store_.env(), FileOf(layer), kLongestEntry);
  const std::string header = HeaderLine(layer);
  if (!text.ok() || !text->starts_with(header) || !text->ends_with('\n')) return std::nullopt;
  return text->substr(header.size(), text->size() - header.size() - 1);
}

void UploadJournal::Record(const store::Layer& layer, const std::string& address) {
  if (lock_ == nullptr) return;
  const core::Status written =
      core::WriteFileAtomic(store_.env(), FileOf(layer), StrCat(HeaderLine(layer), address, "\n"));
  if (!written.ok()) LogTrouble(written);
}

void UploadJournal::Forget(const store::Layer& layer) {
  if (lock_ == nullptr) return;
  const core::Status removed = store_.env().Remove(FileOf(layer));
  if (!removed.ok() && removed.code() != core::Code::kNotFound) LogTrouble(removed);
}

}  // namespace ingot::registry
